"""A subscription: what waits for one client of GET /v1/events. Bounded, however slowly the client reads.

Blocks are rendered once and shared by all queues: what a client costs is its connection.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from dkron_api.translate.events import Topic

ROOM = 256
"""Blocks that may wait for a client, besides those that it asked for on coming back."""
PIECE = 1 << 16
"""Bytes that are handed over at once, as soon as there are so many."""
PASSED = 1024
"""After so many events that a client does not want it is told where it is. So its place is still known when it comes
back, although nothing of what it wants has happened for long."""


class Block(NamedTuple):
    """Lines of the stream. Without a topic they are no event; `job` is a Dkron name, empty if they are about none."""

    topic: Topic | None
    job: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Interest:
    """What a client wants to hear of: these topics, and of jobs and executions those of these jobs. None: of all."""

    topics: frozenset[Topic]
    jobs: frozenset[str] | None = None

    def wants(self, block: Block) -> bool:
        """Whether the block is for this client."""
        if block.topic is None or block.topic is Topic.RESYNC:
            return True
        return block.topic in self.topics and (self.jobs is None or not block.job or block.job in self.jobs)


class Subscription:
    """The queue of one client. `begin` comes first; `place` and `resync` make blocks that tell where the journal is
    now. `on_close` is called when it is over."""

    __slots__ = ("_closed", "_interest", "_passed", "_place", "_queue", "_resync", "_room", "_woken", "on_close")

    def __init__(
        self,
        interest: Interest,
        begin: Iterable[Block],
        *,
        place: Callable[[], Block],
        resync: Callable[[str], Block],
    ) -> None:
        self._interest = interest
        self._place = place
        self._resync = resync
        self._queue = deque(block.data for block in begin if interest.wants(block))
        self._room = len(self._queue) + ROOM
        self._passed = 0
        self._closed = False
        self._woken = asyncio.Event()
        self.on_close: Callable[[], object] = lambda: None

    def offer(self, blocks: Sequence[Block]) -> None:
        """Something has happened."""
        wanted = [block.data for block in blocks if self._interest.wants(block)]
        if not wanted:
            self._passed += len(blocks)
            if self._passed < PASSED:
                return
            wanted = [self._place().data]
        self._passed = 0
        if len(self._queue) + len(wanted) > self._room:
            self._queue.clear()
            wanted = [self._resync("events came faster than they were read").data]
        self._queue.extend(wanted)
        self._woken.set()

    async def take(self) -> bytes:
        """Wait for what comes, and take as much of it as is there; empty when it is over."""
        while not self._queue and not self._closed:
            self._woken.clear()
            await self._woken.wait()
        if self._closed:
            return b""
        taken, size = [], 0
        while self._queue and size < PIECE:
            taken.append(self._queue.popleft())
            size += len(taken[-1])
        return b"".join(taken)

    def close(self) -> None:
        """It is over; what waits is not sent any more."""
        self._closed = True
        self._queue.clear()
        self._woken.set()
        self.on_close()
