"""Times in Dkron's JSON (Dkron behaviour §1.1): RFC 3339, no trailing zeros, a zero time for never."""

from datetime import UTC, datetime, timedelta, tzinfo

from dkron_crds.base import rfc3339
from dkron_from_dkron.moments import ZERO


def in_utc(instant: datetime | None) -> str:
    """Return the time in UTC; the zero time for None."""
    return ZERO if instant is None else rfc3339(instant)


def in_zone(instant: datetime, zone: tzinfo) -> str:
    """Return the time in a zone, with its offset; `Z` for an offset of zero. At the ends of the calendar, which the
    zone would exceed, return UTC."""
    try:
        local = instant.astimezone(zone)
    except OverflowError:
        return rfc3339(instant)
    offset = local.utcoffset() or timedelta(0)
    if zone is UTC or not offset:
        return rfc3339(instant)
    text = local.replace(tzinfo=None).isoformat()
    text = text.rstrip("0") if "." in text else text
    minutes = int(abs(offset).total_seconds()) // 60
    sign = "-" if offset < timedelta(0) else "+"
    return f"{text}{sign}{minutes // 60:02}:{minutes % 60:02}"
