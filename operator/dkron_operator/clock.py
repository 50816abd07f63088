"""The wall clock, as something to hand over: nothing below `main` reads the time by itself."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Clock:
    """Where the time of day comes from."""

    now: Callable[[], datetime] = _utc_now
