"""Sends a `File`: writes it below the output directory, completely or not at all.

A namespace may keep only so much there. Its folder is measured when it first writes, and after that what is written is
added. Files also go, by hand or by a job that cleans up, so a folder is measured again once in a while, and sooner if
it seems full.
"""

import asyncio
import contextlib
import errno
import os
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from dkron_operator.delivery.outbox import Undeliverable, Unreachable
from dkron_processors.message import File

WORKERS = 2
"""Threads that may hang on a volume; they are used for nothing else."""
BLOCK = 4096
"""Bytes that the smallest file counts, and each folder: a volume also has only so many of them."""
AGE = 3600.0
"""Seconds after which a folder is measured again."""
SOON = 60.0
"""The same for a folder that seems full."""
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FOR_GOOD = {errno.ELOOP, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EISDIR, errno.EINVAL}


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


class Files:
    """Writes below `root`, which has to exist, and never outside it, whatever symbolic links it contains. Each
    namespace has a folder there, for at most `quota` bytes; 0 sets no limit."""

    def __init__(self, root: Path, *, quota: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self._root = root
        self._quota = Quota(root, quota, clock=clock)
        self._threads = ThreadPoolExecutor(WORKERS, thread_name_prefix="files")

    async def write(self, file: File) -> None:
        """Write the file with mode 0644, replacing one of that name. Raises `Unreachable`, `Undeliverable`."""
        try:
            await asyncio.get_running_loop().run_in_executor(self._threads, self._write, file)
        except OSError as exc:
            problem = Undeliverable if exc.errno in _FOR_GOOD else Unreachable
            raise problem(f"cannot write {file.name} in {self._root / file.folder}: {exc.strerror}") from None
        except ValueError as exc:
            raise Undeliverable(f"cannot write {file.name!r}: {exc}") from None

    def _write(self, file: File) -> None:
        content, parts = file.text.encode("utf-8", "replace"), Path(file.folder).parts
        namespace = "".join(parts[:1])
        # Each folder may have to be created, too.
        self._quota.require(namespace, blocks(len(content)) + BLOCK * len(parts[1:]))
        folder = self._open_folder(file.folder)
        try:
            before = 0
            with contextlib.suppress(FileNotFoundError):
                before = blocks(os.stat(file.name, dir_fd=folder, follow_symlinks=False).st_size)
            _replace(folder, file.name, content)
        finally:
            os.close(folder)
        self._quota.add(namespace, blocks(len(content)) - before)

    def _open_folder(self, path: str) -> int:
        """Open the folder, and create it if need be. Goes one step at a time and follows no symbolic link."""
        current = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        namespace = ""
        for part in Path(path).parts:
            try:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, 0o755, dir_fd=current)
                    if namespace:
                        self._quota.add(namespace, BLOCK)
                below = os.open(part, _FOLDER_FLAGS, dir_fd=current)
            finally:
                os.close(current)
            current, namespace = below, namespace or part
        return current


def _replace(folder: int, name: str, content: bytes) -> None:
    plan = f".{secrets.token_hex(8)}"
    written = os.open(plan, _FILE_FLAGS, 0o644, dir_fd=folder)
    try:
        with os.fdopen(written, "wb") as stream:
            stream.write(content)
        os.replace(plan, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(plan, dir_fd=folder)
        raise
