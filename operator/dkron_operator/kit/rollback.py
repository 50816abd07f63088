"""Notices that the API server shows an older state than before, as it does after etcd was restored from a backup.

What is known here is then of a history that nobody else remembers: writes conflict for ever, and a watch that begins
where it was hears nothing. Both are over when as much has been written again as was forgotten, and nobody could tell
what happened until then. A process that begins anew reads what there is.
"""

import asyncio
from typing import Protocol


class RolledBack(Exception):
    """The API server shows an older state than it has shown before. `str()` says by what that was noticed."""


class Compare(Protocol):
    """Is told of two versions of an object."""

    def __call__(self, what: str, *, known: int, found: int) -> None:
        """`known` was shown before the API server was asked for the object, `found` is what it has answered."""


def ignore_versions(what: str, *, known: int, found: int) -> None:
    """Nobody compares."""


class RollbackDetector:
    """Is told by those who ask for an object by name: lists may be old, but such an answer never is."""

    def __init__(self) -> None:
        self._seen = asyncio.Event()
        self._words = ""

    def compare(self, what: str, *, known: int, found: int) -> None:
        """See `Compare`."""
        if found < known and not self._words:
            self._words = (
                f"the resource versions went back: {what} had {known} and has {found}, as after a restore of etcd from "
                "a backup. The operator ends, and reads everything anew when it is started again"
            )
            self._seen.set()

    async def run(self) -> None:
        """Wait until that is so. Raises `RolledBack`."""
        await self._seen.wait()
        raise RolledBack(self._words)
