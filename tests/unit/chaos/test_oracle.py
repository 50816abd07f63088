"""The checker's oracle beside the project's schedules and, where both know the text, beside croniter."""

from datetime import UTC, datetime, timedelta

import pytest
from croniter import croniter  # type: ignore[import-untyped]

from dkron_crds.job import JobSpec
from dkron_crds.schedule import parse
from dkron_crds.schedule.timeline import Timeline
from tests.chaos import oracle

BEGIN = datetime(2026, 3, 28, 23, 59, 30, tzinfo=UTC)
SHARED = ("*/7 * * * * *", "0 */5 * * * *", "10,40 5-50/9 1-3 * * *", "0 0 * * * *", "0 30 1 29 3 *")
OTHERS = (
    "@minutely", "@hourly", "@daily", "@every 7s", "@every 1m30s", "@every 90m", "@manually",
    "@at 2026-03-29T01:00:00Z", "@after 2026-03-28T23:00:00Z <PT2H", "@after 2026-03-28T23:00:00Z <PT10M",
    "TZ=Europe/Madrid 0 30 2 * * *",
    "CRON_TZ=Australia/Lord_Howe 0 15 2 * * SUN", "0 0 1 13 * SUN", "61 * * * * *", "not a schedule",
)  # fmt: skip


def due(schedule: str, hours: float = 6, **spec: object) -> list[datetime]:
    job = JobSpec.from_wire({"schedule": schedule, **spec})
    return oracle.due(job, BEGIN, BEGIN + timedelta(hours=hours), since=BEGIN)


@pytest.mark.parametrize("schedule", SHARED + OTHERS[:-2])
@pytest.mark.parametrize("zone", ["", "Europe/Madrid"])
def test_the_project_knows_the_same_slots(schedule: str, zone: str) -> None:
    line = Timeline(parse(schedule, timezone=zone), BEGIN, None, None)
    found: list[datetime] = []
    while (slot := line.next(found[-1] if found else None)) is not None and slot <= BEGIN + timedelta(hours=6):
        found.append(slot)
    assert due(schedule, timezone=zone) == found


@pytest.mark.parametrize("schedule", SHARED)
def test_croniter_knows_the_same_slots(schedule: str) -> None:
    witness = croniter(schedule, BEGIN, second_at_beginning=True)
    found = due(schedule)
    assert found == [witness.get_next(datetime) for _ in found]
    assert witness.get_next(datetime) > BEGIN + timedelta(hours=6)


@pytest.mark.parametrize("schedule", OTHERS[-2:])
def test_unreadable_schedule_is_never_due(schedule: str) -> None:
    assert due(schedule) == []


def test_slots_keep_within_their_bounds() -> None:
    slots = due("@hourly", startsAt="2026-03-29T01:00:00Z", expiresAt="2026-03-29T03:00:00Z")
    assert [slot.hour for slot in slots] == [1, 2, 3]


def test_numbers_private_to_the_operator_are_refused() -> None:
    with pytest.raises(ValueError, match='cannot tell when "0 ~ '):
        due("0 ~ * * * *")
