"""Archives for tests, and records to put into them. `python -m tests.support.archives URL` writes without end."""

import asyncio
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import delete, event, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dkron_archive import executions
from dkron_archive.archive import Archive
from dkron_archive.opening import open_archive
from dkron_archive.records import ArchivedExecution, ArchivedOutput, Entry, JobKey, Query
from dkron_archive.tables import Step, execution, job, metadata, stored, tally

START = datetime(2026, 3, 1, tzinfo=UTC)
NAMESPACE = "team"
ALL = Query(NAMESPACE)
BATCH = 20
Sums = dict[str, Counter[object]]


def key(name: str, *, uid: str = "", namespace: str = NAMESPACE) -> JobKey:
    return JobKey(namespace, name, uid or f"uid-of-{name}")


def record(number: int, name: str = "backup", *, minutes: float | None = None, **changes: Any) -> ArchivedExecution:
    """The execution of a minute, which takes three seconds."""
    slot = START + timedelta(minutes=number if minutes is None else minutes)
    attempt = changes.get("attempt_job", f"{name}-{number}")
    base = ArchivedExecution(
        key(name), f"{10**18 + number}-{attempt}", attempt, number, 1, "schedule", slot, slot,
        slot + timedelta(seconds=3), success=True, created_at=slot,
    )  # fmt: skip
    return replace(base, **changes)


def entry(number: int, name: str = "backup", output: bytes | None = None, **changes: Any) -> Entry:
    return Entry(record(number, name, **changes), None if output is None else ArchivedOutput(output, truncated=False))


@asynccontextmanager
async def emptied(url: str) -> AsyncIterator[Archive]:
    """An archive whose tables are there and empty."""
    archive = open_archive(url)
    try:
        await empty(archive)
        yield archive
    finally:
        await archive.close()


async def empty(archive: Archive) -> None:
    async with archive.database.writing() as connection:
        for table in reversed(metadata.sorted_tables):
            await connection.execute(delete(table))


async def migrated(url: str) -> None:
    archive = open_archive(url)
    try:
        await archive.migrate()
    finally:
        await archive.close()


async def everything(archive: Archive, query: Query = ALL) -> list[ArchivedExecution]:
    """All executions of a query, page by page."""
    found: list[ArchivedExecution] = []
    while True:
        page = await archive.page(query)
        found.extend(page.executions)
        if page.next is None:
            return found
        query = replace(query, after=page.next)


async def check_counters(archive: Archive, ever: Collection[object], *, aged: bool) -> None:
    """The counters of rows say what rows there are, and tallies what there ever was, each for jobs and namespaces.

    An age deletes counts by minute and hour, and jobs that have not run since.
    """
    ended = select(job.c.name, execution.c.success, execution.c.bytes).join(job, job.c.number == execution.c.job)
    counted = select(job.c.name, *stored.c["success", "failed", "bytes"]).join(job, job.c.number == stored.c.job)
    happened = select(job.c.name, tally.c.step, tally.c.success + tally.c.failed).join(job, job.c.number == tally.c.job)
    real: Sums = defaultdict(Counter)
    kept: Sums = defaultdict(Counter)
    totals: Sums = defaultdict(Counter)
    async with archive.database.reading() as connection:
        for name, success, size in await connection.execute(ended):
            for each in (name, ""):
                real[each].update({"success" if success else "failed": 1, "bytes": size})
        for name, success, failed, size in await connection.execute(counted):
            kept[name].update({"success": success, "failed": failed, "bytes": size})
        for name, step, number in await connection.execute(happened):
            totals["all" if name else "namespace"][step] += number
    assert {name: +sums for name, sums in kept.items() if +sums} == dict(real)
    assert all(number >= 0 for sums in kept.values() for number in sums.values())
    steps = [Step.DAY] if aged else list(Step)
    expected = {step: len(ever) for step in steps if ever}
    for level in ("namespace",) if aged else ("all", "namespace"):
        assert {step: totals[level][step] for step in steps if totals[level][step]} == expected


async def plan_of_page(archive: Archive, query: Query, *, explain: str) -> list[str]:
    """How the database finds a page behind the twentieth minute."""
    after = (record(20).finished_at, "x")
    return await plan_of(archive, partial(executions.page, query=query, after=after, limit=5), explain=explain)


async def plan_of(archive: Archive, ask: Callable[[AsyncConnection], Awaitable[object]], *, explain: str) -> list[str]:
    """How the database answers a question."""
    statements: list[tuple[str, Any]] = []

    def remember(_: object, __: object, statement: str, parameters: object, *___: object) -> None:
        statements.append((statement, parameters))

    async with archive.database.reading() as connection:
        event.listen(connection.sync_connection, "before_cursor_execute", remember)
        await ask(connection)
        event.remove(connection.sync_connection, "before_cursor_execute", remember)
        steps = [await connection.exec_driver_sql(f"{explain} {text}", values) for text, values in statements]
        return [row[-1] for rows in steps for row in rows]


async def fill(url: str) -> None:
    """Write, and say which batches are stored."""
    archive = open_archive(url)
    number = 0
    while True:
        # Each batch has half of the one before, as an operator that does not know what was stored.
        await archive.write([entry(n, output=b"x" * 2000) for n in range(number, number + 2 * BATCH)])
        number += BATCH
        print(number + BATCH, flush=True)


if __name__ == "__main__":
    asyncio.run(fill(sys.argv[1]))
