"""A text in outputs. Outputs are compressed, so a search decompresses those that the other filters leave, until its
budget is used up; the next page goes on from there."""

import time
from typing import Any

from dkron_archive import contents, executions
from dkron_archive.database import Database
from dkron_archive.records import Cursor, Page, Query
from dkron_archive.rows import execution_of

BUDGET = 2.0
"""Seconds."""
BATCH = 200
"""Executions that are looked at in one transaction."""


async def page(database: Database, query: Query, *, budget: float = BUDGET) -> Page:
    """Executions whose output has the text."""
    until = time.monotonic() + budget
    needle = query.text.encode(errors="replace")
    after = (query.after.finished_at, query.after.id) if query.after else None
    found: list[Any] = []
    while True:
        matches: set[int] = set()
        async with database.reading() as connection:
            rows = await executions.page(connection, query, after=after, limit=BATCH)
            async for some in contents.having(connection, [row.number for row in rows], needle):
                matches |= some
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
