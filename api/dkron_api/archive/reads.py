"""Asks the archive. A database that is slow or away costs a request two seconds at most, and other requests nothing."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from dkron_archive.ports import ArchiveReader, ArchiveUnavailable

log = logging.getLogger(__name__)
T = TypeVar("T")

SECONDS, SEARCH_SECONDS, DELETE_SECONDS = 2.0, 10.0, 10.0
"""Seconds that a read, a search in outputs, and a deletion may take, the wait for a place included."""
WIDTH = 8
"""Reads at once. The others wait, so that a slow database does not fill the service with open reads."""
REST = 5.0
"""Seconds after a failure in which the archive is not asked again: each request would wait for its own failure."""


class Opened(ArchiveReader, Protocol):
    """An open archive."""

    async def close(self) -> None:
        """Close its connections."""


class Archive:
    """The archive of all namespaces, as requests use it."""

    def __init__(self, opened: Opened, clock: Callable[[], float] = time.monotonic) -> None:
        self._opened = opened
        self._clock = clock
        self._places = asyncio.Semaphore(WIDTH)
        self._trouble = ""
        self._until = 0.0

    async def read(self, ask: Callable[[ArchiveReader], Awaitable[T]], *, seconds: float = SECONDS) -> T:
        """Return the answer. Raises `ArchiveUnavailable`."""
        if self._trouble and self._clock() < self._until:
            raise ArchiveUnavailable(self._trouble)
        try:
            async with asyncio.timeout(seconds), self._places:
                found = await ask(self._opened)
        except TimeoutError:
            # One slow question says nothing about the next one.
            raise ArchiveUnavailable(f"it did not answer within {seconds:.0f} seconds") from None
        except ArchiveUnavailable as error:
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
            log.warning("the archive cannot be read: %s", why)
        self._trouble, self._until = why, self._clock() + REST
