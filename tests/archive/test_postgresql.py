"""PostgreSQL: a server that dies, locks that others hold, and a backup, each without a trace of the password."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from dkron_archive import cleaning
from dkron_archive.archive import Archive
from dkron_archive.migrating import LOCK
from dkron_archive.opening import open_archive
from dkron_archive.ports import ArchiveUnavailable, ArchiveUnreachable
from dkron_archive.records import Query, State
from localcluster.servers.postgresql import Server
from tests.support.archives import NAMESPACE, check_counters, entry, everything, plan_of_page, record

SHORT = timedelta(seconds=0.5)


@pytest.fixture
async def short(archive: Archive, archive_url: str) -> AsyncIterator[Archive]:
    """An archive that waits for half a second."""
    assert archive
    waiting = open_archive(archive_url, timeout=SHORT)
    yield waiting
    await waiting.close()


@pytest.fixture
async def other(archive_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Another client of the database."""
    connection = await asyncpg.connect(archive_url)
    yield connection
    await connection.close()


@dataclass
class Line:
    """The way to the server, on which everything stops if it is not `open`, as if the server were frozen."""

    url: str
    open: asyncio.Event

    async def pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            await self.open.wait()
            target.write(data)
        target.close()


@pytest.fixture
async def line(server: Server, archive_url: str) -> AsyncIterator[Line]:
    found, pumps = Line("", asyncio.Event()), set[asyncio.Task[None]]()
    ends: list[asyncio.StreamWriter] = []
    found.open.set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", server.port)
        ends.extend((back, writer))
        pumps.update(asyncio.create_task(found.pump(*each)) for each in ((reader, back), (there, writer)))

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        found.url = archive_url.replace(f":{server.port}/", f":{port}/")
        yield found
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        for end in ends:
            end.close()
        await asyncio.gather(*(end.wait_closed() for end in ends), return_exceptions=True)


@pytest.mark.parametrize("known", [False, True], ids=["new connection", "known connection"])
async def test_server_that_is_frozen(archive: Archive, line: Line, known: bool) -> None:
    """Each call ends, with a sentence, and says that the next one would fail as well."""
    frozen = open_archive(line.url, timeout=SHORT)
    try:
        if known:
            await frozen.write([entry(1)])
        line.open.clear()
        async with asyncio.timeout(60):
            for call in (frozen.page(Query(NAMESPACE)), frozen.write([entry(2)]), frozen.migrate()):
                with pytest.raises(
                    ArchiveUnreachable, match=r"^The archive cannot be used: it did not answer in time[.]$"
                ):
                    await call
            line.open.set()
            await frozen.write([entry(3)])
        assert await everything(archive) == [record(3), *([record(1)] if known else [])]
    finally:
        line.open.set()
        await frozen.close()


@pytest.mark.restarts
async def test_server_that_is_killed_in_the_middle_of_writes(archive: Archive, server: Server) -> None:
    """Acknowledged records are there, and the others are written again, without being counted twice."""
    batches = [[entry(n, output=b"x" * 3000) for n in range(begin, begin + 50)] for begin in range(0, 1000, 50)]
    stored: list[int] = []
    first = asyncio.Event()

    async def write() -> None:
        for number, batch in enumerate(batches):
            await archive.write(batch)
            stored.append(number)
            first.set()

    writing = asyncio.ensure_future(write())
    await first.wait()
    server.stop(signal.SIGKILL)
    with pytest.raises(ArchiveUnavailable) as caught:
        await writing
    assert 0 < len(stored) < len(batches)
    with pytest.raises(ArchiveUnavailable, match=r"^The archive cannot be used: [^\n]+[.]$") as away:
        await archive.page(Query(NAMESPACE))
    assert not [said for said in (caught, away) if "s3cr3t" in str(said.value)]
    await asyncio.to_thread(server.start)
    there = {each.group for each in await everything(archive)}
    assert there >= {each.execution.group for number in stored for each in batches[number]}
    for batch in batches:
        await archive.write(batch)
    assert len(await everything(archive)) == 1000
    await check_counters(archive, range(1000), aged=False)


async def test_wrong_password_is_not_shown(server: Server) -> None:
    archive = open_archive(server.url("archive").replace("s3cr3t", "s3cr3t-no"))
    with pytest.raises(ArchiveUnavailable, match="password authentication failed for user") as caught:
        await archive.health()
    assert "s3cr3t" not in str(caught.value)
    await archive.close()


