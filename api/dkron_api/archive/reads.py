"""Asks the archive. A database that is slow or away costs a request two seconds at most, and other requests nothing."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol, TypeVar

from dkron_archive.ports import ArchiveReader, ArchiveUnavailable, ArchiveUnreachable
from dkron_runtime.turns import Turns

log = logging.getLogger(__name__)
T = TypeVar("T")
Ask = Callable[[ArchiveReader], Awaitable[T]]
Created = Callable[[str], Awaitable[datetime]]
"""When a namespace was created, by its name. Raises `ArchiveUnavailable`."""

SECONDS = 2.0
"""Seconds that a statement may take. The database ends a longer one."""
PATIENCE, LONG = 3.0, 10.0
"""Seconds that a read may take, the wait for a place included; and a search in outputs, or a deletion, which take
several statements."""
READS, WORKS = 5, 3
"""Reads, and what takes longer, at once: together as many as there are connections. The others wait, and namespaces
take turns."""
READS_OF_ONE, WORKS_OF_ONE = 2, 1
"""Of these, the places of one namespace: together less than half of the connections, so that two slow namespaces leave
some to the others."""
REST = 5.0
"""Seconds without a connection in which the archive is not asked again: each request would wait for its own failure."""


class Opened(ArchiveReader, Protocol):
    """An open archive."""

    async def close(self) -> None:
        """Close its connections."""


class Archive:
    """The archive of all namespaces, as requests use it: each sees what was there since its creation."""

    def __init__(self, opened: Opened, created: Created, clock: Callable[[], float] = time.monotonic) -> None:
        self._opened = opened
        self._created = created
        self._clock = clock
        self._reads = Turns(READS, share=READS_OF_ONE)
        self._works = Turns(WORKS, share=WORKS_OF_ONE)
        self._trouble = ""
        self._until = 0.0

    async def read(self, namespace: str, ask: Ask[T]) -> T:
        """Return the answer to a request of this namespace. Raises `ArchiveUnavailable`."""
        return await self._answer(namespace, _placed(self._reads, namespace, ask), PATIENCE)

    async def work(self, namespace: str, ask: Ask[T]) -> T:
        """The same for what takes longer: it takes no place away from reads. Raises `ArchiveUnavailable`."""
        return await self._answer(namespace, _placed(self._works, namespace, ask), LONG)

    async def write(self, namespace: str, ask: Ask[T]) -> T:
        """The same for what writes. That it fails says nothing about reads: another process may hold the lock of the
        file, or its disk may be full. Raises `ArchiveUnavailable`."""
        return await self._answer(namespace, _placed(self._works, namespace, ask), LONG, rests=False)

    async def _answer(self, namespace: str, ask: Ask[T], seconds: float, *, rests: bool = True) -> T:
        if self._trouble and self._clock() < self._until:
            raise ArchiveUnavailable(self._trouble)
        try:
            async with asyncio.timeout(seconds):
                found = await ask(self._opened.since(await self._created(namespace)))
        except TimeoutError:
            raise ArchiveUnavailable("The archive cannot be used: it did not answer in time.") from None
        except ArchiveUnreachable as error:
            # Any other failure says nothing about the next question: it may be one that takes too long.
            if rests:
                self._failed(str(error))
            raise
        if self._trouble:
            log.info("the archive answers again")
            self._trouble = ""
        return found

    async def close(self) -> None:
        """Close the archive."""
        await self._opened.close()

    def _failed(self, why: str) -> None:
        """Log a failure once until it changes, since clients retry."""
        if why != self._trouble:
            log.warning("%s", why)
        self._trouble, self._until = why, self._clock() + REST


def _placed(turns: Turns, namespace: str, ask: Ask[T]) -> Ask[T]:
    """The same question, asked once the namespace has a place."""

    async def placed(reader: ArchiveReader) -> T:
        async with turns.place(namespace):
            return await ask(reader)

    return placed
