"""Sends a `File`: writes it below the output directory, completely or not at all."""

import asyncio
import contextlib
import errno
import os
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dkron_operator.delivery.outbox import Undeliverable, Unreachable
from dkron_operator.delivery.quota import BLOCK, Quota, blocks
from dkron_processors.message import File

WORKERS = 2
"""Threads that may hang on a volume; they are used for nothing else."""
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FOR_GOOD = {errno.ELOOP, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EISDIR, errno.EINVAL}


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
