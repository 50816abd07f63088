"""The clocks, as an object to inject: no code below `main` reads the time by itself."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


def _utc_now() -> datetime:
    return datetime.now(UTC)


EARLIEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Clock:
    """The source of the time of day, and of `monotonic` seconds that never jump."""

    now: Callable[[], datetime] = _utc_now
    monotonic: Callable[[], float] = time.monotonic

    def when(self, moment: float, now: datetime) -> datetime:
        """The time of day of a `monotonic` moment, by the clock as set `now`; `EARLIEST` on overflow."""
        try:
            return now - timedelta(seconds=self.monotonic() - moment)
        except OverflowError:
            return EARLIEST
