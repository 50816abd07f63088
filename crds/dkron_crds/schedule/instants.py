"""Converts between aware datetimes, their text, and whole seconds since 1970, the integer time of schedule
computations."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)

EARLIEST = (datetime(2, 1, 1, tzinfo=UTC) - EPOCH) // _SECOND
"""First second that the search considers. A year of margin keeps every zone's wall clock inside the calendar."""

LATEST = (datetime(9999, 1, 1, tzinfo=UTC) - EPOCH) // _SECOND
"""First second that the search no longer considers."""


def seconds(moment: datetime) -> int:
    """Return the second that contains `moment` (aware), clamped to the searched range."""
    return min(max((moment - EPOCH) // _SECOND, EARLIEST - 1), LATEST)


def moment(second: int) -> datetime:
    """Return the aware UTC datetime of a second."""
    return EPOCH + timedelta(seconds=second)


def shifted(at: datetime, by: timedelta) -> datetime:
    """Return `at` (aware, UTC) moved by `by`, clamped to the years 1 to 9999: a status may hold any time in them."""
    try:
        return at + by
    except OverflowError:
        return _FIRST if by < timedelta() else _LAST


def later(one: datetime | None, other: datetime) -> datetime:
    """Return the later of two instants, of which the first may be missing."""
    return other if one is None else max(one, other)


def decided(since: datetime, mark: datetime | None) -> datetime:
    """Return the instant up to which, inclusively, every slot is decided."""
    return since if mark is None or mark < since else mark


# Successive versions of a status repeat the same instants.
@lru_cache(maxsize=8192)
def rfc3339(instant: datetime) -> str:
    """Return an aware instant as RFC 3339 in UTC with `Z` and no trailing zeros in the fraction (at most
    microseconds)."""
    text = instant.astimezone(UTC).replace(tzinfo=None).isoformat()
    return (text.rstrip("0") if "." in text else text) + "Z"
