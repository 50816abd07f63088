"""Statuses that the API server takes and no operator writes: a job is shown with what can be shown, others whole."""

import json
import logging
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dkron_api.cache.job_index import JobIndex
from dkron_api.edge.keys import CLUSTERS
from dkron_api.routes import executions, reports
from dkron_api.translate import gojson
from dkron_api.translate.details import details
from dkron_api.translate.events import differences
from dkron_api.translate.execution import listed, running, single
from dkron_api.translate.forecast import forecast
from dkron_api.translate.job import bare, shown
from dkron_api.translate.members import holder
from dkron_api.translate.record import Job, lenient
from dkron_api.translate.run import Run, progress
from dkron_crds.base import INT64_MAX
from dkron_crds.job import JobStatus
from dkron_reports.agenda import planning
from dkron_reports.explain import explain, read_question
from dkron_reports.health import health_of
from dkron_reports.job import from_object
from dkron_reports.slices import at_once
from dkron_reports.summary import summarizing
from tests.support.api_app import running_api
from tests.support.builders import NOON, wire_job
from tests.support.examples import examples

Object = dict[str, Any]
FIRST, LAST = "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"
TIMES = st.sampled_from(
    (
        FIRST,
        LAST,
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
        "1970-01-01T00:00:00Z",
        "2026-03-01T12:00:00Z",
    )
)
COUNTS = st.sampled_from((0, 1, INT64_MAX, 2**63 - 1, 2**53))
ZONES = ("", "UTC", "Asia/Tokyo", "America/New_York", "Pacific/Kiritimati", "Nowhere/At_All")
SCHEDULES = ("@daily", "@every 1s", "@every 2562047h", "0 0 0 29 2 *", "@at 9999-12-31T23:59:59Z", "no schedule", "")
ATTEMPT: Object = {
    "id": st.sampled_from(("1-a", "2-b", "")), "job": st.sampled_from(("a", "b")), "slot": TIMES,
    "trigger": st.just("schedule"), "group": COUNTS, "attempt": st.sampled_from((1, 2**32)), "startedAt": TIMES,
}  # fmt: skip
EXECUTION: Object = {**ATTEMPT, "state": st.sampled_from(("Succeeded", "Failed", "Cancelled")), "finishedAt": TIMES}
ACTIVE: Object = {
    **ATTEMPT, "state": st.sampled_from(("Waiting", "Claimed", "Queued", "Running")), "uid": st.sampled_from(("", "u")),
}  # fmt: skip
DAY = st.fixed_dictionaries(
    {"date": st.sampled_from(("0001-01-01", "9999-12-31", "2026-03-01")), "success": COUNTS, "failed": COUNTS}
)
STATUSES = st.fixed_dictionaries(
    {},
    optional={
        "observedGeneration": COUNTS, "since": TIMES, "lastScheduleTime": TIMES, "next": TIMES, "rebuiltAt": TIMES,
        "lastSuccess": TIMES, "lastError": TIMES, "successCount": COUNTS, "errorCount": COUNTS,
        "fingerprint": st.sampled_from(("", "x")), "status": st.sampled_from(("", "success", "odd")),
        "active": st.lists(st.fixed_dictionaries(ACTIVE), max_size=3),
        "executions": st.lists(st.fixed_dictionaries(EXECUTION), max_size=3),
        "days": st.lists(DAY, max_size=3),
        "skipped": st.fixed_dictionaries({"count": COUNTS, "lastTime": TIMES, "lastReason": st.just("Missed")}),
    },
)  # fmt: skip


QUESTIONS: tuple[Object, ...] = (
    {"at": "now"}, {"start": "1h", "end": "now"}, {"start": FIRST, "end": FIRST}, {"at": LAST},
)  # fmt: skip


def job(status: Object, *, version: int = 1, **spec: Any) -> Job:
    return Job({**wire_job(version=version, **spec), "status": status})


@settings(max_examples=examples(150), deadline=None)
@given(STATUSES, STATUSES, st.sampled_from(ZONES), st.sampled_from(SCHEDULES))
def test_no_status_keeps_a_job_from_being_shown(before: Object, after: Object, zone: str, schedule: str) -> None:
    odd = job(after, schedule=schedule, timezone=zone)
    assert shown(odd, children=(), now=NOON)["name"] == odd.name
    assert json.loads(gojson.encode(details(odd, [odd], more=False)))["object"] == odd.object_name
    for item in (*listed(odd, {}), *at_once(running([odd]))):
        assert single(odd, item["id"]) is not None
    assert all(isinstance(slot, str) for slot in forecast(odd, now=NOON, count=3).slots)
    for texts in QUESTIONS:
        question = read_question(**texts, now=NOON)
        assert explain(from_object(odd.raw), question, now=NOON).as_json()["remarks"] is not None
    stood = health_of(odd.raw, now=NOON)
    assert at_once(summarizing([stood], now=NOON)).as_json()["jobs"] == 1
    plan = planning([(stood.job, stood.first(NOON))], now=NOON, end=NOON.replace(year=9000), most=3, looked=3)
    assert len(json.dumps(at_once(plan).as_json())) > 0
    assert differences(job(before, timezone=zone), odd) is not None
    progress(odd, Run("x", NOON))


