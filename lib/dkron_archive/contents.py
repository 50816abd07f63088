"""Outputs out of the database. However long they are, a few megabytes of them are in memory at once, and they are
decompressed in a thread, so that nothing else waits."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Row, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dkron_archive.outputs import decompressed, is_short, output_of
from dkron_archive.records import ArchivedOutput
from dkron_archive.tables import execution, job, output

T = TypeVar("T")
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


async def ends(connection: AsyncConnection, numbers: Iterable[int]) -> Mapping[int, Row[*tuple[Any, ...]]]:
    """The ends of these executions' outputs."""
    rows = await connection.execute(select(*COLUMNS).where(output.c.execution.in_(numbers)))
    return {row.execution: row for row in rows}


async def packed(connection: AsyncConnection, numbers: Sequence[int]) -> Mapping[int, bytes]:
    """The compressed contents of these executions' outputs."""
    statement = select(*output.c["execution", "content"]).where(output.c.execution.in_(numbers))
    return {row.execution: row.content for row in await connection.execute(statement)}


def matching(contents: Mapping[int, bytes], needle: bytes) -> set[int]:
    """The executions whose compressed output has some bytes. Takes milliseconds for each megabyte."""
    return {number for number, content in contents.items() if needle in decompressed(content)}


def together(items: Iterable[T], size: Callable[[T], int]) -> Iterator[list[T]]:
    """So many items in a row that their outputs may be in memory at once; at least one."""
    batch: list[T] = []
    room = TOGETHER
    for item in items:
        if batch and size(item) > room:
            yield batch
            batch, room = [], TOGETHER
        batch.append(item)
        room -= size(item)
    if batch:
        yield batch


async def _long(
    connection: AsyncConnection, rows: Sequence[Row[*tuple[Any, ...]]]
) -> AsyncIterator[Mapping[int, bytes]]:
    for batch in together(rows, lambda row: int(row.size)):
        yield await packed(connection, [row.execution for row in batch])
