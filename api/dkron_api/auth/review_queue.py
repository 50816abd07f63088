"""A bounded queue for what the API server is asked about callers.

So many reviews run at once, so that a flood of requests does not become one of reviews. The others wait, and take turns
by owner (an address, or a caller): an owner with many has to wait, one with a few hardly does.
"""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from dkron_kube.errors import Unavailable


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many reviews may run and wait: of all owners, and of one."""

    running: int
    running_of_one: int
    waiting: int
    waiting_of_one: int


class ReviewQueue:
    """Admits reviews within the bounds."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._running: Counter[str] = Counter()
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def place(self, owner: str) -> AsyncIterator[None]:
        """Hold a place for one review. Raises `Unavailable` if too many wait already."""
        if self._is_free_for(owner):
            self._running[owner] += 1
        else:
            await self._wait(owner)
        try:
            yield
        finally:
            self._leave(owner)

    def _is_free_for(self, owner: str) -> bool:
        bounds = self._bounds
        return self._running.total() < bounds.running and self._running[owner] < bounds.running_of_one

    async def _wait(self, owner: str) -> None:
        waiting, bounds = self._waiting.get(owner, ()), self._bounds
        if len(waiting) >= bounds.waiting_of_one or sum(map(len, self._waiting.values())) >= bounds.waiting:
            raise Unavailable("too many callers are being asked about already", retry_after=1.0)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(owner, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                # The place was given in the same moment.
                self._leave(owner)
            else:
                self._forget(owner, turn)
            raise

    def _leave(self, owner: str) -> None:
        self._running[owner] -= 1
        if not self._running[owner]:
            del self._running[owner]
        for each in list(self._waiting):
            if self._running.total() >= self._bounds.running:
                return
            if self._is_free_for(each):
                self._admit(each)

    def _admit(self, owner: str) -> None:
        turns = self._waiting.pop(owner)
        turns.popleft().set_result(None)
        self._running[owner] += 1
        if turns:
            # Behind all others that wait.
            self._waiting[owner] = turns

    def _forget(self, owner: str, turn: asyncio.Future[None]) -> None:
        turns = self._waiting[owner]
        turns.remove(turn)
        if not turns:
            del self._waiting[owner]
