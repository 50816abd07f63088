"""The queue of events for one client of GET /v1/events. Bounded, however slowly the client reads.

Blocks are rendered once and shared by all queues, so a client costs little more than its connection.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from dkron_api.translate.events import Topic

ROOM = 256
"""Blocks that may wait for a client, in addition to those that it missed before it reconnected."""
PIECE = 1 << 16
"""Bytes after which a piece is sent."""
PASSED = 1024
"""After this many events that a client does not want, it gets its position. The position is then still known when it
reconnects, although nothing that it wants has happened for long."""


class Block(NamedTuple):
    """Lines of the stream. Without a topic they are no event; `job` is empty if they concern no job."""

    topic: Topic | None
    job: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Interest:
    """The events that a client wants: these topics and, for jobs and executions, these jobs. None means all jobs."""

    topics: frozenset[Topic]
    jobs: frozenset[str] | None = None

    def wants(self, block: Block) -> bool:
        """Whether the block is for this client."""
        if block.topic is None or block.topic is Topic.RESYNC:
            return True
        return block.topic in self.topics and (self.jobs is None or not block.job or block.job in self.jobs)


class Subscription:
    """The queue of one client. `begin` comes first; `place` and `resync` create blocks with the current position of
    the log. `on_close` is called when the subscription ends."""

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
        """Add new events."""
        wanted = [block.data for block in blocks if self._interest.wants(block)]
        if not wanted:
            self._passed += len(blocks)
            if self._passed < PASSED:
                return
            wanted = [self._place().data]
        self._passed = 0
        if len(self._queue) + len(wanted) > self._room:
            self._queue.clear()
            wanted = [self._resync("the client read the events too slowly").data]
        self._queue.extend(wanted)
        self._woken.set()

    async def take(self) -> bytes:
        """Wait for events and return as many as are available; empty when the subscription has ended."""
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
        """End the subscription and drop its queue."""
        self._closed = True
        self._queue.clear()
        self._woken.set()
        self.on_close()