BOUNDS = (
    pytest.param(FIRST, "America/New_York", "0001-01-01T00:00:00Z", id="the first day, in a zone that is behind"),
    pytest.param(LAST, "Asia/Tokyo", LAST, id="the last day, in a zone that is ahead"),
    pytest.param("2026-03-01T12:00:00Z", "Asia/Tokyo", "2026-03-01T21:00:00+09:00", id="any other day"),
)


@pytest.mark.parametrize(("at", "zone", "expected"), BOUNDS)
def test_execution_at_the_calendar_end_is_shown_in_utc(at: str, zone: str, expected: str) -> None:
    ended = {"id": "1-a", "job": "a", "slot": at, "trigger": "schedule", "group": 1, "attempt": 1, "state": "Succeeded"}
    odd = job({"executions": [{**ended, "startedAt": at, "finishedAt": at}]}, timezone=zone)
    assert [item["started_at"] for item in listed(odd, {})] == [expected]


def test_list_omits_only_unreadable_items() -> None:
    good = {"date": "2026-03-01", "success": 1, "failed": 0}
    status = {
        "days": [{**good, "success": -1}, good, {**good, "date": "0000-01-01"}],
        "successCount": "x",
        "errorCount": 3,
    }
    read = lenient(JobStatus, status)
    assert [day.date for day in read.days] == [date(2026, 3, 1)]
    assert (read.success_count, read.error_count) == (0, 3)


def test_a_list_that_is_too_long_is_left_out() -> None:
    assert lenient(JobStatus, {"days": [{"date": "2026-03-01", "success": 1, "failed": 0}] * 8}).days == ()


def test_unshowable_job_is_reduced_and_logged_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(job: Job, **more: Any) -> Object:
        if job.name == "odd":
            raise RecursionError
        return shown(job, **more)

    monkeypatch.setattr("dkron_api.cache.job_index.shown", broken)
    job_index = JobIndex(lambda: NOON)
    for number, name in enumerate(("good", "odd"), 1):
        job_index.upsert(wire_job(name=name, uid=name, version=number, owner=7, displayName="words"))
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            listed_jobs = json.loads(b"".join(job_index.listed().pieces))
    assert [each["name"] for each in listed_jobs] == ["good", "odd"]
    assert (listed_jobs[1]["displayname"], listed_jobs[1]["owner"], listed_jobs[1]["schedule"]) == (
        "words",
        "",
        "0 * * * * *",
    )
    assert listed_jobs[1].keys() == listed_jobs[0].keys()
    assert [record.getMessage() for record in caplog.records] == ['cannot show all fields of the job "odd"']


def test_reduced_job_has_the_fields_of_any_job() -> None:
    assert list(bare(job({}), children=["x"])) == list(shown(job({}), children=["x"], now=NOON))


async def test_odd_job_breaks_neither_statistics_nor_busy() -> None:
    days = [
        {"date": "2026-03-01", "success": INT64_MAX, "failed": INT64_MAX},
        {"date": "0001-01-01", "success": 1, "failed": 1},
    ]
    running_now = {"id": "1-a", "job": "a", "state": "Running", "uid": "u", "slot": LAST, "trigger": "manual",
                   "group": 1, "attempt": 1}  # fmt: skip
    async with running_api(reports.ROUTES, executions.ROUTES) as api:
        odd = [
            {
                **wire_job(name=name, uid=name, version=version),
                "status": {"days": days, "active": [{**running_now, "startedAt": LAST}]},
            }
            for version, name in enumerate("abc", 1)
        ]
        api.know_jobs(*odd)
        api.know(CLUSTERS)
        for path in ("/v1/stats", "/v1/stats?days=365", "/v1/busy", "/v1/jobs/a/executions"):
            answer = await api.client.get(path)
            assert answer.status == 200, f"{path}\n{await answer.text()}"
        counted = await (await api.client.get("/v1/stats?days=1")).json()
    assert counted["stats"][0]["success_count"] == INT64_MAX


@pytest.mark.parametrize(("renewed", "held"), [(LAST, True), (FIRST, False), ("2026-03-01T11:59:59Z", True)])
def test_a_lease_of_any_time_is_held_or_not(renewed: str, held: bool) -> None:
    lease = {"metadata": {}, "spec": {"holderIdentity": "a", "renewTime": renewed, "leaseDurationSeconds": 15}}
    assert (holder(lease, NOON) is not None) is held