async def test_migration_that_another_process_runs(short: Archive, other: asyncpg.Connection) -> None:
    async with other.transaction():
        await other.execute(f"SELECT pg_advisory_xact_lock({LOCK})")
        with pytest.raises(ArchiveUnavailable, match="another process brings its schema up to date"):
            await short.migrate()
    await short.migrate()


async def test_table_that_another_client_locks(short: Archive, other: asyncpg.Connection) -> None:
    await short.write([entry(1)])
    async with other.transaction():
        await other.execute("LOCK TABLE execution IN ACCESS EXCLUSIVE MODE")
        began = time.monotonic()
        for call in (short.write([entry(2)]), short.page(Query(NAMESPACE)), short.health()):
            with pytest.raises(ArchiveUnavailable, match="it did not answer in time"):
                await call
        assert time.monotonic() - began < 60
    assert await everything(short) == [record(1)]


async def test_writers_at_once_do_not_wait_in_a_circle(archive: Archive) -> None:
    """Two operators that both believe to be the leader: the same records, in other orders."""
    entries = [entry(n, f"job{n % 7}") for n in range(200)]
    chunks = [entries[begin : begin + 40] for begin in range(0, 200, 20)]
    await asyncio.gather(*(archive.write(chunk[::step]) for chunk in chunks for step in (1, -1)))
    assert len(await everything(archive)) == 200
    await check_counters(archive, entries, aged=False)


async def test_deletes_at_once_count_once(archive: Archive) -> None:
    await archive.write([entry(n) for n in range(300)])
    gone = await asyncio.gather(*(archive.delete_executions(NAMESPACE, "backup") for _ in range(3)))
    assert sum(gone) == 300
    await check_counters(archive, range(300), aged=False)


async def test_record_written_during_its_delete_stays_gone(archive: Archive, other: asyncpg.Connection) -> None:
    await archive.write([entry(n) for n in range(3)])
    async with archive.database.writing() as connection:
        assert await cleaning.delete_batch(connection, NAMESPACE, "backup") == 3
        again = asyncio.ensure_future(archive.write([entry(n) for n in range(3)]))
        async with asyncio.timeout(30):
            while not await other.fetchval("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"):
                await other.fetchval("SELECT pg_stat_clear_snapshot()")
    await again
    assert await everything(archive) == []
    await check_counters(archive, range(3), aged=False)


async def test_dump_is_restored(archive: Archive, server: Server, tmp_path: Path) -> None:
    """The commands of docs/archive.md."""
    entries = [entry(n, output=bytes(range(256)) * n) for n in range(50)]
    await archive.write(entries)
    dump = tmp_path / "archive.dump"
    server.run("pg_dump", "--format=custom", f"--file={dump}", "archive")
    server.run("createdb", "restored")
    server.run("pg_restore", "--no-owner", "--exit-on-error", "--dbname=restored", str(dump))
    restored = open_archive(server.url("restored"))
    try:
        await restored.migrate()
        assert await everything(restored) == [each.execution for each in entries[::-1]]
        assert await restored.output("uid-of-backup", "backup-9") == entries[9].output
        await restored.write([*entries, entry(99)])
        await check_counters(restored, range(51), aged=False)
    finally:
        await restored.close()


@pytest.mark.parametrize(
    ("query", "index"),
    [
        pytest.param(Query(NAMESPACE), "of_namespace", id="namespace"),
        pytest.param(Query(NAMESPACE, jobs=frozenset({"job1", "job2"})), "of_job", id="jobs"),
        pytest.param(Query(NAMESPACE, state=State.SUCCESS), "by_state", id="a rare state"),
    ],
)
async def test_page_reads_an_index(archive: Archive, other: asyncpg.Connection, query: Query, index: str) -> None:
    await archive.write([entry(n, f"job{n % 3}", success=n % 100 == 0) for n in range(3000)])
    await other.execute("ANALYZE")
    plan = await plan_of_page(archive, query, explain="EXPLAIN")
    assert [step for step in plan if f"Index Scan Backward using execution_{index}" in step], plan
    assert not [step for step in plan if "Seq Scan on execution" in step], plan
