"""Whole seconds since 1970 in, aware datetimes out: the integer time in which schedules are computed."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)

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


def decided(since: datetime, mark: datetime | None) -> datetime:
    """The instant up to and including which nothing is left to decide."""
    return since if mark is None or mark < since else mark
