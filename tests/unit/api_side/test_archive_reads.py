"""The cost of an archive that is slow or away."""

import asyncio
import logging

import pytest

from dkron_api.archive import reads
from dkron_api.archive.reads import Archive
from dkron_archive.database import READERS
from dkron_archive.ports import ArchiveReader, ArchiveUnavailable
from tests.support.builders import NAMESPACE
from tests.support.fake_archive import AWAY, FakeArchive, archived, long_ago


async def output(reader: ArchiveReader) -> object:
    return await reader.output("u", "j")


@pytest.fixture
def opened() -> FakeArchive:
    return FakeArchive(archived(1))


async def test_archive_that_is_away_is_asked_again_after_a_rest(
    opened: FakeArchive, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    now = 0.0
    archive = Archive(opened, long_ago, clock=lambda: now)
    opened.trouble = AWAY
    for _ in range(2):
        with pytest.raises(ArchiveUnavailable, match=AWAY):
            await archive.read(NAMESPACE, output)
    opened.trouble = ""
    with pytest.raises(ArchiveUnavailable, match=AWAY):
        await archive.read(NAMESPACE, output)
    now = reads.REST
    assert await archive.read(NAMESPACE, output) is None
    assert [record.getMessage() for record in caplog.records] == [AWAY, "the archive answers again"]


async def test_a_write_that_fails_stops_no_reads(opened: FakeArchive) -> None:
    archive = Archive(opened, long_ago)
    opened.trouble = AWAY
    with pytest.raises(ArchiveUnavailable, match=AWAY):
        await archive.write(NAMESPACE, lambda reader: reader.delete_executions("default", "backup"))
    opened.trouble = ""
    assert await archive.read(NAMESPACE, output) is None


async def test_one_slow_answer_stops_no_others(opened: FakeArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reads, "PATIENCE", 0.01)
    archive = Archive(opened, long_ago)
    with pytest.raises(ArchiveUnavailable, match="did not answer in time"):
        await archive.read(NAMESPACE, lambda _: asyncio.Event().wait())
    assert await archive.read(NAMESPACE, output) is None


async def test_failed_question_stops_no_others(opened: FakeArchive) -> None:
    """As one that the database ends, because it takes too long."""
    archive = Archive(opened, long_ago)
    opened.fault = ArchiveUnavailable(AWAY)
    for ask in (archive.read, archive.work):
        with pytest.raises(ArchiveUnavailable, match=AWAY):
            await ask("hostile", output)
    opened.fault = None
    assert await archive.read(NAMESPACE, output) is None


async def test_one_namespace_has_less_than_half_of_the_connections(opened: FakeArchive) -> None:
    archive, end, begun = Archive(opened, long_ago), asyncio.Event(), list[None]()

    async def slow(_: ArchiveReader) -> None:
        begun.append(None)
        await end.wait()

    asks = (archive.read, archive.work, archive.write)
    waiting = [asyncio.create_task(ask("hostile", slow)) for ask in asks for _ in range(20)]
    for ask in asks:
        assert await ask(NAMESPACE, output) is None
    assert 2 * len(begun) < READERS
    end.set()
    await asyncio.gather(*waiting)
    assert reads.READS + reads.WORKS == READERS


async def test_slow_database_takes_a_few_reads_at_once(opened: FakeArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    archive, end = Archive(opened, long_ago), asyncio.Event()
    begun = 0

    async def slow(_: ArchiveReader) -> None:
        nonlocal begun
        begun += 1
        await end.wait()

    waiting = [asyncio.create_task(archive.read(NAMESPACE, slow)) for _ in range(50)]
    for _ in range(5):
        await asyncio.sleep(0)
    assert begun == reads.READS_OF_ONE
    assert await archive.read("other", output) is None, "another namespace has its turn"
    monkeypatch.setattr(reads, "PATIENCE", 0.01)
    with pytest.raises(ArchiveUnavailable, match="did not answer in time"):
        await archive.read(NAMESPACE, slow)
    end.set()
    await asyncio.gather(*waiting)
    assert begun == 50
