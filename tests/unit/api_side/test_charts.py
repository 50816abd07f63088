"""Counts by steps of time, durations, skipped slots and revisions, with an archive and without one."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from dkron_api.routes import charts, revisions
from dkron_archive.records import Revision, SkippedSlots
from dkron_crds.job import JobStatus, Skipped, SkipReason
from dkron_from_dkron.moments import ZERO
from tests.support.api_app import Api, running_api
from tests.support.builders import NOON, after, claim, execution, seen, wire_job
from tests.support.fake_archive import AWAY, KEY, FakeArchive, archived

ROUTES = (charts.ROUTES, revisions.ROUTES)
OTHER = replace(KEY, name="other", uid="uid-of-other")
GONE = replace(KEY, name="gone", uid="uid-of-gone")
SKIPPED = Skipped(count=7, last_time=after(-30), last_reason=SkipReason.CONCURRENCY_FORBIDDEN)
FORBIDDEN = "an earlier run was active or waited, and spec.concurrency is forbid"


def filled() -> FakeArchive:
    """Executions that ended 1, 2, 3 and 90 minutes ago, the last but one failed; one of another job; skipped slots."""
    found = FakeArchive(*(archived(number, success=number != -2, seconds=-number) for number in (-1, -2, -3, -90)))
    found.put(archived(-3, job=OTHER))
    found.skips = [
        SkippedSlots(KEY, after(minutes=-9), after(minutes=-5), 5, "Missed", "the operator was away"),
        SkippedSlots(OTHER, after(minutes=-4), after(minutes=-4), 1, "ConcurrencyForbidden"),
    ]
    versions: tuple[dict[str, Any], ...] = (
        {"schedule": "@daily"},
        {"schedule": "@hourly", "owner": "ops"},
        {"schedule": "@hourly", "tags": {"a": "b"}},
    )
    found.changes = [
        Revision(KEY, f"h{number}", number, after(days=number - 9), "ann", spec)
        for number, spec in enumerate(versions, start=1)
    ]
    return found


def know(api: Api) -> None:
    """The status shows an execution that ended half a minute ago, and one that the archive has, too."""
    late, early = (execution(seen(claim(after(seconds))), seconds=5) for seconds in (-35, -65))
    status = JobStatus(executions=(late, early), skipped=SKIPPED)
    api.know_jobs(wire_job(status=status), wire_job(name="other", uid=OTHER.uid))


def at(minutes: int, success: int = 0, failed: int = 0, skipped: int = 0) -> dict[str, Any]:
    begin = (NOON + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"begin": begin, "success": success, "failed": failed, "skipped": skipped}


@dataclass(frozen=True)
class Case:
    """A question, and the answers with an archive and without one."""

    path: str
    expected: Any
    without: Any


LATE = {"day": "2026-03-01T00:00:00Z", "count": 2, "p50": 5.0, "p90": 5.0, "p99": 5.0, "longest": 5.0}
LAST = {
    "job_name": "backup",
    "first": "2026-03-01T11:59:30Z",
    "last": "2026-03-01T11:59:30Z",
    "count": 1,
    "reason": "ConcurrencyForbidden",
    "message": FORBIDDEN,
}
FOUR = {"job_name": "other", "first": "2026-03-01T11:56:00Z", "last": "2026-03-01T11:56:00Z"} | {
    key: LAST[key] for key in ("count", "reason", "message")
}
FIVE = {
    "job_name": "backup",
    "first": "2026-03-01T11:51:00Z",
    "last": "2026-03-01T11:55:00Z",
    "count": 5,
    "reason": "Missed",
    "message": "the operator was away",
}
DURATIONS = {"day": "2026-03-01T00:00:00Z", "count": 3, "p50": 90.0, "p90": 90.0, "p99": 90.0, "longest": 90.0}
CASES = [
    pytest.param(Case("timeline?from=1h&step=minute",
                      [at(-5, skipped=5), at(-4, skipped=1), at(-3, 2), at(-2, 0, 1), at(-1, 2)],
                      [at(-1, 2)]), id="minutes"),
    pytest.param(Case("timeline?step=hour", [at(-120, 1), at(-60, 4, 1, 6)], [at(-60, 2)]), id="hours"),
    pytest.param(Case("timeline?from=240h", [at(-120, 1), at(-60, 4, 1, 6)], [at(-60, 2)]), id="by default"),
    pytest.param(Case("timeline?from=1h&job=other&step=minute", [at(-4, skipped=1), at(-3, 1)], []), id="of one job"),
    pytest.param(Case("skipped", [FOUR, FIVE], [LAST]), id="skipped slots"),
    pytest.param(Case("skipped?job=backup", [FIVE], [LAST]), id="skipped slots of one job"),
    pytest.param(Case("skipped?from=2h&to=1h", [], []), id="skipped slots of another time"),
    pytest.param(Case("jobs/backup/durations", [DURATIONS], [LATE]), id="durations"),
    pytest.param(Case("jobs/backup/durations?to=24h", [], []), id="durations of another time"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES)
async def test_answer_is_from_archive_or_status(case: Case) -> None:
    archive = filled()
    async with running_api(*ROUTES, archive=archive) as api:
        know(api)
        answer = await api.client.get(f"/v1/{case.path}")
        assert (answer.status, await answer.json()) == (200, case.expected)
        assert "Warning" not in answer.headers
        archive.trouble = AWAY
        answer = await api.client.get(f"/v1/{case.path}")
        assert (answer.status, await answer.json(), AWAY in answer.headers["Warning"]) == (200, case.without, True)
    async with running_api(*ROUTES) as api:
        know(api)
        answer = await api.client.get(f"/v1/{case.path}")
        assert (answer.status, await answer.json(), "Warning" in answer.headers) == (200, case.without, False)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        pytest.param("timeline?step=second", 'step: "second" is not known; use minute, hour, day', id="step"),
        pytest.param("timeline?step=minute&from=72h", "step: minute is for 2 days at most; use a longer", id="minutes"),
        pytest.param("timeline?from=3661d", "from and to are more than 3660 days apart; use a shorter", id="period"),
        pytest.param("skipped?from=1h&to=2h", "from is later than to; swap them", id="order"),
        pytest.param("jobs/backup/durations?from=yes", 'from: "yes" is not a time; use RFC 3339', id="time"),
    ],
)
async def test_impossible_period_is_refused(api: Api, path: str, sentence: str) -> None:
    know(api)
    answer = await api.client.get(f"/v1/{path}")
    assert (answer.status, (await answer.text())[: len(sentence)]) == (400, sentence)


async def test_revisions_tell_what_each_changed() -> None:
    archive = filled()
    archive.changes.append(Revision(GONE, "g1", 1, NOON, "ann", {"schedule": "@daily"}))
    archive.changes.append(
        Revision(replace(GONE, uid="made-again"), "g2", 1, after(60), "bob", {"schedule": "@hourly"})
    )
    async with running_api(*ROUTES, archive=archive) as api:
        know(api)
        found = await (await api.client.get("/v1/jobs/backup/revisions")).json()
        told = [(each["generation"], each["hash"], each["by"], each["changed"]) for each in found]
        assert told == [
            (3, "h3", "ann", ["owner", "tags"]),
            (2, "h2", "ann", ["owner", "schedule"]),
            (1, "h1", "ann", []),
        ]
        for name, of in (("1", "g2"), ("2026-03-01T12:00:00Z", "g1"), ("2026-03-01T12:01:00Z", "g2")):
            gone = await (await api.client.get(f"/v1/jobs/gone/revisions/{name}")).json()
            assert gone["hash"] == of, "a job that was made again has each number twice"
        one = await (await api.client.get("/v1/jobs/backup/revisions/3")).json()
        assert one["differences"] == [
            {"field": "owner", "before": "ops", "after": ""},
            {"field": "tags.a", "before": None, "after": "b"},
        ]
        assert (one["job"]["schedule"], one["job"]["tags"], one["job"]["next"]) == ("@hourly", {"a": "b"}, ZERO)
        assert one["spec"] == {"schedule": "@hourly", "tags": {"a": "b"}}
        for path, status in (("backup/revisions/4", 404), ("none/revisions", 404), ("backup/revisions/x", 404)):
            assert (await api.client.get(f"/v1/jobs/{path}")).status == status, path
        archive.trouble = AWAY
        assert (await api.client.get("/v1/jobs/backup/revisions")).status == 503


async def test_revisions_without_an_archive_name_the_option(api: Api) -> None:
    know(api)
    answer = await api.client.get("/v1/jobs/backup/revisions")
    assert (answer.status, "--archive" in await answer.text()) == (404, True)
