"""Which slots of a job a backfill runs: the slots of its schedule in a range, or the ones whose newest run failed."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dkron_crds.job import Attempt, AttemptState, JobSpec, JobStatus, Trigger
from dkron_crds.schedule import parse
from dkron_operator.backfill.slots import Range, failed_slots, job_slots
from dkron_operator.backfill.view import KeptSlots, Parsed, View
from tests.support.builders import NOON, after


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A schedule and a range, and the slots in it."""

    id: str
    schedule: str
    start: str
    end: str
    slots: tuple[str, ...]
    timezone: str = ""
    since: datetime = NOON
    spec: dict[str, Any] = field(default_factory=dict)


CASES = (
    Case(
        id="the start is in the range and the end is not", schedule="0 */10 * * * *",
        start="2026-02-01T10:00", end="2026-02-01T10:30",
        slots=("2026-02-01T10:00", "2026-02-01T10:10", "2026-02-01T10:20"),
    ),
    Case(
        id="each second", schedule="* * * * * *", start="2026-02-01T10:00:00.5", end="2026-02-01T10:00:02.5",
        slots=("2026-02-01T10:00:01", "2026-02-01T10:00:02"),
    ),
    Case(
        id="a clock that goes forward has no slot in the gap", schedule="0 30 2 * * *", timezone="Europe/Berlin",
        start="2026-03-28T00:00", end="2026-03-31T00:00", slots=("2026-03-28T01:30", "2026-03-30T00:30"),
    ),
    Case(
        id="a clock that goes back has the slot twice", schedule="0 30 2 * * *", timezone="Europe/Berlin",
        start="2025-10-26T00:00", end="2025-10-27T00:00", slots=("2025-10-26T00:30", "2025-10-26T01:30"),
    ),
    Case(
        id="@every has the phase of the job", schedule="@every 7m", since=utc("2026-02-01T10:01:30"),
        start="2026-02-01T10:00", end="2026-02-01T10:20", slots=("2026-02-01T10:01:30", "2026-02-01T10:08:30",
        "2026-02-01T10:15:30"),
    ),
    Case(
        id="before the job was created, too", schedule="@every 1h", since=utc("2026-02-08T10:01:30"),
        start="2026-02-01T10:00", end="2026-02-01T12:00", slots=("2026-02-01T10:01:30", "2026-02-01T11:01:30"),
    ),
    Case(
        id="a point of the grid at the start", schedule="@every 1h", since=utc("2026-02-01T10:00"),
        start="2026-02-01T10:00", end="2026-02-01T11:30", slots=("2026-02-01T10:00", "2026-02-01T11:00"),
    ),
    Case(
        id="whole seconds of @every after an edit", schedule="@every 1h", since=utc("2026-02-01T10:00:00.5"),
        start="2026-02-01T11:00:00.2", end="2026-02-01T13:00:00.2", slots=("2026-02-01T12:00", "2026-02-01T13:00"),
    ),
    Case(
        id="an interval longer than the calendar", schedule="@every 2000000h",
        start="1970-01-02T00:00", end="2026-02-01T11:30", slots=(),
    ),
    Case(
        id="@at", schedule="@at 2026-02-01T10:00:00Z",
        start="2026-02-01T10:00", end="2026-02-01T11:00", slots=("2026-02-01T10:00",),
    ),
    Case(
        id="startsAt and expiresAt apply", schedule="0 0 * * * *",
        spec={"starts_at": utc("2026-02-01T11:00"), "expires_at": utc("2026-02-01T12:00")},
        start="2026-02-01T10:00", end="2026-02-01T14:00", slots=("2026-02-01T11:00", "2026-02-01T12:00"),
    ),
    Case(
        id="a slot further apart than the search for the next one", schedule="0 0 0 29 2 *",
        start="2096-01-01T00:00", end="2105-01-01T00:00", slots=("2096-02-29T00:00", "2104-02-29T00:00"),
    ),
    Case(id="only on request", schedule="@manually", start="2026-02-01T10:00", end="2027-02-01T14:00", slots=()),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_slots_of_the_schedule(case: Case) -> None:
    schedule = parse(case.schedule, timezone=case.timezone, name="backup")
    found = job_slots(schedule, JobSpec(**case.spec), case.since, Range(utc(case.start), utc(case.end)))
    assert tuple(reversed(list(found.newest_first()))) == tuple(map(utc, case.slots))
    assert found.count() == len(case.slots)


def ran(slot: datetime, *, success: bool, group: int = 1, **fields: Any) -> Attempt:
    state = AttemptState.SUCCEEDED if success else AttemptState.FAILED
    return Attempt(
        **{
            "id": f"{group}", "job": f"job-{group}", "slot": slot, "trigger": Trigger.SCHEDULE, "group": group,
            "attempt": 1, "started_at": slot, "finished_at": slot + timedelta(seconds=group), "state": state,
            **fields,
        }
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """The executions of the slot at noon, and whether the slot counts as failed."""

    id: str
    executions: tuple[Attempt, ...]
    failed: bool
    active: bool = False


FAILURES = (
    Failure(id="failed", executions=(ran(NOON, success=False),), failed=True),
    Failure(id="succeeded", executions=(ran(NOON, success=True),), failed=False),
    Failure(
        id="a retry succeeded",
        executions=(ran(NOON, success=True, attempt=2), ran(NOON, success=False)), failed=False,
    ),
    Failure(
        id="one member failed",
        executions=(ran(NOON, success=True, member="a"), ran(NOON, success=False, member="b")), failed=True,
    ),
    Failure(
        id="a later backfill succeeded",
        executions=(ran(NOON, success=True, group=2, trigger=Trigger.BACKFILL), ran(NOON, success=False)), failed=False,
    ),
    Failure(
        id="a later backfill failed as well",
        executions=(ran(NOON, success=False, group=2, trigger=Trigger.BACKFILL), ran(NOON, success=True)), failed=True,
    ),
    Failure(id="it runs again now", executions=(ran(NOON, success=False),), active=True, failed=False),
    Failure(id="not a slot", executions=(ran(NOON, success=False, trigger=Trigger.MANUAL),), failed=False),
    Failure(id="outside of the range", executions=(ran(after(1), success=False),), failed=False),
)  # fmt: skip


@pytest.mark.parametrize("case", FAILURES, ids=lambda case: case.id)
def test_failed_slots(case: Failure) -> None:
    active = Attempt(
        id="1", job="job-1", state=AttemptState.RUNNING, slot=NOON, trigger=Trigger.BACKFILL, group=1, attempt=1,
        started_at=NOON,
    )  # fmt: skip
    status = JobStatus(executions=case.executions, active=(active,) if case.active else ())
    assert failed_slots(status, Range(NOON, after(1))) == ((NOON,) if case.failed else ())


# --- slots are parsed once for many looks ----------------------------------------------------------------------------

DAYS = ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"]


def view(*, uid: str = "u", slots: list[str] = DAYS, order: str = "oldestFirst", begun: int = 0) -> View:
    spec = {"job": "backup", "from": DAYS[0], "to": "2026-02-01T00:00:00Z", "order": order}
    status = {"targets": [{"job": "backup", "uid": "j", "slots": slots}], "begun": begun}
    metadata = {
        "name": "again", "namespace": "default", "uid": uid, "resourceVersion": str(begun),
        "creationTimestamp": NOON.isoformat(),
    }  # fmt: skip
    return View.read({"metadata": metadata, "spec": spec, "status": status})


def parsed(kept: KeptSlots, one: View) -> Parsed:
    found = kept.parse(one)
    assert isinstance(found, Parsed)
    return found


@dataclass(frozen=True)
class Look:
    about: str
    view: View
    again: bool
    """Whether the slots are parsed and sorted again."""


@pytest.mark.parametrize("case", [
    Look("another version", view(begun=1), again=False),
    Look("other slots", view(slots=DAYS[:1]), again=True),
    Look("another order", view(order="newestFirst"), again=True),
    Look("another object", view(uid="v"), again=True),
], ids=lambda case: case.about)  # fmt: skip
def test_slots_are_parsed_again_if_they_changed(case: Look) -> None:
    kept = KeptSlots()
    before, now = parsed(kept, view()), parsed(kept, case.view)
    assert (now.slots is before.slots) is not case.again
    fresh = parsed(KeptSlots(), case.view)
    assert (now.slots, now.spec, now.status) == (fresh.slots, fresh.spec, fresh.status)


def test_the_slots_of_few_backfills_are_kept() -> None:
    kept = KeptSlots(most=1)
    first = parsed(kept, view())
    parsed(kept, view(uid="v"))
    assert parsed(kept, view()).slots is not first.slots
    last = parsed(kept, view())
    kept.drop("u")
    assert parsed(kept, view()).slots is not last.slots


def test_unreadable_slots_are_reported() -> None:
    kept = KeptSlots()
    parsed(kept, view())
    assert "targets.0.slots.0" in str(kept.parse(view(slots=["soon"])))
