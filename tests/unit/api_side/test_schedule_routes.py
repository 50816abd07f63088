"""When something is due: the next slots of a job, and of a schedule that a user tries."""

import json
from datetime import datetime, timedelta
from itertools import islice, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dkron_api.routes import reports
from dkron_api.translate.forecast import Unclear, forecast, next_slots, preview
from dkron_api.translate.record import Job
from dkron_crds.job import JobSpec, JobStatus
from dkron_crds.schedule import parse
from tests.support.api_app import Api
from tests.support.builders import NOON, after, wire_job

ROUTES = (reports.ROUTES,)
MARCH = "2026-03-01T"
MINUTELY, HALF, AT_TWO = {"schedule": "0 * * * * *"}, f"{MARCH}12:30:00Z", f"{MARCH}12:02:00Z"
HOURLY = [f"{MARCH}13:00:00Z", f"{MARCH}14:00:00Z"]


def known(spec: dict[str, Any], **status: Any) -> JobStatus:
    """A status of an operator that has seen this spec."""
    fingerprint = JobSpec.from_wire({"executorConfig": {"command": "true"}, **spec}).fingerprint
    return JobStatus(observed_generation=1, fingerprint=fingerprint, **status)


def next_of(*, count: int = 3, now: datetime = NOON, status: dict[str, Any] | None = None, **spec: Any) -> list[str]:
    """The slots of a job that the operator has in force since ten minutes ago."""
    merged = {"since": after(minutes=-10), **(status or {})}
    raw = wire_job(status=known(spec, **merged), created=after(hours=-1), **spec)
    return list(forecast(Job(raw), now=now, count=count).slots)


class TestNextOfAJob:
    @pytest.mark.parametrize(
        ("spec", "expected"),
        [
            pytest.param({"schedule": "0 * * * * *"}, ["12:01:00Z", "12:02:00Z", "12:03:00Z"], id="each minute"),
            pytest.param({"schedule": "@every 7m"}, ["12:04:00Z", "12:11:00Z", "12:18:00Z"], id="every, from its edit"),
            pytest.param(
                {"schedule": "0 0 15 * * *", "timezone": "Europe/Madrid", "expiresAt": "2026-03-02T00:00:00Z"},
                ["14:00:00Z"],
                id="three in Madrid, once before it expires",
            ),
            pytest.param({**MINUTELY, "startsAt": HALF}, ["12:30:00Z", "12:31:00Z", "12:32:00Z"], id="its start"),
            pytest.param({**MINUTELY, "expiresAt": AT_TWO}, ["12:01:00Z", "12:02:00Z"], id="on the instant, not after"),
            pytest.param({"schedule": "0 * * * * *", "expiresAt": f"{MARCH}11:00:00Z"}, [], id="expired"),
            pytest.param({"schedule": f"@at {MARCH}13:00:00Z"}, ["13:00:00Z"], id="once"),
            pytest.param({"schedule": f"@at {MARCH}11:00:00Z"}, [], id="once, and that is over"),
            pytest.param({"schedule": "@manually"}, [], id="only on request"),
            pytest.param({"schedule": "0 * * * * *", "disabled": True}, [], id="disabled"),
            pytest.param({"schedule": "0 * * * * *", "parentJob": "mother"}, [], id="after another job"),
            pytest.param({"schedule": "nonsense"}, [], id="a schedule that cannot be read"),
            pytest.param({"schedule": "0 * * * * *", "timezone": "Mars/X"}, [], id="a zone that is not known"),
            pytest.param({"schedule": "0 0 0 31 2 *"}, [], id="a day that never comes"),
        ],
    )
    def test_job_has_the_slots_that_the_operator_would_fire(self, spec: dict[str, Any], expected: list[str]) -> None:
        assert next_of(**spec) == [MARCH + text for text in expected]

    @pytest.mark.parametrize(
        ("last", "expected"),
        [
            pytest.param(after(60), "12:02:00Z", id="a slot that was decided ahead is not told again"),
            pytest.param(after(hours=-5), "12:01:00Z", id="slots that were missed are not to come"),
        ],
    )
    def test_slots_come_after_the_last_one_and_after_now(self, last: datetime, expected: str) -> None:
        assert next_of(schedule="0 * * * * *", status={"last_schedule_time": last}, count=1) == [MARCH + expected]

    def test_edited_schedule_counts_from_now(self) -> None:
        status = known({"schedule": "@every 5m"}, since=after(minutes=-10))
        raw = wire_job(schedule="@every 7m", generation=2, status=status, created=after(hours=-1))
        assert list(forecast(Job(raw), now=NOON, count=1).slots) == [f"{MARCH}12:07:00Z"]

    def test_first_slot_of_an_unseen_job_matches_its_next(self) -> None:
        job = Job(wire_job(schedule="@every 7m", created=after(minutes=-10)))
        (first,) = forecast(job, now=NOON, count=1).slots
        assert first == f"{MARCH}12:04:00Z"
        assert datetime.fromisoformat(first) == next_slots(job, spec=job.spec, status=job.status, now=NOON)


