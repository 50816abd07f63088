"""File locks between processes: two builds, two allocations or two starts of one cluster take turns."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from localcluster.errors import ClusterError
from localcluster.progress import say

PAUSE = 0.2


@contextmanager
def locked(path: Path, *, purpose: str, seconds: float) -> Iterator[None]:
    """Hold the lock file at `path`; wait up to `seconds` for who holds it, and say so. Leaves no file behind."""
    descriptor = _acquire(path, purpose=purpose, deadline=time.monotonic() + seconds)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _acquire(path: Path, *, purpose: str, deadline: float) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    told = False
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        if _try(descriptor, path):
            return descriptor
        os.close(descriptor)
        if not told:
            say(f"waiting for another process: {purpose}")
            told = True
        if time.monotonic() > deadline:
            raise ClusterError(f"another process still holds {path} ({purpose}); try again when it is done")
        time.sleep(PAUSE)


def _try(descriptor: int, path: Path) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    # The holder before us removes the file; a lock on a removed file locks no process out.
    try:
        return path.stat().st_ino == os.fstat(descriptor).st_ino
    except FileNotFoundError:
        return False
