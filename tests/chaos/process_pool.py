"""Operators by the dozen, each a fork of one process (`tests/support/forks.py`), for who waits for many at once."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.forks import Fork, fork
from tests.support.logged_process import Start, clean_environment


@dataclass
class Child:
    """An operator. `ended` gets its exit code, negative for a signal."""

    pid: int
    ended: "asyncio.Future[int]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    async def end(self, number: signal.Signals = signal.SIGKILL) -> int:
        """Send it a signal that ends it, and wait for that; the exit code."""
        if not self.ended.done():
            # It may have ended a moment ago: it is waited for by its parent, so the id is not used again yet.
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)
        return await asyncio.shield(self.ended)


class Nursery:
    """Starts operators. See `nursery`."""

    def __init__(self) -> None:
        self._children: list[Child] = []

    async def start(self, *options: str, log: Path, environment: Mapping[str, str]) -> Child:
        """An operator with these options, which writes behind what the log holds."""
        process = fork(Start("tests.chaos.archive_writes", options, {**clean_environment(), **environment}, log))
        child = Child(process.pid)
        self._children.append(child)
        asyncio.get_running_loop().add_reader(process.sentinel, _bury, process, child)
        return child

    async def end(self) -> None:
        """End all that still live."""
        for child in self._children:
            await child.end()


def _bury(process: Fork, child: Child) -> None:
    asyncio.get_running_loop().remove_reader(process.sentinel)
    child.ended.set_result(process.wait())


@asynccontextmanager
async def nursery() -> AsyncIterator[Nursery]:
    """One that runs; at the end it ends all its children."""
    made = Nursery()
    try:
        yield made
    finally:
        await made.end()
