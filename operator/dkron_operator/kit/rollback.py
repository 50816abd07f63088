"""Detects that the API server shows an older state than before, as after etcd was restored from a backup.

The cache then holds a history that the API server no longer knows: writes conflict forever, and a watch that resumes
where it was delivers nothing. Both would end only when as many versions have been written as were lost, and what
happened until then would stay unknown. A process that restarts reads the current state.
"""

import asyncio
from typing import Protocol


class RolledBack(Exception):
    """The API server shows an older state than it has shown before. `str()` says how that was noticed."""


class Compare(Protocol):
    """Compares two versions of an object."""

    def __call__(self, what: str, *, known: int, found: int) -> None:
        """`known` was seen before the API server was asked for the object; `found` is its answer."""


def ignore_versions(what: str, *, known: int, found: int) -> None:
    """Do not compare."""


class RollbackDetector:
    """Fed by callers that read an object by name: lists may be old, but the answer to a read by name never is."""

    def __init__(self) -> None:
        self._seen: asyncio.Queue[str] = asyncio.Queue()

    def compare(self, what: str, *, known: int, found: int) -> None:
        """See `Compare`."""
        if found < known:
            self._seen.put_nowait(
                f"the resource versions went back: {what} had {known} and has {found}, as after a restore of etcd from "
                "a backup. The operator exits; it reads everything again when it restarts"
            )

    async def run(self) -> None:
        """Wait until a rollback is detected. Raises `RolledBack`."""
        raise RolledBack(await self._seen.get())
