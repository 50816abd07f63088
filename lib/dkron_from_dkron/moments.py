"""Times from clients. Dkron keeps nanoseconds, which a datetime cannot hold, so they stay text in a normal form.

The form is RFC 3339 in UTC, up to nine digits of fraction, without trailing zeros.
"""

import re
from datetime import datetime

from dkron_crds.schedule.timestamps import rfc3339

ZERO = "0001-01-01T00:00:00Z"
"""Go's zero time: never, or not yet."""
_MINUTE = re.compile(r"\d{4}-\d\d-\d\dT\d{1,2}:\d\d", re.ASCII)
_STRICT = re.compile(r"[-\d]{10}T\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[-+](?:[01]\d|2[0-3]):[0-5]\d)", re.ASCII)
_IS_NORMAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{0,8}[1-9])?Z", re.ASCII)
_FRACTION = re.compile(r"[.,](\d{1,9})", re.ASCII)


def moment(text: str) -> str | None:
    """Return the normal form of RFC 3339 as Go reads it, or of a minute in UTC (`2026-03-01T09:30`); None for the
    zero time (Dkron behaviour §2.2). Raises ValueError for anything else."""
    return _normal(f"{text}:00Z" if _MINUTE.fullmatch(text) else text)


def strict_moment(text: str) -> str | None:
    """Return the normal form of RFC 3339 without the leniency of Go's layouts, as for `next`; None for the zero time.
    Raises ValueError."""
    if _STRICT.fullmatch(text) is None:
        raise ValueError("not RFC 3339")
    return _normal(text)


def instant(normal: str) -> datetime:
    """Return the aware datetime in UTC of a time in normal form, truncated to microseconds."""
    return datetime.fromisoformat(normal)


def _normal(text: str) -> str | None:
    if _IS_NORMAL.fullmatch(text):
        # Backups contain only this form, and this is several times faster than the code below.
        instant(text)
        return None if text == ZERO else text
    whole = rfc3339(text, "time").replace(tzinfo=None, microsecond=0).isoformat()
    fraction = _FRACTION.search(text)
    digits = fraction[1].rstrip("0") if fraction else ""
    written = f"{whole}.{digits}Z" if digits else f"{whole}Z"
    return None if written == ZERO else written
