"""Times as Dkron's JSON has them (Dkron behaviour §1.1): RFC 3339, few digits, a zero time for never."""

from datetime import UTC, datetime, timedelta, tzinfo

from dkron_crds.base import rfc3339

ZERO = "0001-01-01T00:00:00Z"
"""Go's zero time: never, or not yet."""


def in_utc(instant: datetime | None) -> str:
    """The time in UTC, the zero time for None."""
    return ZERO if instant is None else rfc3339(instant)


def in_zone(instant: datetime, zone: tzinfo) -> str:
    """The time in a zone, with its offset; `Z` for one of zero. On the first and the last day of the calendar, which
    end elsewhere in a zone, in UTC."""
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
