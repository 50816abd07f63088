"""A database as the archive needs it: transactions that end in time, and one kind of error.

SQLite has one connection that writes, and others that read: with a write-ahead log, neither waits for the other.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import unquote, urlsplit

import asyncpg
from sqlalchemy import Connection, event
from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry

from dkron_archive.ports import ArchiveUnavailable
from dkron_archive.problems import is_of_values, sentence

READERS = 4
CHECKED = 2000
"""SQLite asks after this many of its instructions whether the time is over: some 20 µs."""
GRACE = 0.5
"""Seconds by which a call may end later than its statements."""

# It logs each statement with its values.
logging.getLogger("aiosqlite").setLevel(logging.INFO)

Transaction = AbstractAsyncContextManager[AsyncConnection]


class Database(Protocol):
    """Transactions. They end by themselves with an `ArchiveUnavailable` if they take too long."""

    @property
    def name(self) -> str:
        """The dialect: sqlite or postgresql."""

    @property
    def writer(self) -> AsyncEngine:
        """Where `writing` gets its connections."""

    def writing(self, limit: float | None = None) -> Transaction:
        """A transaction that writes, in an `async with`; `limit` in seconds replaces the timeout."""

    def reading(self) -> Transaction:
        """A transaction that only reads."""

    async def close(self) -> None:
        """Close all connections."""


@dataclass(slots=True)
class Deadline:
    """When the statements of a connection have to end, on the monotonic clock."""

    at: float = 0.0

    def passed(self) -> bool:
        """Asked by SQLite while a statement runs, in the thread of the connection."""
        return time.monotonic() > self.at


class SQLite:
    """A file, or with the path "" a database in memory, which all transactions share in turn."""

    name = "sqlite"

    def __init__(self, path: str, *, timeout: float) -> None:
        self._path, self._timeout = path, timeout
        self.writer = self._engine(size=1, reads=False)
        self._reader = self._engine(size=READERS, reads=True) if path else self.writer

    @asynccontextmanager
    async def writing(self, limit: float | None = None) -> AsyncIterator[AsyncConnection]:
        """A transaction that writes."""
        async with self._transaction(self.writer, limit or self._timeout) as connection:
            yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that only reads."""
        async with self._transaction(self._reader, self._timeout) as connection:
            yield connection

    async def close(self) -> None:
        """Close all connections."""
        await self.writer.dispose()
        await self._reader.dispose()

    @asynccontextmanager
    async def _transaction(self, engine: AsyncEngine, limit: float) -> AsyncIterator[AsyncConnection]:
        at = time.monotonic() + limit
        async with translated(limit + GRACE, secrets=()), engine.connect() as connection:
            connection.sync_connection.info["deadline"].at = at  # type: ignore[union-attr]
            async with connection.begin():
                yield connection

    def _engine(self, *, size: int, reads: bool) -> AsyncEngine:
        engine = create_async_engine(
            f"sqlite+aiosqlite:///{self._path}",
            pool_size=size, max_overflow=0, pool_timeout=self._timeout, pool_reset_on_return="rollback",
            connect_args={"isolation_level": None, "timeout": self._timeout},
            poolclass=AsyncAdaptedQueuePool, hide_parameters=True,
        )  # fmt: skip
        pragmas = ["foreign_keys = ON"]
        if reads and self._path:
            pragmas.append("query_only = ON")
        elif self._path:
            pragmas = ["auto_vacuum = INCREMENTAL", "journal_mode = WAL", "synchronous = FULL", *pragmas]

        def connected(connection: AsyncAdapt_aiosqlite_connection, record: ConnectionPoolEntry) -> None:
            deadline = record.info["deadline"] = Deadline(time.monotonic() + self._timeout)
            cursor = connection.cursor()
            for pragma in pragmas:
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()
            connection.run_async(lambda driver: driver.set_progress_handler(deadline.passed, CHECKED))

        def begun(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

        event.listen(engine.sync_engine, "connect", connected)
        event.listen(engine.sync_engine, "begin", begun)
        return engine


class PostgreSQL:
    """A server, by a URL as libpq reads it."""

    name = "postgresql"

    def __init__(self, url: str, *, timeout: float) -> None:
        self._timeout = timeout
        self._secrets = _secrets(url)
        milliseconds = str(int(timeout * 1000))
        settings = {
            "application_name": "dkron-operator",
            "statement_timeout": milliseconds,
            "lock_timeout": milliseconds,
            "idle_in_transaction_session_timeout": str(int((timeout + GRACE) * 1000)),
            "timezone": "UTC",
        }

        async def connect() -> asyncpg.Connection:
            return await asyncpg.connect(url, timeout=timeout, server_settings=settings)

        self.writer = create_async_engine(
            "postgresql+asyncpg://", async_creator=connect,
            pool_size=READERS, max_overflow=0, pool_timeout=timeout, pool_pre_ping=True, hide_parameters=True,
        )  # fmt: skip

    @asynccontextmanager
    async def writing(self, limit: float | None = None) -> AsyncIterator[AsyncConnection]:
        """A transaction that writes."""
        async with (
            translated((limit or self._timeout) + GRACE, secrets=self._secrets),
            self.writer.connect() as connection,
            connection.begin(),
        ):
            if limit:
                milliseconds = int(limit * 1000)
                await connection.exec_driver_sql(f"SET LOCAL statement_timeout = {milliseconds}")
                await connection.exec_driver_sql(f"SET LOCAL idle_in_transaction_session_timeout = {milliseconds}")
            yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that only reads."""
        async with self.writing() as connection:
            yield connection

    async def close(self) -> None:
        """Close all connections."""
        await self.writer.dispose()


@asynccontextmanager
async def translated(limit: float, *, secrets: tuple[str, ...]) -> AsyncIterator[None]:
    """Every error of the database, and its silence, as `ArchiveUnavailable`; values that it refuses as `ValueError`."""
    try:
        async with asyncio.timeout(limit):
            yield
    except (SQLAlchemyError, OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as exc:
        if is_of_values(exc):
            raise ValueError("The archive refuses these values.") from None
        raise ArchiveUnavailable(sentence(exc, secrets)) from None


def _secrets(url: str) -> tuple[str, ...]:
    """The password of a URL, as it stands there and decoded."""
    password = urlsplit(url).password or ""
    return tuple({password, unquote(password)} - {""})
