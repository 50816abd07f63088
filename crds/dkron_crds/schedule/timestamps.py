"""Instants as users write them in `@at` and `@after`: RFC 3339, zone required, as Go parses them."""

import re
from datetime import UTC, datetime, timedelta

from dkron_crds.schedule.errors import ScheduleError, refusal

_RFC3339 = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{1,2}):([0-9]{2}):([0-9]{2})(?:[.,]([0-9]+))?"
    r"(?:Z|([+-])([0-9]{2}):([0-9]{2}))"
)
_MAX_OFFSET_HOURS, _MAX_OFFSET_MINUTES = 24, 60


def rfc3339(text: str, descriptor: str) -> datetime:
    """Return the instant in UTC, truncated to microseconds. Raises a ScheduleError that names `descriptor`."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise _no_timestamp(text, descriptor)
    *numbers, fraction, sign, hours, minutes = match.groups()
    offset_hours, offset_minutes = int(hours or 0), int(minutes or 0)
    if offset_hours > _MAX_OFFSET_HOURS or offset_minutes > _MAX_OFFSET_MINUTES:
        raise _no_timestamp(text, descriptor)
    offset = timedelta(hours=offset_hours, minutes=offset_minutes)
    year, month, day, hour, minute, second = map(int, numbers)
    micros = int(f"{fraction or '':0<6.6}")
    try:
        local = datetime(year, month, day, hour, minute, second, micros, tzinfo=UTC)
        return local + offset if sign == "-" else local - offset
    except (ValueError, OverflowError):
        raise _no_timestamp(text, descriptor) from None


def _no_timestamp(text: str, descriptor: str) -> ScheduleError:
    form = "RFC 3339 with a zone, such as 2026-03-01T09:30:00Z or 2026-03-01T09:30:00+02:00"
    return refusal(descriptor, text, "is not an instant", use=form)
