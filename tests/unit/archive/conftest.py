"""The archive in SQLite. tests/archive has the same tests on PostgreSQL."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dkron_archive.archive import Archive
from tests.support.archives import emptied, migrated


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with all tables, to be copied."""
    file = tmp_path_factory.mktemp("archive") / "empty.db"
    with asyncio.Runner() as runner:
        runner.run(migrated(f"sqlite:///{file}"))
    return file


@pytest.fixture(scope="session")
def archive_url(empty_file: Path) -> str:
    """A database with all tables."""
    copy = shutil.copy(empty_file, empty_file.with_name("archive.db"))
    return f"sqlite:///{copy}"


@pytest.fixture
async def archive(archive_url: str) -> AsyncIterator[Archive]:
    async with emptied(archive_url) as empty:
        yield empty


@pytest.fixture
def fresh_url(tmp_path: Path) -> str:
    """A database without tables."""
    return f"sqlite:///{tmp_path}/fresh.db"
