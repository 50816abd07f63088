"""A text in outputs. Outputs are compressed, so a search decompresses those that the other filters leave, until its
budget is used up; the next page goes on from there. Each transaction reads a few megabytes, so that none takes long."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row

from dkron_archive import contents, executions
from dkron_archive.database import Database
from dkron_archive.outputs import is_short
from dkron_archive.records import Cursor, Page, Query
from dkron_archive.rows import execution_of

BUDGET = 2.0
"""Seconds."""
BATCH = 200
"""Executions that one statement finds."""
Ends = Mapping[int, Row[*tuple[Any, ...]]]


async def page(database: Database, query: Query, *, budget: float = BUDGET) -> Page:
    """Executions whose output has the text."""
    until = time.monotonic() + budget
    needle = query.text.encode(errors="replace")
    after = first = (query.after.finished_at, query.after.id) if query.after else None
    found: list[Any] = []
    while True:
        async with database.reading() as connection:
            rows = await executions.page(connection, query, after=after, limit=BATCH)
            ends = await contents.ends(connection, [row.number for row in rows])
        sizes = {number: 0 if is_short(row, None) else int(row.size) for number, row in ends.items()}
        for some in contents.together(rows, lambda row: sizes.get(row.number, 0)):  # noqa: B023
            if after is not None and after != first and time.monotonic() >= until:
                return Page(tuple(map(execution_of, found)), Cursor(*after), complete=False)
            matches = await _matches(database, some, ends, needle)
            for row in some:
                after = (row.finished_at, row.id)
                if row.number in matches:
                    found.append(row)
                    if len(found) == query.limit:
                        return Page(tuple(map(execution_of, found)), Cursor(*after))
        if len(rows) < BATCH:
            return Page(tuple(map(execution_of, found)))


async def _matches(database: Database, rows: Sequence[Any], ends: Ends, needle: bytes) -> set[int]:
    """The executions among these whose output has some bytes."""
    outputs = [ends[row.number] for row in rows if row.number in ends]
    matches = {each.execution for each in outputs if is_short(each, None) and needle in each.tail}
    long = [each.execution for each in outputs if not is_short(each, None)]
    if long:
        async with database.reading() as connection:
            packed = await contents.packed(connection, long)
        matches |= await asyncio.to_thread(contents.matching, packed, needle)
    return matches