class TestTheRouteOfAJob:
    async def test_ten_slots_are_returned_by_default(self, api: Api) -> None:
        api.know_jobs(wire_job())
        answer = await api.client.get("/v1/jobs/backup/next")
        assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json; charset=utf-8")
        slots = (await answer.json())["next"]
        assert len(slots) == 10
        assert slots[0] == f"{MARCH}12:01:00Z"
        many = await api.client.get("/v1/jobs/backup/next?count=1000")
        assert len((await many.json())["next"]) == 1000

    @pytest.mark.parametrize("count", ["0", "1001", "-1", "ten", "", "1.5", "1e2", " 5", "\u0661", "9" * 5000])
    async def test_a_count_that_is_none_is_refused_in_a_sentence(self, api: Api, count: str) -> None:
        api.know_jobs(wire_job())
        answer = await api.client.get("/v1/jobs/backup/next", params={"count": count})
        assert answer.status == 400
        assert (await answer.text()).endswith("is not allowed; use a whole number from 1 to 1000")

    @pytest.mark.parametrize(
        ("spec", "words", "changes"),
        [
            pytest.param({}, "at 02:30 every day, Europe/Madrid", ["2026-03-29", "2026-10-25"], id="in force"),
            pytest.param({"disabled": True}, "at 02:30 every day, Europe/Madrid", [], id="disabled"),
            pytest.param({"parentJob": "mother"}, "", [], id="after another job"),
            pytest.param({"schedule": "nonsense"}, "", [], id="a schedule that cannot be read"),
        ],
    )
    async def test_schedule_has_words_and_clock_changes(
        self, api: Api, spec: dict[str, Any], words: str, changes: list[str]
    ) -> None:
        api.know_jobs(wire_job(**{"schedule": "0 30 2 * * *", "timezone": "Europe/Madrid", **spec}))
        told = await (await api.client.get("/v1/jobs/backup/next")).json()
        assert (told["words"], [each[:10] for each in told["clock_changes"]]) == (words, changes)

    async def test_a_job_that_is_not_there_is_not_found(self, api: Api) -> None:
        api.know_jobs()
        assert (await api.client.get("/v1/jobs/none/next")).status == 404

    async def test_no_slot_is_returned_before_the_jobs_are_known(self, api: Api) -> None:
        assert (await api.client.get("/v1/jobs/backup/next")).status == 503


def tried(**asked: Any) -> list[str]:
    return list(preview(json.dumps(asked).encode(), now=NOON).slots)


