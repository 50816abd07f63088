"""A text in outputs. Outputs are compressed, so a search decompresses those that the other filters leave, until its
budget is used up; the next page goes on from there."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from dkron_archive import executions
from dkron_archive.database import Database
from dkron_archive.outputs import decompressed
from dkron_archive.records import Cursor, Page, Query
from dkron_archive.rows import execution_of
from dkron_archive.tables import output

BUDGET = 2.0
"""Seconds."""
BATCH = 200
"""Outputs that are looked at together, the first time; later ones are more, if they are short."""


async def page(database: Database, query: Query, *, budget: float = BUDGET) -> Page:
    """Executions whose output has the text."""
    until = time.monotonic() + budget
    needle = query.text.encode(errors="replace")
    after = (query.after.finished_at, query.after.id) if query.after else None
    found: list[Any] = []
    while True:
        async with database.reading() as connection:
            rows = await executions.page(connection, query, after=after, limit=BATCH)
            numbers = [row.number for row in rows]
            contents = await connection.execute(
                select(*output.c["execution", "tail", "content"]).where(output.c.execution.in_(numbers))
            )
            outputs = contents.all()
        matches = await asyncio.to_thread(_matches, outputs, needle)
        for row in rows:
            after = (row.finished_at, row.id)
            if row.number in matches:
                found.append(row)
                if len(found) == query.limit:
                    return Page(tuple(map(execution_of, found)), Cursor(*after))
        if len(rows) < BATCH:
            return Page(tuple(map(execution_of, found)))
        if after and time.monotonic() >= until:
            return Page(tuple(map(execution_of, found)), Cursor(*after), complete=False)


def _matches(outputs: Sequence[Any], needle: bytes) -> set[int]:
    """The executions whose output has the text."""
    return {
        row.execution for row in outputs if needle in (row.tail if row.content is None else decompressed(row.content))
    }
