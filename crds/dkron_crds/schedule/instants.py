"""Whole seconds since 1970 in, aware datetimes out: the integer time in which schedules are computed."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)

EARLIEST = (datetime(2, 1, 1, tzinfo=UTC) - EPOCH) // _SECOND
"""First second that is looked at. A year of margin keeps every zone's wall clock inside the calendar."""

LATEST = (datetime(9999, 1, 1, tzinfo=UTC) - EPOCH) // _SECOND
"""First second that is no longer looked at."""


def seconds(moment: datetime) -> int:
    """The second that `moment` (aware) lies in, fractions dropped, within the calendar looked at."""
    return min(max((moment - EPOCH) // _SECOND, EARLIEST - 1), LATEST)


def moment(second: int) -> datetime:
    """The aware UTC datetime of a second."""
    return EPOCH + timedelta(seconds=second)


def shifted(at: datetime, by: timedelta) -> datetime:
    """`at` (aware, UTC) moved by so much, within the calendar: a status may hold any time of the years 1 to 9999."""
    try:
        return at + by
    except OverflowError:
        return _FIRST if by < timedelta() else _LAST


def decided(since: datetime, mark: datetime | None) -> datetime:
    """The instant up to and including which nothing is left to decide."""
    return since if mark is None or mark < since else mark
