"""One object never stops the others: what cannot be read, planned, built or counted is told, and the rest goes on."""

from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any, cast

import pytest

from dkron_crds.base import INT64_MAX
from dkron_crds.bounds import mark
from dkron_crds.job import ConditionType, Day, JobStatus, ReadyReason, Skipped, SkipReason
from dkron_crds.status import MAX_COUNTED, MAX_REFUSED
from dkron_crds.totals import counts, daily_totals
from dkron_kube.client import KubeClient
from dkron_kube.errors import NotFound, Rejected
from dkron_kube.paths import EVENTS, JOBS, PODS
from dkron_operator.act.events import NOTE_ROOM, clipped
from dkron_operator.cache import views as cache
from dkron_operator.cache.store import Store
from dkron_operator.cluster.daily_totals import DailyTotals
from dkron_operator.delivery.outputs import Outputs
from dkron_operator.plan.actions import Report, Severity
from dkron_operator.plan.advance import advance
from dkron_operator.plan.situation.read import read_job
from dkron_operator.plan.status.changes import Finished, SlotsSkipped
from dkron_operator.plan.steps import requested_runs as run_requests
from dkron_operator.reconcile import reconciler
from tests.support.builders import (
    NOON,
    UID,
    after,
    claim,
    execution,
    job_view,
    outcome,
    request_claim,
    run,
    seen,
    situation,
    thirds_of_minutes,
    wire_job,
)
from tests.support.edges import Edges, begin, until
from tests.support.fake_kube import FakeKube
from tests.support.folding import fold_one
from tests.support.plans import requests_removed
from tests.unit.operator_side.test_object_guard import Odd, warnings

Object = dict[str, Any]


ENDS_OF_TIME = [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)]


def ready(status: JobStatus) -> tuple[str, str, str]:
    found = next(each for each in status.conditions if each.type == ConditionType.READY)
    return str(found.status), found.reason, found.message


def events(edges: Edges) -> list[str]:
    return [edges.kube.has(EVENTS, name)["reason"] for name in edges.kube.names(EVENTS)]


# --- reading -------------------------------------------------------------------------------------------------------


def marked(version: int = 1) -> Object:
    body = wire_job(version=version, history={"executions": 7})
    mark(body, "it is too odd")
    return body


def test_unreadable_job_reports_why_and_keeps_its_history(caplog: pytest.LogCaptureFixture) -> None:
    store = Store()
    store.upsert_job(marked())
    (entry,) = store
    problem = entry.job.problem
    assert problem is not None
    assert (problem.reason, "too odd" in problem.message) == (ReadyReason.UNREADABLE, True)
    assert entry.job.spec.history.executions == 7
    store.upsert_job(marked(version=2))
    assert len(warnings(caplog)) == 1, "once for each generation"
    store.upsert_job(wire_job(version=3))
    (fixed,) = store
    assert fixed.job.problem is None


