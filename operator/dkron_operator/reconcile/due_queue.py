"""The due queue: which job is due next. It holds no jobs, only (when, uid)."""

import asyncio
import heapq
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from dkron_operator.kit.clock import Clock

log = logging.getLogger(__name__)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
GLANCE = 1.0
"""Seconds between two checks of the wall clock, which may be set at any time."""
STALL = timedelta(seconds=5)
"""Waking up later than this means that slots passed while the process could not fire them."""


class DueQueue:
    """A heap of instants, and one task that hands over each uid when its instant has come.

    Slots before `fireable_since` could not be fired in time. Those after `handover_since` were missed only because one
    replica followed another. Both are seconds of the monotonic clock: a time of day taken while the clock was wrong
    would stay wrong after the clock is corrected.
    """

    def __init__(self, clock: Clock, due: Callable[[str], None]) -> None:
        self.fireable_since = self.handover_since = self._there_since = clock.monotonic()
        self._clock = clock
        self._due = due
        self._heap: list[tuple[datetime, str]] = []
        self._when: dict[str, datetime] = {}
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._when)

    def set(self, uid: str, when: datetime | None) -> None:
        """Hand over this uid at `when`, which replaces any earlier time; None: not at all."""
        if when is None:
            self._when.pop(uid, None)
        elif self._when.get(uid) != when:
            self._when[uid] = when
            heapq.heappush(self._heap, (when, uid))
            if self._heap[0] == (when, uid):
                self._changed.set()

    def begin(self) -> None:
        """From now on this process knows all jobs."""
        self.fireable_since = self.handover_since = self._there_since = self._clock.monotonic()

    def take_over(self, *, idle: timedelta, longest: timedelta) -> None:
        """This process begins to fire. No replica was seen to for `idle`; a change of leaders takes `longest` at
        most."""
        now = self._clock.monotonic()
        # A gap no longer than a stall counts as lateness, not as downtime.
        self.fireable_since = now if idle > STALL else max(self._there_since, now - STALL.total_seconds())
        self.handover_since = max(self._there_since, now - longest.total_seconds())

    async def run(self) -> None:
        """Hand over what is due, until cancelled."""
        glance = self._clock.now()
        offset = self._offset(glance)
        while True:
            now = self._clock.now()
            before, offset = offset, self._offset(now)
            if now - glance > STALL:
                log.warning("the operator was held up and fired nothing for %.1f s", (now - glance).total_seconds())
                self.fireable_since = self.handover_since = self._clock.monotonic()
            if before - offset > STALL:
                self._look_at_all(before - offset)
            self._hand_over(now)
            # A clock that jumps back fires nothing twice: every job has its mark.
            glance = await self._rest(now)

    def _offset(self, now: datetime) -> timedelta:
        """How far the time of day is from the monotonic clock, which cannot be set."""
        return now - EPOCH - timedelta(seconds=self._clock.monotonic())

    def _look_at_all(self, ahead: timedelta) -> None:
        """The clock was ahead. Times that it set may lie as far ahead, and so may the marks of jobs, which are taken
        back when a job is looked at."""
        log.warning("the clock was set back by %.1f s", ahead.total_seconds())
        for uid in sorted(self._when, key=self._when.__getitem__):
            self._due(uid)

    def _hand_over(self, now: datetime) -> None:
        while self._heap and self._heap[0][0] <= now:
            when, uid = heapq.heappop(self._heap)
            # A job with a new time leaves its old entry in the heap; the instant tells them apart.
            if self._when.get(uid) == when:
                del self._when[uid]
                self._due(uid)

    async def _rest(self, now: datetime) -> datetime:
        """Sleep until the next instant, at most GLANCE seconds; return when the process meant to wake up, or did if
        that was sooner."""
        seconds = GLANCE
        if self._heap:
            seconds = min(seconds, max(0.0, (self._heap[0][0] - now).total_seconds()))
        self._changed.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            pass
        # A process that stood still may be woken by a change, too.
        return min(self._clock.now(), now + timedelta(seconds=seconds))
