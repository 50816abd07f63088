"""When schedules of each kind are due: examples; what holds for all is in test_schedule_invariants.py."""

from datetime import UTC, datetime, timedelta

import pytest

from dkron_crds.schedule import parse


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def due(text: str, timezone: str, since: str, *, times: int) -> list[str]:
    schedule, mark, found = parse(text, timezone=timezone), None, []
    for _ in range(times):
        mark = schedule.next(utc(since), mark)
        found.append("never" if mark is None else mark.isoformat(timespec="minutes")[:16])
    return found


@pytest.mark.parametrize(
    ("text", "zone", "since", "slots"),
    [
        pytest.param("0 0 0 29 2 *", "", "2096-03-01T00:00", ["never"], id="no leap day within five years"),
        pytest.param("0 0 0 29 2 *", "", "2098-12-31T00:00", ["never"], id="one year too early to see the next one"),
        pytest.param("0 0 0 29 2 *", "", "2099-01-01T00:00", ["2104-02-29T00:00"], id="five calendar years count"),
    ],
)  # fmt: skip
def test_cron(text: str, zone: str, since: str, slots: list[str]) -> None:
    assert due(text, zone, since, times=len(slots)) == slots


def test_decided_until_is_the_later_of_since_and_mark() -> None:
    schedule = parse("@hourly")
    early, late = utc("2026-01-01T00:00"), utc("2026-01-01T05:00")
    assert (
        schedule.next(late, early) == schedule.next(early, late) == schedule.next(late, None) == utc("2026-01-01T06:00")
    )
    assert schedule.next(late - timedelta(microseconds=1)) == late
    assert schedule.next(late + timedelta(microseconds=1)) == utc("2026-01-01T06:00")


@pytest.mark.parametrize(
    ("mark", "slot"),
    [
        pytest.param(None, "2026-01-01T05:00:07Z", id="after an edit"),
        pytest.param("2026-01-01T05:00:07Z", "2026-01-01T05:00:12Z", id="after a slot"),
        pytest.param("2026-01-01T05:00:07.75Z", "2026-01-01T05:00:12Z", id="after one that an older version decided"),
    ],
)
def test_every_has_whole_seconds_after_an_edit(mark: str | None, slot: str) -> None:
    schedule, since = parse("@every 5s"), datetime.fromisoformat("2026-01-01T05:00:02.75Z")
    decided = None if mark is None else datetime.fromisoformat(mark)
    assert schedule.next(since, decided) == schedule.latest(since, decided, datetime.fromisoformat(slot))
    assert schedule.next(since, decided) == datetime.fromisoformat(slot)
    assert schedule.count(since, decided, datetime.fromisoformat(slot)) == 1


def test_long_absence_is_counted_exactly_without_stepping() -> None:
    schedule = parse("* * * * * *", timezone="America/New_York")
    since, until = utc("1990-01-01T00:00"), utc("2030-01-01T00:00")
    assert schedule.count(since, None, until) == int((until - since).total_seconds())
    assert schedule.latest(since, None, until) == until
    assert parse("@every 1s").count(since, None, until) == schedule.count(since, None, until)


def test_window_that_ends_before_its_start_is_empty() -> None:
    since, until = utc("2026-01-02T00:00"), utc("2026-01-01T00:00")
    for text in ("* * * * * *", "@every 1s", "@at 2026-01-01T12:00:00Z", "@manually"):
        assert parse(text).count(since, None, until) == 0
        assert parse(text).latest(since, None, until) is None


@pytest.mark.parametrize("text", ["* * * * * *", "@every 1s", "@every 2562047h", "@yearly", "@manually"])
@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Niue", "America/New_York"])
def test_the_ends_of_the_calendar_are_no_trap(text: str, zone: str) -> None:
    schedule = parse(text, timezone=zone)
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    schedule.next(first)
    schedule.latest(first, None, utc("0002-06-01T00:00"))
    assert schedule.next(last) is None
    assert schedule.count(last, None, last) == 0


def test_an_interval_beyond_the_calendar_is_never_due() -> None:
    assert parse("@every 2562047h").next(utc("9900-01-01T00:00")) is None


AT, AFTER = "@at 2026-06-01T14:00:00+02:00", "@after 2026-06-01T12:00:00Z <PT2H"


@pytest.mark.parametrize(
    ("text", "since", "mark", "is_due"),
    [
        pytest.param(AT, "2026-05-31T00:00", None, True, id="at, made before"),
        pytest.param(AT, "2026-06-01T12:00", None, False, id="at, made at the instant"),
        pytest.param(AT, "2026-06-02T00:00", None, False, id="at, made after"),
        pytest.param(AT, "2026-05-31T00:00", "2026-06-01T12:00", False, id="at, decided"),
        pytest.param(AFTER, "2026-06-01T12:00", None, True, id="made at the instant"),
        pytest.param(AFTER, "2026-06-01T14:00", None, True, id="made at the very end of the grace"),
        pytest.param(AFTER, "2026-06-01T14:00:00.000001", None, False, id="made after the grace"),
        pytest.param(AFTER, "2026-06-01T13:00", "2026-06-01T12:00", False, id="decided although made later"),
        pytest.param(AFTER, "2026-06-01T13:00", "2026-06-01T11:00", True, id="an older mark decides nothing"),
    ],
)
def test_single_instant_is_due_once_and_after_has_a_grace(
    text: str, since: str, mark: str | None, is_due: bool
) -> None:
    slot, schedule, now = utc("2026-06-01T12:00"), parse(text), utc("2026-06-03T00:00")
    decided = None if mark is None else utc(mark)
    assert schedule.next(utc(since), decided) == (slot if is_due else None)
    assert schedule.count(utc(since), decided, now) == int(is_due)
    assert schedule.latest(utc(since), decided, now) == (slot if is_due else None)
    assert schedule.count(utc(since), decided, slot - timedelta(microseconds=1)) == 0
