"""How much each namespace may keep below the output directory.

A folder is measured when its namespace first writes, and after that what is written is added. Files also go, by hand or
by a job that cleans up, so a folder is measured again once in a while, and sooner if it seems full.
"""

import contextlib
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dkron_operator.delivery.outbox import Undeliverable

BLOCK = 4096
"""Bytes that the smallest file counts, and each folder: a volume also has only so many of them."""
AGE = 3600.0
"""Seconds after which a folder is measured again."""
SOON = 60.0
"""The same for a folder that seems full."""


@dataclass(slots=True)
class _Measured:
    at: float
    used: int


class Quota:
    """Bytes below each folder of `root`, which has one for each namespace. Several threads may use it at once.

    `limit` is in bytes, and 0 sets none. `clock` gives seconds of a monotonic clock.
    """

    def __init__(self, root: Path, limit: int, *, clock: Callable[[], float]) -> None:
        self._root = root
        self._limit = limit
        self._clock = clock
        self._lock = threading.Lock()
        self._by_folder: dict[str, _Measured] = {}

    def require(self, folder: str, size: int) -> None:
        """Raise `Undeliverable` if the namespace's folder has no room for a file of this size."""
        if not self._limit:
            return
        if self._is_full(folder, size, AGE) and self._is_full(folder, size, SOON):
            raise Undeliverable(
                f"the folder {folder} of the output directory has no room for {size} more bytes: --output-quota allows "
                f"{self._limit} for each namespace; delete old files in it"
            )

    def add(self, folder: str, size: int) -> None:
        """The files in this folder have grown by so many bytes."""
        with self._lock:
            if folder in self._by_folder:
                self._by_folder[folder].used += size

    def _is_full(self, folder: str, size: int, age: float) -> bool:
        with self._lock:
            known = self._by_folder.get(folder)
        if known is None or self._clock() - known.at > age:
            known = _Measured(self._clock(), measured(self._root / folder))
            with self._lock:
                self._by_folder[folder] = known
        return known.used + size > self._limit


def blocks(size: int) -> int:
    """The bytes that a file of this size counts."""
    return max(-(-size // BLOCK), 1) * BLOCK


def measured(folder: Path) -> int:
    """The bytes that all files below the folder count. Follows no symbolic link."""
    used, ahead = 0, [] if folder.is_symlink() else [str(folder)]
    while ahead:
        # A file that is removed meanwhile has no size.
        with contextlib.suppress(OSError), os.scandir(ahead.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    used += blocks(entry.stat(follow_symlinks=False).st_size)
                    if entry.is_dir(follow_symlinks=False):
                        ahead.append(entry.path)
    return used
