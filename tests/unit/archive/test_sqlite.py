"""SQLite: what may be wrong with a file, each as one sentence; and readers that never wait."""

import asyncio
import os
import re
import shutil
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from dkron_archive import contents
from dkron_archive.archive import Archive
from dkron_archive.opening import open_archive
from dkron_archive.ports import ArchiveUnavailable
from dkron_archive.records import Query, Retention, State
from tests.support.archives import NAMESPACE, START, check_counters, entry, everything, plan_of, plan_of_page, record
from tests.support.waiting import wait_for

SHORT = timedelta(seconds=0.4)


@pytest.fixture
def file(empty_file: Path, tmp_path: Path) -> Path:
    """A file with all tables that no connection has open."""
    return Path(shutil.copy(empty_file, tmp_path / "archive.db"))


@pytest.fixture
async def short(file: Path) -> AsyncIterator[Archive]:
    """An archive that waits for half a second."""
    archive = open_archive(f"sqlite:///{file}", timeout=SHORT)
    yield archive
    await archive.close()
    no_threads()


def damage(file: Path) -> None:
    file.write_bytes(b"no database at all" * 1000)


def remove_tables(file: Path) -> None:
    file.write_bytes(b"")


def remove_folder(file: Path) -> None:
    shutil.rmtree(file.parent)


@pytest.mark.parametrize(
    ("break_it", "meaning"),
    [
        pytest.param(damage, "its file is no SQLite database", id="another file"),
        pytest.param(remove_tables, "it has no tables yet: the operator makes them when it starts", id="no tables"),
        pytest.param(remove_folder, "its file cannot be opened, or there is no file yet", id="no folder"),
    ],
)
async def test_broken_file(file: Path, break_it: Callable[[Path], None], meaning: str) -> None:
    break_it(file)
    archive = open_archive(f"sqlite:///{file}")
    try:
        for call in (archive.write([entry(1)]), archive.page(Query(NAMESPACE))):
            with pytest.raises(ArchiveUnavailable, match=f"^The archive cannot be used: {re.escape(meaning)}[.]$"):
                await call
    finally:
        await archive.close()
        no_threads()


def no_threads() -> None:
    """aiosqlite ends a thread by itself after a failure, which needs the loop until then."""

    def names() -> list[str]:
        return [each.name for each in threading.enumerate() if "_connection_worker" in each.name]

    wait_for("the threads of connections to end", names, lambda left: not left, seconds=10)


async def test_file_that_another_process_locks(file: Path, short: Archive) -> None:
    await short.write([entry(1)])
    other = sqlite3.connect(file, isolation_level=None)
    try:
        other.execute("BEGIN EXCLUSIVE")
        for call in (short.write([entry(2)]), short.migrate(), short.delete_executions(NAMESPACE, "backup")):
            with pytest.raises(ArchiveUnavailable, match="another process holds its lock"):
                await call
            assert await everything(short) == [record(1)], "a reader waits for the writer"
        other.execute("COMMIT")
        await short.write([entry(2)])
        assert await everything(short) == [record(2), record(1)]
    finally:
        other.close()


async def outcome(call: Awaitable[None]) -> ArchiveUnavailable | None:
    try:
        await call
    except ArchiveUnavailable as exc:
        return exc
    return None


async def test_full_disk_and_room_again(short: Archive) -> None:
    """Each batch is stored as a whole or not at all; cleaning makes room."""
    engine = short.database.writer
    async with engine.connect() as connection:
        pages = (await connection.exec_driver_sql("PRAGMA page_count")).scalar_one()
        await connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 150}")
    batches = [[entry(n, output=b"x" * 1000) for n in range(begin, begin + 10)] for begin in range(0, 1000, 10)]
    said = {str(error) for error in [await outcome(short.write(batch)) for batch in batches] if error}
    assert said == {"The archive cannot be used: its disk is full."}
    stored = await short.count(Query(NAMESPACE))
    assert stored
    assert stored % 10 == 0
    assert (await short.clean(Retention(None, 10), now=START, budget=timedelta(seconds=30))).gone == stored - 10
    await short.write([entry(n) for n in range(2000, 2005)])
    await check_counters(short, range(stored + 5), aged=False)


async def test_statement_that_takes_too_long_ends(short: Archive) -> None:
    endless = text("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n")
    began = time.monotonic()
    for transaction in (short.database.reading, short.database.writing):
        with pytest.raises(ArchiveUnavailable, match="it did not answer in time"):
            async with transaction() as connection:
                await connection.execute(endless)
    assert time.monotonic() - began < 60
    await short.write([entry(1)])
    assert await everything(short) == [record(1)]


async def test_writers_take_turns_and_readers_do_not_wait(file: Path) -> None:
    archive, other = (open_archive(f"sqlite:///{file}") for _ in range(2))
    try:
        writes = [each.write([entry(n), entry(0)]) for n in range(20) for each in (archive, other)]
        reads = [everything(each) for each in (archive, other)]
        await asyncio.gather(*writes, *reads)
        assert len(await everything(archive)) == 20
        await check_counters(other, range(20), aged=False)
    finally:
        await archive.close()
        await other.close()


