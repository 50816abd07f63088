"""Instants as objects have them. Light: commands that print a table read no models."""

from datetime import UTC, datetime
from functools import lru_cache


# Successive versions of a status repeat the same instants.
@lru_cache(maxsize=8192)
def rfc3339(instant: datetime) -> str:
    """Return an aware instant as RFC 3339 in UTC with `Z` and no trailing zeros in the fraction (at most
    microseconds)."""
    text = instant.astimezone(UTC).replace(tzinfo=None).isoformat()
    return (text.rstrip("0") if "." in text else text) + "Z"
