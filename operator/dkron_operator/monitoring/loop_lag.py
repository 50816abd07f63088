"""Measures how long work has to wait in the event loop, by a periodic beat."""

import asyncio
from collections import deque
from collections.abc import Callable

BEAT = 0.5
"""Seconds between two beats."""
MEMORY = 60.0
"""Seconds that a late beat is remembered."""


class LoopLag:
    """Beats while it runs. `clock` is the monotonic one."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._due: float | None = None
        self._late: deque[tuple[float, float]] = deque()

    @property
    def lag(self) -> float:
        """How many seconds late the newest beat was, or the next one is by now."""
        overdue = 0.0 if self._due is None else self._clock() - self._due
        return max(overdue, self._late[-1][1] if self._late else 0.0)

    @property
    def worst(self) -> float:
        """The largest delay of a beat in the last minute, in seconds."""
        since = self._clock() - MEMORY
        return max((late for at, late in self._late if at >= since), default=0.0)

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            self._due = self._clock() + BEAT
            await asyncio.sleep(BEAT)
            now = self._clock()
            self._late.append((now, max(now - self._due, 0.0)))
            while self._late[0][0] < now - MEMORY:
                self._late.popleft()
