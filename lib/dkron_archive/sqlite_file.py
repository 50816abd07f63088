"""Which file the SQLite connections of a process have open: its path may name another one by now. SQLite does not
notice, and writes on into a file that no path leads to.

So the inodes that a connection opened are compared with those at the paths, before each transaction and after it. The
log (-wal) and its index (-shm) count as well: a commit is at first in the log only.
"""

import asyncio
from pathlib import Path
from typing import NamedTuple
from weakref import WeakKeyDictionary

from aiosqlite import Connection

from dkron_archive.ports import ArchiveMissing, ArchiveReplaced

Inode = tuple[int, int]


class Inodes(NamedTuple):
    """The file, its log, and the index of the log; None for one that is not there."""

    main: Inode | None
    log: Inode | None
    shared: Inode | None


class File:
    """The file at a path. `removes_logs`: this process removes the log of a file that is gone."""

    def __init__(self, path: str, *, removes_logs: bool) -> None:
        self._removes_logs = removes_logs
        self._paths = [Path(path + suffix) for suffix in ("", "-wal", "-shm")]
        self._open: WeakKeyDictionary[Connection, Inodes | None] = WeakKeyDictionary()
        self._last: Inodes | None = None

    async def now(self) -> Inodes:
        """Return the files at the paths. Raises `OSError` if they cannot be looked at."""
        return Inodes(*await asyncio.to_thread(lambda: [_inode(path) for path in self._paths]))

    async def before_open(self, *, makes: bool) -> Inode | None:
        """Return the file that a connection is about to open; None if there is none, and it `makes` one. Raises
        `OSError`, `ArchiveMissing`, and `ArchiveReplaced` while a connection has another file open.

        A new file must not find the log of the former one: SQLite would write it into the new one. So that log is
        removed, by one of the processes; others wait for it."""
        found = await self.now()
        if found.main is None and not makes:
            await asyncio.to_thread(self._paths[0].parent.stat)
            raise ArchiveMissing
        if any(opened != found for opened in self._open.values()):
            raise ArchiveReplaced
        if self._last is not None and found.main != self._last.main:
            for path, inode, former in zip(self._paths[1:], found[1:], self._last[1:], strict=True):
                if inode is not None and inode == former:
                    if not self._removes_logs:
                        raise ArchiveReplaced
                    await asyncio.to_thread(path.unlink, missing_ok=True)
        return found.main

    async def opened(self, connection: Connection, before: Inode | None) -> None:
        """This connection has opened the file that was there before, or has made one."""
        found = await self.now()
        if before in (None, found.main):
            self._last = self._open[connection] = found
        else:
            self._open[connection] = None

    def closed(self, connection: Connection) -> None:
        """This connection has nothing open any more."""
        self._open.pop(connection, None)

    async def is_current(self, connection: Connection) -> bool:
        """Whether the paths name what this connection has open."""
        return self._open.get(connection) == await self.now()

    async def is_without_its_log(self, connection: Connection) -> bool:
        """Whether of a connection that is not current the file itself is still at its path."""
        opened = self._open.get(connection)
        return opened is not None and opened.main == (await self.now()).main


def _inode(path: Path) -> Inode | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
