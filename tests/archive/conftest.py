"""The archive in a real PostgreSQL, with a password that no message may show."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest

from dkron_archive.archive import Archive
from localcluster.servers.postgresql import Server, postgresql
from tests.support.archives import emptied, migrated

PASSWORD = "s3cr3t-of-the-archive"  # noqa: S105


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with postgresql(password=PASSWORD) as running:
        yield running


@pytest.fixture(scope="session")
def archive_url(server: Server) -> str:
    """A database with all tables."""
    server.run("createdb", "archive")
    url = server.url("archive")
    with asyncio.Runner() as runner:
        runner.run(migrated(url))
    return url


@pytest.fixture
async def archive(archive_url: str) -> AsyncIterator[Archive]:
    async with emptied(archive_url) as empty:
        yield empty


@pytest.fixture
def fresh_url(server: Server) -> str:
    """A database without tables."""
    name = f"fresh-{uuid4().hex[:8]}"
    server.run("createdb", name)
    return server.url(name)
