"""A database as the archive needs it: transactions that end in time, and one kind of error."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import unquote, urlsplit

import asyncpg
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.exc import TimeoutError as QueueTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from dkron_archive.ports import ArchiveUnavailable, ArchiveUnreachable
from dkron_archive.problems import is_of_values, sentence

READERS = 8
"""Connections of a process: as many as `dkron_api.archive.reads` has places, so that no request waits for one that
another namespace holds."""
GRACE = 0.5
"""Seconds by which a call may end later than its statements."""

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

    async def give_back(self) -> None:
        """Give free space back to the file system."""

    async def close(self) -> None:
        """Close all connections."""


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
            translated((limit or self._timeout) + GRACE, secrets=self._secrets) as reach,
            AsyncExitStack() as stack,
        ):
            async with asyncio.timeout(self._timeout + GRACE):
                connection = await stack.enter_async_context(self.writer.connect())
            reach.connected = True
            await stack.enter_async_context(connection.begin())
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

    async def give_back(self) -> None:
        """Leave it to the server's autovacuum."""

    async def close(self) -> None:
        """Close all connections."""
        await self.writer.dispose()


@dataclass(slots=True)
class Reach:
    """Whether a call has a connection by now."""

    connected: bool = False


@asynccontextmanager
async def translated(limit: float, *, secrets: tuple[str, ...]) -> AsyncIterator[Reach]:
    """Every error of the database, and its silence, as `ArchiveUnavailable`; values that it refuses as `ValueError`."""
    reach = Reach()
    try:
        async with asyncio.timeout(limit):
            yield reach
    except (SQLAlchemyError, OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as exc:
        if is_of_values(exc):
            raise ValueError("The archive refuses these values.") from None
        # A call that waits for others' connections has not tried one.
        known = reach.connected or isinstance(exc, QueueTimeout)
        raise (ArchiveUnavailable if known else ArchiveUnreachable)(sentence(exc, secrets)) from None


def _secrets(url: str) -> tuple[str, ...]:
    """The password of a URL, as it stands there and decoded."""
    password = urlsplit(url).password or ""
    return tuple({password, unquote(password)} - {""})
