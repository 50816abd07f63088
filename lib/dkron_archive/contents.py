"""Outputs out of the database. However long they are, a few megabytes of them are in memory at once, and they are
decompressed in a thread, so that nothing else waits."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dkron_archive.outputs import decompressed, is_short, output_of
from dkron_archive.records import ArchivedOutput
from dkron_archive.tables import execution, job, output

Key = tuple[str, str]
TOGETHER = 8 * 1024 * 1024
"""Bytes, decompressed."""
AT_ONCE = 100
"""Outputs that one statement finds."""
COLUMNS = output.c["execution", "truncated", "size", "tail"]


async def outputs(connection: AsyncConnection, keys: Sequence[Key], size: int | None) -> Mapping[Key, ArchivedOutput]:
    """The ends of outputs, by the uid of the job and the name of the attempt."""
    jobs = await connection.execute(select(*job.c["number", "uid"]).where(job.c.uid.in_({uid for uid, _ in keys})))
    uids = {row.number: row.uid for row in jobs}
    numbers = {uid: number for number, uid in uids.items()}
    wanted = [(numbers[uid], attempt) for uid, attempt in keys if uid in numbers]
    joined = select(*execution.c["job", "attempt_job"], *COLUMNS).join(output, output.c.execution == execution.c.number)
    rows: dict[int, Row[*tuple[Any, ...]]] = {}
    for begin in range(0, len(wanted), AT_ONCE):
        # With `(job, attempt_job) IN …`, SQLite would read the keys of all executions.
        each = (
            and_(execution.c.job == number, execution.c.attempt_job == attempt)
            for number, attempt in wanted[begin : begin + AT_ONCE]
        )
        rows |= {row.execution: row for row in await connection.execute(joined.where(or_(*each)))}
    found = {number: output_of(row, size) for number, row in rows.items() if is_short(row, size)}
    async for contents in _long(connection, [row for number, row in rows.items() if number not in found]):
        ends = [(rows[number], size, content) for number, content in contents.items()]
        found.update(zip(contents, await asyncio.to_thread(lambda: [output_of(*end) for end in ends]), strict=True))  # noqa: B023
    return {(uids[row.job], row.attempt_job): found[number] for number, row in rows.items() if number in found}


async def having(connection: AsyncConnection, numbers: Iterable[int], needle: bytes) -> AsyncIterator[set[int]]:
    """The executions among these whose output has some bytes, in several parts."""
    rows = (await connection.execute(select(*COLUMNS).where(output.c.execution.in_(numbers)))).all()
    yield {row.execution for row in rows if is_short(row, None) and needle in row.tail}
    async for contents in _long(connection, [row for row in rows if not is_short(row, None)]):
        yield await asyncio.to_thread(_matching, contents, needle)


def _matching(contents: Mapping[int, bytes], needle: bytes) -> set[int]:
    return {number for number, content in contents.items() if needle in decompressed(content)}


async def _long(
    connection: AsyncConnection, rows: Sequence[Row[*tuple[Any, ...]]]
) -> AsyncIterator[Mapping[int, bytes]]:
    """The compressed contents of some outputs, so many together."""
    batch: list[int] = []
    room = TOGETHER
    for row in rows:
        if batch and row.size > room:
            yield await _contents(connection, batch)
            batch, room = [], TOGETHER
        batch.append(row.execution)
        room -= row.size
    if batch:
        yield await _contents(connection, batch)


async def _contents(connection: AsyncConnection, numbers: Sequence[int]) -> Mapping[int, bytes]:
    statement = select(*output.c["execution", "content"]).where(output.c.execution.in_(numbers))
    return {row.execution: row.content for row in await connection.execute(statement)}
