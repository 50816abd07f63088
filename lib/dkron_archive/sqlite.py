"""The archive in a SQLite file. One connection writes, and others read: with a write-ahead log, neither waits for the
other."""

import logging
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from weakref import WeakSet

from sqlalchemy import Connection, event
from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_connection
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry
from sqlalchemy.util import await_

from dkron_archive.database import GRACE, READERS, translated
from dkron_archive.ports import ArchiveReplaced
from dkron_archive.sqlite_file import File

CHECKED = 2000
"""SQLite asks after this many of its instructions whether the time is over: some 20 µs."""
FREED = 2000
"""Pages that are given back at once."""
READ = ("query_only = ON", "schema_version")
"""Settings of a connection that reads; asking for the version opens the log."""
WRITE = ("auto_vacuum = INCREMENTAL", "journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "schema_version")

# It logs each statement with its values.
logging.getLogger("aiosqlite").setLevel(logging.INFO)


@dataclass(slots=True)
class Deadline:
    """When the statements of a connection have to end, on the monotonic clock."""

    at: float = 0.0

    def passed(self) -> bool:
        """Asked by SQLite while a statement runs, in the thread of the connection."""
        return time.monotonic() > self.at


class Statements(sqlite3.Connection):
    """A connection that ends its statements with each transaction, and before it closes.

    A SELECT that has begun reads one state of the file, and the log keeps all that was written since. Neither a
    rollback nor a close ends it: SQLite keeps the connection until its last cursor is collected. The cursor of a call
    that was cancelled is in a cycle of references, which Python may collect hours later."""

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - as there
        self._cursors: WeakSet[sqlite3.Cursor] = WeakSet()
        super().__init__(*args, **options)

    def cursor(self, *args: Any) -> Any:  # noqa: ANN401 - as there
        """Make a cursor."""
        cursor = super().cursor(*args)
        self._cursors.add(cursor)
        return cursor

    def rollback(self) -> None:
        """Roll back, without any statement left."""
        self._end_statements()
        super().rollback()

    def close(self) -> None:
        """Close, without any statement left."""
        self._end_statements()
        super().close()

    def _end_statements(self) -> None:
        for cursor in tuple(self._cursors):
            with suppress(sqlite3.Error):
                cursor.close()


class SQLite:
    """A file, or with the path "" a database in memory, which all transactions share in turn. `makes`: a file that is
    not there is made. The file is opened for writing only where something is written."""

    name = "sqlite"

    def __init__(self, path: str, *, timeout: float, makes: bool) -> None:
        self._timeout = timeout
        self._file = File(path, removes_logs=makes) if path else None
        quoted = f"file:{quote(path)}"
        writes = "rwc" if makes else "rw"
        self.writer = self._engine(quoted if path else "", mode=writes, size=1)
        self._reader = self._engine(quoted, mode="ro", size=READERS) if path else self.writer

    @asynccontextmanager
    async def writing(self, limit: float | None = None) -> AsyncIterator[AsyncConnection]:
        """A transaction that writes."""
        async with self._connected(self.writer, limit or self._timeout) as connection, connection.begin():
            yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that only reads."""
        async with self._connected(self._reader, self._timeout) as connection, connection.begin():
            yield connection

    async def give_back(self) -> None:
        """Give free pages, and the log, back to the file system. The log waits for reads of older states, and while it
        does, new reads do not add to them."""
        async with self._connected(self.writer, self._timeout) as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            await driver.execute_fetchall(f"PRAGMA incremental_vacuum({FREED})")
            await driver.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")

    async def close(self) -> None:
        """Close all connections. The one that writes comes last: it empties the log into the file."""
        await self._reader.dispose()
        await self.writer.dispose()

    @asynccontextmanager
    async def _connected(self, engine: AsyncEngine, limit: float) -> AsyncIterator[AsyncConnection]:
        at = time.monotonic() + limit
        async with translated(limit + GRACE, secrets=()) as reach:
            try:
                async with engine.connect() as connection:
                    reach.connected = True
                    await self._check(connection)
                    connection.sync_connection.info["deadline"].at = at  # type: ignore[union-attr]
                    yield connection
                    await self._check(connection)
            except ArchiveReplaced:
                # The next transaction opens what is there then.
                await self.close()
                raise

    async def _check(self, connection: AsyncConnection) -> None:
        """Close the connection and raise `ArchiveReplaced` if its file is no longer the one at the path."""
        if self._file is None:
            return
        driver: Any = (await connection.get_raw_connection()).driver_connection
        if await self._file.is_current(driver):
            return
        if connection.engine is self.writer and await self._file.is_without_its_log(driver):
            # Its last transactions are in the log only, which ends with the connection.
            with suppress(sqlite3.Error):
                await driver.execute_fetchall("PRAGMA wal_checkpoint(FULL)")
        await connection.invalidate()
        raise ArchiveReplaced

    def _engine(self, path: str, *, mode: str, size: int) -> AsyncEngine:
        engine = create_async_engine(
            URL.create("sqlite+aiosqlite", database=path, query={"mode": mode, "uri": "true"} if path else {}),
            pool_size=size, max_overflow=0, pool_timeout=self._timeout, pool_reset_on_return="rollback",
            connect_args={"isolation_level": None, "timeout": self._timeout, "factory": Statements},
            poolclass=AsyncAdaptedQueuePool, hide_parameters=True,
        )  # fmt: skip
        file, reads = self._file, mode == "ro"
        pragmas = (READ if reads else WRITE) if path else ("foreign_keys = ON",)

        def connecting(_: object, record: ConnectionPoolEntry, *__: object) -> None:
            if file is not None:
                record.info["before"] = await_(file.before_open(makes=mode == "rwc"))

        def connected(connection: AsyncAdapt_aiosqlite_connection, record: ConnectionPoolEntry) -> None:
            deadline = record.info["deadline"] = Deadline(time.monotonic() + self._timeout)
            cursor = connection.cursor()
            for pragma in pragmas:
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()
            connection.run_async(lambda driver: driver.set_progress_handler(deadline.passed, CHECKED))
            if file is not None:
                before = record.info["before"]
                connection.run_async(lambda driver: file.opened(driver, before))

        def closing(connection: AsyncAdapt_aiosqlite_connection, _: ConnectionPoolEntry) -> None:
            if file is not None:
                file.closed(connection.driver_connection)

        def begun(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

        event.listen(engine.sync_engine, "do_connect", connecting)
        event.listen(engine.sync_engine, "connect", connected)
        event.listen(engine.sync_engine, "close", closing)
        event.listen(engine.sync_engine, "begin", begun)
        return engine