@pytest.mark.parametrize("error", [RecursionError(), MemoryError(), Odd()], ids=lambda error: type(error).__name__)
def test_unreadable_job_is_reported_and_others_are_read(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    def odd(body: Object) -> Any:
        if body["metadata"]["uid"] == UID:
            raise error
        return read_job(body)

    monkeypatch.setattr(cache, "read_job", odd)
    store = Store()
    for version in (1, 2, 3):
        store.upsert_job(wire_job(version=version))
    assert list(store.upsert_job(wire_job(version=4, uid="other", name="other"))) == ["other"]
    entry = store.get(UID)
    assert entry is not None
    assert entry.job.problem is not None
    assert type(error).__name__ in entry.job.problem.message
    assert len(warnings(caplog)) == 1


# --- planning ------------------------------------------------------------------------------------------------------


@pytest.mark.looptime
async def test_unplannable_job_reports_it_and_backs_off(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    times: list[float] = []

    def odd(_: object) -> Any:
        times.append((edges.parts.ports.clock.now() - NOON).total_seconds())
        raise Odd("a fault")

    edges = begin()
    with monkeypatch.context() as patched:
        patched.setattr(reconciler, "advance", odd)
        async with edges.running():
            await until(3000)
    status, reason, message = ready(edges.status())
    assert (status, reason, "Odd" in message, "Traceback" in message) == ("False", "InternalError", True, False)
    assert events(edges) == ["InternalError"]
    assert max(later - earlier for earlier, later in pairwise(times)) > 200
    assert len(times) < 30
    assert len([record for record in caplog.records if record.exc_info]) <= 5


@pytest.mark.parametrize(
    ("what", "spec"),
    [
        pytest.param("affinity", {"jobTemplate": {"spec": {"template": {"spec": {"affinity": "x"}}}}}, id="affinity"),
        pytest.param("1970", {"schedule": "@after 1960-01-01T00:00:00Z <P100Y"}, id="after before 1970"),
    ],
)
def test_a_spec_that_could_not_be_planned_is_a_problem(what: str, spec: Object) -> None:
    job = job_view(**spec)
    assert job.problem is not None
    assert what in job.problem.message
    advance(situation(job, JobStatus(since=NOON)))


@pytest.mark.parametrize("missed", ["all", "latest", "skip"])
@pytest.mark.parametrize("schedule", ["@at 1960-01-01T00:00:00Z", "@every 1000h", "0 0 0 1 1 *"])
@pytest.mark.parametrize("since", ENDS_OF_TIME)
def test_any_time_in_since_can_be_planned(missed: str, schedule: str, since: datetime) -> None:
    job = job_view(schedule=schedule, missedRuns=missed)
    plan = advance(situation(job, JobStatus(since=since, fingerprint=job.fingerprint)))
    assert all(entry.group >= 0 for entry in plan.status.active)


@pytest.mark.parametrize("at", ENDS_OF_TIME)
def test_an_end_at_any_time_is_recorded(at: datetime) -> None:
    entry, job = seen(claim()), job_view(retries=1)
    status = JobStatus(since=NOON, fingerprint=job.fingerprint, active=(entry,))
    ends = {entry.job: outcome(success=False, at=at)}
    assert ready(advance(situation(job, status, runs=[run(entry)], outcomes=ends)).status)


# --- counting ------------------------------------------------------------------------------------------------------


def test_counters_stay_at_their_limits() -> None:
    full = JobStatus(
        success_count=INT64_MAX,
        error_count=INT64_MAX,
        counted=tuple(f"x{number}" for number in range(MAX_COUNTED)),
        skipped=Skipped(count=INT64_MAX, last_time=NOON, last_reason=SkipReason.MISSED),
        days=(Day(date=NOON.date(), success=INT64_MAX, failed=INT64_MAX),),
    )
    history = job_view().spec.history
    for success in (True, False):
        entry = claim(after(minutes=int(success)))
        full = fold_one(full, Finished(execution(entry, success=success)), history)
        full = fold_one(full, SlotsSkipped(after(hours=9), SkipReason.MISSED, slots=thirds_of_minutes()), history)
        assert full.counted[-1] == entry.job
    assert JobStatus.from_wire(full.to_wire()) == full


def test_days_at_both_ends_of_the_calendar_are_folded() -> None:
    history = job_view().spec.history
    for day in (date.min, date.max):
        status = JobStatus(days=(Day(date=day, success=1, failed=0),))
        fold_one(status, Finished(execution(claim())), history)


def test_totals_saturate_and_contain_no_future_days() -> None:
    day, much = NOON.date(), INT64_MAX
    living = [(Day(date=day, success=much, failed=much),)] * 3
    assert daily_totals((), (), living)[day] == Day(date=day, success=much, failed=much)
    ledger = DailyTotals()
    for number, days in enumerate([*living, (Day(date=date.max, success=1, failed=0),)]):
        ledger.upsert(str(number), JobStatus(since=NOON, days=days))
    assert ledger.days(day) == (Day(date=day, success=much, failed=much),)
    assert ledger.departed(day) == ()
    assert counts(ledger.days(date.max))[date.max, True] == 1


# --- requests ------------------------------------------------------------------------------------------------------


def test_refusals_that_fill_the_status_are_bounded() -> None:
    names = [f"r{number:04}" for number in range(3000)]
    job = job_view(schedule="@manually", disabled=True, requests=dict.fromkeys(names, "2026-03-01T12:00:00Z"))
    refused = tuple(request_claim(name).job for name in names[-MAX_REFUSED:])
    asked = situation(job, JobStatus(since=NOON, fingerprint=job.fingerprint, refused=refused))
    plan = advance(asked)
    assert set(requests_removed(plan)) <= set(names[-MAX_REFUSED:])
    assert len(requests_removed(plan)) == run_requests.MOST_AT_ONCE


# --- the rest ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["é" * 2000, "x" + "€" * 700, "x" * 1025, "🙂" * 400], ids=["two", "three", "one", "four"]
)
def test_notes_are_cut_by_bytes_between_characters(text: str) -> None:
    note = clipped(text, NOTE_ROOM)
    assert NOTE_ROOM - 4 < len(note.encode()) <= NOTE_ROOM
    assert note.endswith("…")
    assert text.startswith(note[:-1])
    assert clipped("é" * 512, NOTE_ROOM) == "é" * 512


async def test_notification_of_an_impossible_name_has_no_output() -> None:
    kube = FakeKube()
    kube.fail("list pods", Rejected("unable to parse requirement", status=400))
    assert (
        await Outputs(cast("KubeClient", kube), namespace_of=lambda _: "team").find(job_view(), execution(claim()))
        is None
    )
    assert kube.calls


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_no_name_leads_elsewhere(name: str) -> None:
    with pytest.raises(NotFound):
        JOBS.path("default", name)
    assert PODS.path("default", "../x?y#z") == "/api/v1/namespaces/default/pods/..%2Fx%3Fy%23z"


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("message", "told"),
    [
        pytest.param('events "x" is forbidden: no right', ["WARNING"], id="for want of a right"),
        pytest.param("unable to create new content in namespace a because it is being terminated", [], id="at the end"),
    ],
)
async def test_refused_event_is_logged_unless_its_namespace_terminates(
    caplog: pytest.LogCaptureFixture, message: str, told: list[str]
) -> None:
    edges = begin()
    edges.kube.fail("create events", Rejected(message, status=403))
    edges.events.report(edges.entry().job, Report(Severity.WARNING, "SlotSkipped", "why"))
    with caplog.at_level("INFO"):
        async with edges.running():
            await until(1)
    assert [record.levelname for record in caplog.records if "event not accepted" in record.getMessage()] == told


@pytest.mark.looptime
async def test_noisy_job_leaves_room_for_events_of_others() -> None:
    edges, other = begin(), job_view(name="other", uid="other")
    for number in range(500):
        edges.events.report(edges.entry().job, Report(Severity.WARNING, "RunRefused", str(number)))
    edges.events.report(other, Report(Severity.WARNING, "InvalidSchedule", "no"))
    for number in range(500):
        edges.events.report(edges.entry().job, Report(Severity.WARNING, "RunRefused", f"again {number}"))
    async with edges.running():
        await until(30)
    told = events(edges)
    # The first plan of the job may report an Event of its own, which takes one of its hundred places.
    assert told.count("RunRefused") in {99, 100}
    assert told.count("InvalidSchedule") == 1
    assert any(body["note"] == "again 499" for body in edges.kube.bodies if "note" in body), "the newest is sent"
