"""The archive in SQLite. tests/archive has the same tests on PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from dkron_archive.archive import Archive
from tests.support.archives import emptied, migrated


@pytest.fixture(scope="session")
def archive_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with all tables."""
    url = f"sqlite:///{tmp_path_factory.mktemp('archive')}/archive.db"
    with asyncio.Runner() as runner:
        runner.run(migrated(url))
    return url


@pytest.fixture
async def archive(archive_url: str) -> AsyncIterator[Archive]:
    async with emptied(archive_url) as empty:
        yield empty
