"""A SQLite file that is removed or replaced under the programs that have it open."""

import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from dkron_archive import writing
from dkron_archive.archive import Archive
from dkron_archive.opening import open_archive
from dkron_archive.ports import ArchiveReplaced, ArchiveUnavailable
from tests.support.archives import entry, everything, record

SIDES = ("-wal", "-shm")


@pytest.fixture
def file(empty_file: Path, tmp_path: Path) -> Path:
    """A file with all tables that no connection has open."""
    return Path(shutil.copy(empty_file, tmp_path / "archive #1.db"))


@pytest.fixture
async def operator(file: Path) -> AsyncIterator[Archive]:
    """The archive as the operator has it open, with one execution."""
    archive = open_archive(f"sqlite:///{file}")
    await archive.write([entry(1)])
    yield archive
    await archive.close()


@pytest.fixture
async def api(file: Path, operator: Archive) -> AsyncIterator[Archive]:
    """The archive as the REST API has it open."""
    archive = open_archive(f"sqlite:///{file}", makes=False)
    assert await everything(archive) == await everything(operator)
    yield archive
    await archive.close()


@pytest.fixture
def archives(file: Path, operator: Archive, api: Archive) -> tuple[Path, Archive, Archive]:
    """The file, and the two that have it open."""
    return file, operator, api


def back_up(file: Path) -> Path:
    copy = file.with_name("backup.db")
    with closing(sqlite3.connect(file)) as source:
        source.execute(f"VACUUM INTO '{copy}'")
    return copy


def remove(file: Path) -> None:
    file.unlink()


def remove_all(file: Path) -> None:
    for side in ("", *SIDES):
        file.with_name(file.name + side).unlink()


def put_back(file: Path) -> None:
    back_up(file).replace(file)


def put_back_without_its_log(file: Path) -> None:
    copy = back_up(file)
    remove_all(file)
    copy.replace(file)


def put_back_file_without_tables(file: Path) -> None:
    """As one of an older version: the operator has to bring its schema up to date."""
    copy = file.with_name("older.db")
    with closing(sqlite3.connect(copy)) as older:
        older.execute("CREATE TABLE other (x)")
    copy.replace(file)


def remove_log(file: Path) -> None:
    for side in SIDES:
        file.with_name(file.name + side).unlink()


CHANGES = [
    pytest.param(remove, [3], id="removed"),
    pytest.param(remove_all, [3], id="removed with its log"),
    pytest.param(put_back, [3, 2, 1], id="a backup"),
    pytest.param(put_back_without_its_log, [3, 2, 1], id="a backup, without the log"),
    pytest.param(put_back_file_without_tables, [3], id="without tables"),
    pytest.param(remove_log, [3, 2, 1], id="its log removed"),
]
Change = Callable[[Path], None]


def in_file(file: Path) -> list[int]:
    """What another process finds at the path."""
    with closing(sqlite3.connect(file)) as other:
        assert other.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return [number for (number,) in other.execute('SELECT "group" FROM execution ORDER BY finished_at DESC')]


@pytest.mark.parametrize(("change", "there"), CHANGES)
async def test_nothing_is_written_into_a_file_that_is_gone(
    archives: tuple[Path, Archive, Archive], change: Change, there: list[int]
) -> None:
    file, operator, api = archives
    await operator.write([entry(2)])
    change(file)
    with pytest.raises(ArchiveReplaced):
        await operator.write([entry(3)])
    await operator.migrate()
    await operator.write([entry(3)])
    assert in_file(file) == there
    with pytest.raises(ArchiveReplaced):
        await everything(api)
    assert await everything(api) == [record(number) for number in there]
    assert await everything(operator) == [record(number) for number in there]


@pytest.mark.parametrize(("change", "there"), CHANGES)
async def test_commit_into_a_file_that_went_meanwhile_fails(
    file: Path, operator: Archive, change: Change, there: list[int]
) -> None:
    """The file goes after the transaction has begun."""
    await operator.write([entry(2)])

    async def write() -> None:
        async with operator.database.writing() as connection:
            await writing.write(connection, [entry(3)], [None])
            change(file)

    with pytest.raises(ArchiveReplaced):
        await write()
    await operator.migrate()
    await operator.write([entry(3)])
    assert in_file(file) == there


async def test_reader_waits_for_the_log_of_a_former_file(file: Path, operator: Archive, api: Archive) -> None:
    """The log that lies beside a backup would be read as the backup's own."""
    await operator.write([entry(2)])
    put_back(file)
    for _ in range(2):
        with pytest.raises(ArchiveReplaced):
            await everything(api)
    with pytest.raises(ArchiveReplaced):
        await everything(operator)
    await operator.migrate()
    assert await everything(api) == [record(2), record(1)]


async def test_reader_makes_no_file(file: Path, operator: Archive, api: Archive) -> None:
    remove_all(file)
    for _ in range(3):
        with pytest.raises(ArchiveUnavailable):
            await everything(api)
    assert not list(file.parent.iterdir())
    await operator.close()


async def test_reader_cannot_write(file: Path) -> None:
    archive = open_archive(f"sqlite:///{file}", makes=False)
    try:
        async with archive.database.reading() as connection:
            await connection.exec_driver_sql("PRAGMA query_only = OFF")
            with pytest.raises(DBAPIError, match="readonly database"):
                await connection.exec_driver_sql("DELETE FROM execution")
    finally:
        await archive.close()
