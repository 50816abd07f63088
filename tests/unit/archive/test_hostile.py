"""Whatever a user sends, the archive stays there for others, and no log or error shows a value of a row."""

import logging
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from dkron_archive.archive import Archive
from dkron_archive.records import Cursor, Query
from tests.support.archives import NAMESPACE, START, entry, everything, record

MARK = "an-output-of-a-user"
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
HOUR = timedelta(hours=1)
TEXTS = {
    "zero byte": "backup\0",
    "half a character": "backup\ud800",
    "byte of another encoding": "backup\udcff",
    "quote": "backup' OR '1'='1",
    "wildcards": "%_*?[a-z]\\",
    "long": "backup" * 50_000,
    "empty": "",
}


@pytest.mark.parametrize("odd", TEXTS.values(), ids=TEXTS.keys())
async def test_question_with_an_odd_text_finds_nothing(archive: Archive, odd: str) -> None:
    await archive.write([entry(1, output=b"\xff\0 of a backup")])
    odd_jobs = frozenset({odd})
    for query in (
        Query(NAMESPACE, jobs=odd_jobs), Query(NAMESPACE, jobs=odd_jobs | {f"{odd}{n}" for n in range(40)}),
        Query(NAMESPACE, triggers=odd_jobs), Query(odd), Query(NAMESPACE, after=Cursor(START, odd)),
    ):  # fmt: skip
        assert (await archive.page(query)).executions == ()
        assert await archive.count(query) in {0, None} or query.after
    assert (await archive.page(Query(NAMESPACE, text=odd))).executions == ((record(1),) if not odd else ())
    period = (FIRST, LAST)
    assert [
        await archive.execution(NAMESPACE, "backup", f"1-{odd}"), await archive.execution(NAMESPACE, odd, "1-backup-1"),
        await archive.output("uid-of-backup", odd), await archive.output(odd, "backup-1"), await archive.spec(odd),
    ] == [None] * 5  # fmt: skip
    assert await archive.outputs([("uid-of-backup", odd), (odd, "backup-1")], size=10) == {}
    assert await archive.timeline(NAMESPACE, *period, HOUR, jobs=odd_jobs) == []
    assert await archive.durations(NAMESPACE, odd, *period) == []
    assert await archive.skipped(NAMESPACE, *period, jobs=odd_jobs) == []
    assert await archive.pauses(odd, *period) == []
    assert await archive.revisions(NAMESPACE, odd) == []
    assert await archive.delete_executions(NAMESPACE, odd) == 0
    await archive.forget_tombstones(odd, [odd])


async def test_question_about_all_times(archive: Archive) -> None:
    await archive.write([entry(1)])
    for query, found in (
        (Query(NAMESPACE, begin=FIRST, end=LAST), 1), (Query(NAMESPACE, running_at=FIRST), 0),
        (Query(NAMESPACE, running_at=LAST), 0), (Query(NAMESPACE, after=Cursor(LAST, "")), 1),
        (Query(NAMESPACE, after=Cursor(FIRST, ""), ascending=True), 1), (Query(NAMESPACE, begin=LAST, end=FIRST), 0),
    ):  # fmt: skip
        assert len((await archive.page(query)).executions) == found, query
    assert len(await archive.timeline(NAMESPACE, FIRST, LAST, HOUR, jobs=None)) == 1


async def test_record_that_no_database_takes_is_no_outage(archive: Archive) -> None:
    """The archiver writes the others of its batch one by one."""
    odd = entry(2, slot=None)
    with pytest.raises(ValueError, match=r"^The archive refuses these values[.]$"):
        await archive.write([entry(1), odd])
    await archive.write([entry(1)])
    assert await everything(archive) == [record(1)]


async def test_values_are_in_no_error_and_no_log(archive: Archive, caplog: pytest.LogCaptureFixture) -> None:
    """At the level debug: of a statement that works, of one that fails, and of a value that is refused."""
    caplog.set_level(logging.DEBUG)
    said: list[str] = []

    async def fails(call: Awaitable[object], *kinds: type[Exception]) -> None:
        with pytest.raises(kinds) as caught:
            await call
        said.extend((str(caught.value), repr(caught.value)))

    await archive.write([entry(1, output=MARK.encode(), message=MARK)])
    await fails(archive.write([entry(2, output=MARK.encode(), message=MARK, slot=None)]), ValueError)
    async with archive.database.reading() as connection:
        absent = text("SELECT * FROM absent WHERE name = :name")
        await fails(connection.execute(absent, {"name": MARK}), SQLAlchemyError)
    assert said
    assert MARK not in "".join(said) + caplog.text