class TestPreview:
    @pytest.mark.parametrize(
        ("asked", "expected"),
        [
            pytest.param({"schedule": "@hourly"}, HOURLY, id="from now on"),
            pytest.param(
                {"schedule": "0 30 2 * * *", "timezone": "Europe/Madrid", "after": "2026-03-28T00:00:00Z"},
                ["2026-03-28T01:30:00Z", "2026-03-30T00:30:00Z"],
                id="a zone, and a night without half past two",
            ),
            pytest.param({"schedule": "@every 90m"}, ["2026-03-01T13:30:00Z", "2026-03-01T15:00:00Z"], id="every, now"),
            pytest.param(
                {"schedule": "@daily", "after": "2026-06-01T00:00:00+02:00"},
                ["2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z"],
                id="after a time with an offset",
            ),
            pytest.param({"schedule": "@after 2026-03-01T11:00:00Z <PT2H"}, ["2026-03-01T11:00:00Z"], id="in grace"),
            pytest.param({"schedule": "@after 2026-03-01T11:00:00Z <PT30M"}, [], id="and not after it"),
            pytest.param({"schedule": "@manually"}, [], id="never"),
            pytest.param({"schedule": "@hourly", "timezone": None, "after": None}, HOURLY, id="null is absent"),
        ],
    )
    def test_schedule_has_the_slots_of_a_job_created_with_it(self, asked: dict[str, Any], expected: list[str]) -> None:
        assert tried(**asked, count=2) == expected

    def test_a_tilde_draws_from_the_name_as_for_the_job(self) -> None:
        slots = {name: tried(schedule="0 ~ ~ * * *", name=name, count=1)[0] for name in ("a", "b", "c", "d")}
        assert len(set(slots.values())) > 1
        for name, slot in slots.items():
            assert datetime.fromisoformat(slot) == parse("0 ~ ~ * * *", name=name).next(NOON)

    def test_ten_slots_are_returned_by_default(self) -> None:
        assert len(tried(schedule="@hourly")) == len(tried(schedule="@hourly", count=None)) == 10
        assert len(tried(schedule="@hourly", count=1000)) == 1000

    @pytest.mark.parametrize(
        ("body", "sentence"),
        [
            pytest.param(b"", "the body is not JSON: ", id="nothing"),
            pytest.param(b'{"schedule":"@daily"} x', "the body is not JSON: trailing characters", id="more behind it"),
            pytest.param(b"[" * 50_000, "the body is not JSON: recursion limit exceeded", id="deep nesting"),
            pytest.param(b'{"schedule":"\xff"}', "the body is not JSON: ", id="bytes that are no text"),
            pytest.param(b'["@daily"]', "the body is not an object; send one with the fields schedule, ", id="a list"),
            pytest.param(b"null", "the body is not an object; ", id="null"),
            pytest.param(b"{}", "schedule: missing; ", id="no schedule"),
            pytest.param(b'{"schedule":null}', "schedule: null is not allowed; use a text", id="null as schedule"),
            pytest.param(b'{"schedule":5}', "schedule: 5 is not allowed; use a text", id="a number as schedule"),
            pytest.param(b'{"schedule":"@daily","timezone":true}', "timezone: true is not allowed", id="a bool zone"),
            pytest.param(
                b'{"schedule":"@daily","after":"5"}', 'after: "5" is not an instant; use RFC 3339 ', id="no time at all"
            ),
            pytest.param(
                b'{"schedule":"@daily","after":"9999-01-01T00:00:00Z"}',
                "after: slots are computed up to",
                id="too late",
            ),
            pytest.param(b'{"schedule":"@daily","after":"2026-03-01T12:00:00"}', "after: ", id="a time without zone"),
            pytest.param(b'{"schedule":"@daily","count":0}', "count: 0 is not allowed; use a whole", id="no slot"),
            pytest.param(b'{"schedule":"@daily","count":true}', "count: true is not allowed", id="a flag as count"),
            pytest.param(
                b'{"schedule":"@daily","time_zone":"UTC"}',
                '"time_zone" is not known; the fields are schedule, timezone, name, after, count',
                id="an unknown field",
            ),
            pytest.param(b'{"schedule":"* * * * *"}', 'schedule: "* * * * *" has five fields', id="five fields"),
            pytest.param(
                b'{"schedule":"@daily","timezone":"Mars/X"}', 'timezone: "Mars/X" is not a time zone', id="zone"
            ),
        ],
    )
    def test_nonsense_is_refused_in_one_sentence(self, body: bytes, sentence: str) -> None:
        with pytest.raises(Unclear) as refused:
            preview(body, now=NOON)
        assert str(refused.value).startswith(sentence)
        assert "\n" not in str(refused.value)

    @given(st.binary(max_size=200) | st.text(max_size=60).map(lambda text: json.dumps({"schedule": text}).encode()))
    def test_any_body_is_answered_or_refused(self, body: bytes) -> None:
        try:
            slots = [datetime.fromisoformat(text) for text in islice(preview(body, now=NOON).slots, 3)]
        except Unclear:
            return
        assert all(later > earlier for earlier, later in pairwise(slots))

    @given(
        st.sampled_from(["0 30 2 * * *", "0 0 0 29 2 *", "@every 61s", "0 0 */5 * * 1", "@weekly"]),
        st.sampled_from(["", "Europe/Madrid", "America/New_York", "Asia/Kathmandu"]),
        st.integers(0, 10**9),
    )
    def test_slots_are_ascending_and_after_the_given_instant(self, text: str, zone: str, offset: int) -> None:
        since = NOON + timedelta(seconds=offset)
        told = [datetime.fromisoformat(slot) for slot in tried(schedule=text, timezone=zone, after=since.isoformat())]
        assert told[:1] == list(filter(None, [parse(text, timezone=zone).next(since)]))
        assert all(later > earlier for earlier, later in pairwise([since, *told]))


class TestTheRouteOfAPreview:
    async def test_it_needs_no_job_and_no_cluster(self, api: Api) -> None:
        answer = await api.client.post("/v1/schedule/preview", data=b'{"schedule":"@hourly","count":2}')
        assert answer.status == 200
        assert await answer.json() == {"next": HOURLY, "words": "every hour", "clock_changes": []}
