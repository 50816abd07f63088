"""Places that groups take in turns: however many of one group wait, the next place that is free is another group's."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from dkron_runtime.fair_queue import FairQueue


@dataclass(frozen=True, slots=True, eq=False)
class Waiter:
    """One that waits for a place of its group."""

    group: Hashable
    granted: asyncio.Future[None]


class Turns:
    """So many places, of which one group has at most a share."""

    def __init__(self, places: int, *, share: int) -> None:
        self._free = places
        self._share = share
        self._taken: Counter[Hashable] = Counter()
        self._waiting: FairQueue[Waiter] = FairQueue(lambda waiter: waiter.group)

    @asynccontextmanager
    async def place(self, group: Hashable) -> AsyncIterator[None]:
        """Hold a place of this group, once it is its turn."""
        waiter = Waiter(group, asyncio.get_running_loop().create_future())
        self._waiting.add(waiter)
        self._grant()
        try:
            await waiter.granted
            yield
        finally:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
            elif not waiter.granted.cancelled():
                self._give_back(group)

    def _grant(self) -> None:
        while self._free and (found := self._waiting.pop(self._has_room)):
            waiter, group = found
            # One that was cancelled has yet to run, and takes no place.
            if not waiter.granted.cancelled():
                self._free -= 1
                self._taken[group] += 1
                waiter.granted.set_result(None)

    def _has_room(self, group: Hashable) -> bool:
        return self._taken[group] < self._share

    def _give_back(self, group: Hashable) -> None:
        self._free += 1
        self._taken[group] -= 1
        if not self._taken[group]:
            del self._taken[group]
        self._grant()
