"""What became of slots that the status tells nothing of any more, but the archive does."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from dkron_api.routes import explain, reports
from dkron_archive.records import ArchivedExecution, Revision, SkippedSlots
from dkron_crds.base import rfc3339
from dkron_crds.job import JobStatus
from tests.support.api_app import Api, running_api
from tests.support.builders import NOON, after, claim, execution, seen, wire_job
from tests.support.fake_archive import AWAY, KEY, FakeArchive, archived

ROUTES = (reports.ROUTES,)
HOUR = timedelta(hours=1)
EDITED = after(days=-30)
"""Until then the job ran daily, and hourly since."""


def ran(slot: datetime, *, late: float = 1.0, took: float = 60.0, queued: float | None = None) -> ArchivedExecution:
    """The execution of a slot, which may have begun to wait in line so many seconds after it."""
    started = slot + timedelta(seconds=late)
    stamp = int(slot.timestamp()) * 10**9
    name = f"backup-{stamp}"
    return archived(
        0, id=f"{stamp}-{name}", attempt_job=name, group=stamp, slot=slot, started_at=started,
        finished_at=started + timedelta(seconds=took),
        queued_at=None if queued is None else slot + timedelta(seconds=queued),
    )  # fmt: skip


def filled() -> FakeArchive:
    """All hours of two days but the tenth and the twelfth; midnights of days 41 to 39; a run that took two days."""
    hours = [after(hours=-hour) for hour in range(3, 49) if hour not in (10, 12)]
    found = FakeArchive(
        *map(ran, hours), ran(after(hours=-12, days=-41), late=62, queued=2), ran(after(hours=-12, days=-39))
    )
    found.put(ran(after(hours=-12, days=-40), took=200_000))
    found.skips = [SkippedSlots(KEY, after(hours=-10), after(hours=-10), 1, "Missed", "the operator was away")]
    found.changes = [
        Revision(KEY, "d", 1, after(days=-60), "ann", {"schedule": "@daily"}),
        Revision(KEY, "e", 2, after(days=-50), "ann", {"schedule": "@daily", "owner": "ops"}),
        Revision(KEY, "h", 3, EDITED, "ann", {"schedule": "@hourly"}),
    ]
    return found


def know(api: Api) -> None:
    shown = tuple(execution(seen(claim(after(hours=-hour)))) for hour in (1, 2))
    status = JobStatus(
        since=EDITED, last_schedule_time=NOON, executions=shown, success_count=700, observed_generation=1
    )
    api.know_jobs(wire_job(schedule="@hourly", created=after(days=-60), status=status))


@dataclass(frozen=True)
class Case:
    """A moment, and what is told of it: of the slot at or before it, and a part of the reason."""

    at: datetime
    what: str
    why: str
    slot: datetime | None = None


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Case(after(hours=-1), "ran", "success"), id="a run that the status has"),
        pytest.param(Case(after(hours=-11), "ran", "success, 1s late, took 60s"), id="a run"),
        pytest.param(Case(after(hours=-10), "skipped", "the operator was away"), id="a reason"),
        pytest.param(Case(after(hours=-12), "unknown", "neither a run of it"), id="no record"),
        pytest.param(
            Case(after(minutes=-690), "unknown", "neither a run of it", after(hours=-12)), id="between two slots"
        ),
        pytest.param(
            Case(after(hours=-12, days=-41), "ran", "success, 2s late, waited 60s from 2026-01-19T00:00:02Z to"),
            id="a run that waited in line",
        ),
        pytest.param(Case(after(hours=-12, days=-39), "ran", "success"), id="by the schedule of that time"),
        pytest.param(Case(after(hours=-12, days=-40), "ran", "success, 1s late, took 2d7h"), id="a long run"),
        pytest.param(Case(after(hours=-12, days=-38), "unknown", "neither a run of it"), id="none by that schedule"),
        pytest.param(
            Case(after(days=-39), "ran", "success", after(hours=-12, days=-39)), id="no slot of that schedule"
        ),
    ],
)
async def test_slot_is_explained_from_the_archive(case: Case) -> None:
    async with running_api(*ROUTES, archive=filled()) as api:
        know(api)
        answer = await api.client.get("/v1/jobs/backup/explain", params={"at": rfc3339(case.at)})
        (told,) = (await answer.json())["slots"]
        assert (told["slot"], told["what"]) == (rfc3339(case.slot or case.at), case.what)
        assert case.why in told["why"]


async def test_period_is_explained_by_the_schedules_of_its_time() -> None:
    async with running_api(*ROUTES, archive=filled()) as api:
        know(api)
        period = {"from": rfc3339(after(days=-44)), "to": rfc3339(after(hours=2, days=-30))}
        told = await (await api.client.get("/v1/jobs/backup/explain", params=period)).json()
        days = [(each["slot"][:13], each["what"]) for each in told["slots"]]
        assert days[1] == ("2026-01-18T00", "unknown"), "before the archive"
        assert [what for _, what in days].count("ran") == 3
        assert days[-2:] == [("2026-01-30T13", "unknown"), ("2026-01-30T14", "unknown")]
        assert len(days) == 14 + 2


async def test_archive_that_is_away_leaves_what_the_status_tells() -> None:
    archive = filled()
    archive.trouble = AWAY
    async with running_api(*ROUTES, archive=archive) as api:
        know(api)
        answer = await api.client.get("/v1/jobs/backup/explain", params={"at": rfc3339(after(hours=-11))})
        (told,) = (await answer.json())["slots"]
        assert (told["what"], AWAY in answer.headers["Warning"]) == ("unknown", True)


async def test_explanation_ends_where_too_much_would_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explain, "PAGE", 5)
    async with running_api(*ROUTES, archive=filled()) as api:
        know(api)
        answer = await api.client.get("/v1/jobs/backup/explain", params={"from": "48h", "to": "1h"})
        told = await answer.json()
        assert [len(told["slots"]), told["to"] < rfc3339(after(hours=-20))] == [25, True]
        assert "start the next report there" in told["remarks"][-1]


@dataclass(frozen=True)
class Hole:
    """A record of skipped slots beside the slots -10 and -12, of which the archive has no run; what they are then."""

    first: int
    last: int
    count: int
    whats: tuple[str, str, str]
    """Of the slots twelve, eleven and ten hours ago."""


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Hole(-10, -10, 1, ("unknown", "ran", "skipped")), id="it covers one of them"),
        pytest.param(Hole(-12, -10, 2, ("skipped", "ran", "skipped")), id="it covers both of them"),
        pytest.param(Hole(-12, -10, 1, ("unknown", "ran", "unknown")), id="it says which one for neither"),
        pytest.param(Hole(-14, -13, 2, ("unknown", "ran", "unknown")), id="it covers none of them"),
    ],
)
async def test_slot_without_a_record_is_unknown(case: Hole) -> None:
    archive = filled()
    archive.skips = [SkippedSlots(KEY, after(hours=case.first), after(hours=case.last), case.count, "Forbidden")]
    async with running_api(*ROUTES, archive=archive) as api:
        know(api)
        period = {"from": rfc3339(after(hours=-12)), "to": rfc3339(after(hours=-10))}
        told = await (await api.client.get("/v1/jobs/backup/explain", params=period)).json()
        assert tuple(each["what"] for each in told["slots"]) == case.whats


async def test_archive_of_before_a_restore_knows_no_lost_slot() -> None:
    """The archive ends 20 hours ago, the status begins two hours ago, and a slot 15 hours ago was skipped."""
    archive = FakeArchive(*(ran(after(hours=-hour)) for hour in range(20, 49)))
    archive.changes = [Revision(KEY, "h", 3, EDITED, "ann", {"schedule": "@hourly"})]
    archive.skips = [SkippedSlots(KEY, after(hours=-15), after(hours=-15), 1, "Forbidden")]
    async with running_api(*ROUTES, archive=archive) as api:
        know(api)
        period = {"from": rfc3339(after(hours=-22)), "to": rfc3339(after(hours=-1))}
        told = await (await api.client.get("/v1/jobs/backup/explain", params=period)).json()
    words = {(after() - datetime.fromisoformat(each["slot"])) // HOUR: each["what"] for each in told["slots"]}
    lost = {hour for hour, what in words.items() if what == "unknown"}
    assert lost == set(range(3, 20)) - {15}
    assert (words[22], words[15], words[2]) == ("ran", "skipped", "ran")
    assert told["known_since"] == rfc3339(after(hours=-3, seconds=1))
    assert any("not each run is known" in each for each in told["remarks"])