async def test_call_that_is_cancelled_leaves_the_archive_usable(short: Archive) -> None:
    for _ in range(3):
        call = asyncio.ensure_future(short.write([entry(n) for n in range(100)]))
        await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    await short.write([entry(1)])
    assert record(1) in await everything(short)


async def test_cancelled_read_does_not_keep_the_log(file: Path, short: Archive) -> None:
    """Not even while something refers to its cursor, as a cycle of an exception and its frames does."""
    cursors, begun, goes_on = [], threading.Event(), threading.Event()

    def waits(_: int) -> int:
        begun.set()
        return int(goes_on.wait(10))

    async def read() -> None:
        async with short.database.reading() as connection:
            event.listen(connection.sync_connection, "before_cursor_execute", lambda *given: cursors.append(given[1]))
            driver: Any = (await connection.get_raw_connection()).driver_connection
            await driver.create_function("waits", 1, waits)
            await connection.execute(text("SELECT waits(0) UNION ALL SELECT name FROM job"))

    await short.write([entry(1)])
    call = asyncio.create_task(read())
    await asyncio.to_thread(begun.wait, 10)
    call.cancel()
    goes_on.set()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert cursors
    await short.write([entry(2)])
    with closing(sqlite3.connect(file)) as other:
        assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0)


async def test_cleaning_gives_the_log_back(file: Path, short: Archive) -> None:
    """Until then it counts as size."""

    def log() -> int:
        return Path(f"{file}-wal").stat().st_size

    with closing(sqlite3.connect(file, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM job").fetchall()
        await short.write([entry(n, output=os.urandom(1000)) for n in range(500)])
        await short.clean(Retention(None, 100), now=START, budget=timedelta(seconds=30))
        pinned = log()
        assert pinned > 500_000
        assert (await short.health()).size > pinned
    await short.clean(Retention(None, 100), now=START, budget=timedelta(seconds=30))
    assert log() == 0
    assert (await short.health()).size < pinned


async def test_backup_while_it_is_written(file: Path, short: Archive, tmp_path: Path) -> None:
    """Both ways of docs/archive.md: sqlite3's `.backup` and `VACUUM INTO`."""
    await short.write([entry(n, output=b"out %d" % n * 500) for n in range(100)])
    copies = [tmp_path / "backup.db", tmp_path / "vacuumed.db"]

    def back_up() -> None:
        with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copies[0])) as target:
            source.backup(target)
            source.execute(f"VACUUM INTO '{copies[1]}'")

    await asyncio.gather(asyncio.to_thread(back_up), short.write([entry(n) for n in range(100, 200)]))
    for path in copies:
        restored = open_archive(f"sqlite:///{path}")
        try:
            await restored.migrate()
            there = await everything(restored)
            assert len(there) in {100, 200}
            await check_counters(restored, there, aged=False)
            output = await restored.output("uid-of-backup", "backup-7")
            assert output is not None
            assert output.content == b"out 7" * 500
        finally:
            await restored.close()


@pytest.mark.parametrize(
    ("query", "index"),
    [
        pytest.param(Query(NAMESPACE), "execution_of_namespace", id="namespace"),
        pytest.param(Query(NAMESPACE, jobs=frozenset({"job1", "job2"})), "execution_of_job", id="jobs"),
        *(pytest.param(Query(NAMESPACE, state=each), "execution_by_state", id=each) for each in State),
        pytest.param(Query(NAMESPACE, triggers=frozenset({"manual"})), "execution_unscheduled", id="by hand"),
    ],
)
async def test_page_reads_no_more_than_it_shows(archive: Archive, query: Query, index: str) -> None:
    """An index has the order: the database sorts only what ended at one instant."""
    await archive.write([entry(n, f"job{n % 3}") for n in range(30)])
    plan = await plan_of_page(archive, query, explain="EXPLAIN QUERY PLAN")
    of_executions = {step for step in plan if step.split()[1:2] == ["execution"]}
    by_key = "SEARCH execution USING INTEGER PRIMARY KEY (rowid=?)"
    (chosen,) = of_executions - {by_key}
    assert re.search(
        rf"SEARCH execution USING .*INDEX {index} \(\w+=\? AND (success=\? AND )?\(?finished_at", chosen
    ), plan


async def test_outputs_are_found_by_their_keys(archive: Archive) -> None:
    await archive.write([entry(n, output=b"x") for n in range(30)])
    keys = [("uid-of-backup", f"backup-{n}") for n in range(10)]
    plan = await plan_of(archive, partial(contents.outputs, keys=keys, size=10), explain="EXPLAIN QUERY PLAN")
    assert [step for step in plan if "SEARCH execution" in step], plan
    assert not [step for step in plan if "SCAN execution" in step], plan
