"""Sends a `File`: writes it below the output directory, completely or not at all."""

import asyncio
import contextlib
import errno
import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dkron_operator.delivery.trouble import Undeliverable, Unreachable
from dkron_operator.processors.message import File

WORKERS = 2
"""Threads that may hang on a volume; they are used for nothing else."""
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FOR_GOOD = {errno.ELOOP, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EISDIR, errno.EINVAL}


class Files:
    """Writes below `root`, which has to exist, and never outside it, whatever symbolic links it contains."""

    def __init__(self, root: Path) -> None:
        self._root = root
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
        folder = self._open_folder(file.folder)
        try:
            _replace(folder, file.name, file.text.encode("utf-8", "replace"))
        finally:
            os.close(folder)

    def _open_folder(self, path: str) -> int:
        """Open the folder, and create it if need be. Goes one step at a time and follows no symbolic link."""
        current = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        for part in Path(path).parts:
            try:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, 0o755, dir_fd=current)
                below = os.open(part, _FOLDER_FLAGS, dir_fd=current)
            finally:
                os.close(current)
            current = below
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
