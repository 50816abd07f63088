"""Outputs out of the database. However long they are, a few megabytes of them are in memory at once, and they are
decompressed in a thread, so that nothing else waits."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dkron_archive.executions import Key, by_key
from dkron_archive.outputs import decompressed, is_short, output_of
from dkron_archive.records import ArchivedOutput
from dkron_archive.tables import execution, output

T = TypeVar("T")
TOGETHER = 8 * 1024 * 1024
"""Bytes, decompressed."""
COLUMNS = output.c["execution", "truncated", "size", "tail"]


async def outputs(connection: AsyncConnection, keys: Sequence[Key], size: int | None) -> Mapping[Key, ArchivedOutput]:
    """The ends of outputs, by the uid of the job and the name of the attempt."""
    joined = select(*execution.c["job", "attempt_job"], *COLUMNS).join(output, output.c.execution == execution.c.number)
    of_keys = await by_key(connection, keys, joined)
    rows = {row.execution: row for row in of_keys.values()}
    found = {number: output_of(row, size) for number, row in rows.items() if is_short(row, size)}
    async for contents in _long(connection, [row for number, row in rows.items() if number not in found]):
        ends = [(rows[number], size, content) for number, content in contents.items()]
        found.update(zip(contents, await asyncio.to_thread(lambda: [output_of(*end) for end in ends]), strict=True))  # noqa: B023
    return {key: found[row.execution] for key, row in of_keys.items() if row.execution in found}


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
