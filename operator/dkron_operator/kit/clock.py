"""The clocks, as something to hand over: nothing below `main` reads the time by itself."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


def _utc_now() -> datetime:
    return datetime.now(UTC)


EARLIEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Clock:
    """Where the time of day comes from, and in `monotonic` seconds that nobody sets."""

    now: Callable[[], datetime] = _utc_now
    monotonic: Callable[[], float] = time.monotonic

    def when(self, moment: float, now: datetime) -> datetime:
        """The time of day of a moment that `monotonic` gave, by the clock as it is set `now`; the earliest time there
        is for one before that."""
        try:
            return now - timedelta(seconds=self.monotonic() - moment)
        except OverflowError:
            return EARLIEST
