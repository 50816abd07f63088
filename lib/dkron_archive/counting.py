"""The changes of a write in the counters. Pure, but for `add`, which adds them.

Each count is kept for the job and for its namespace. Rows are added in the order of their keys, so that two writers
never wait for each other in a circle.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from math import log
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Table, case, func
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from dkron_archive.rows import step_of
from dkron_archive.tables import Step, duration, stored, tally

WIDTH = log(1.02)
"""Of a bucket of durations."""

Insert = postgresql.Insert | sqlite.Insert
Counts = dict[tuple[Any, ...], dict[str, Any]]


class Changes:
    """Counters by table, and by their keys."""

    def __init__(self) -> None:
        self.stored: Counts = defaultdict(lambda: {"success": 0, "failed": 0, "bytes": 0})
        self.tally: Counts = defaultdict(lambda: {"success": 0, "failed": 0, "skipped": 0, "first_start": None})
        self.duration: Counts = defaultdict(lambda: {"count": 0, "longest": 0})

    def rows(self, row: RowMapping, jobs: tuple[int, ...], by: int) -> None:
        """A row of `execution` came (by 1) or went (by -1)."""
        day = step_of(row["finished_at"], Step.DAY)
        for job in jobs:
            counts = self.stored[job, day]
            counts["success" if row["success"] else "failed"] += by
            counts["bytes"] += by * row["bytes"]

    def ended(self, row: RowMapping, jobs: tuple[int, ...]) -> None:
        """An execution is counted, once."""
        self.rows(row, jobs, 1)
        finished, started = row["finished_at"], row["started_at"]
        for job in jobs:
            for step in Step:
                counts = self.tally[job, int(step), step_of(finished, step)]
                counts["success" if row["success"] else "failed"] += 1
                counts["first_start"] = min(started, counts["first_start"] or started)
        if row["success"]:
            took = max(0, round((finished - started).total_seconds() * 1000))
            buckets = self.duration[jobs[0], step_of(finished, Step.DAY), bucket(took)]
            buckets["count"] += 1
            buckets["longest"] = max(took, buckets["longest"])

    def skipped(self, last: datetime, count: int, jobs: tuple[int, ...]) -> None:
        """Slots did not run."""
        for job in jobs:
            for step in Step:
                self.tally[job, int(step), step_of(last, step)]["skipped"] += count

    async def add(self, connection: AsyncConnection) -> None:
        """Add all of it to the database."""
        for table, counts in ((stored, self.stored), (tally, self.tally), (duration, self.duration)):
            keys = [column.name for column in table.primary_key]
            rows = [dict(zip(keys, key, strict=True)) | counts[key] for key in sorted(counts)]
            if rows:
                await connection.execute(_added(connection, table), rows)


def bucket(milliseconds: int) -> int:
    """The bucket of a duration: each is 2 % wider than the one before."""
    return 1 + int(log(milliseconds) / WIDTH) if milliseconds else 0


def percentile(buckets: Iterable[tuple[int, int]], share: float) -> float:
    """The duration in seconds that a share of executions did not exceed, to within 2 %, by (longest, count) of each
    bucket in the order of durations."""
    known = list(buckets)
    rank = share * sum(count for _, count in known)
    reached = 0
    for longest, count in known:
        reached += count
        if reached >= rank:
            return longest / 1000
    return 0.0


def inserting(connection: AsyncConnection, table: Table) -> Insert:
    """An INSERT with ON CONFLICT, which both databases have under one name."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def _added(connection: AsyncConnection, table: Table) -> Insert:
    """Add counts to the rows that are there."""
    insert = inserting(connection, table)
    changed: dict[str, ColumnElement[Any]] = {}
    for column in table.columns:
        new = insert.excluded[column.name]
        if column.primary_key:
            continue
        if column.name == "first_start":
            changed[column.name] = case((column < new, column), else_=func.coalesce(new, column))
        elif column.name == "longest":
            changed[column.name] = case((column > new, column), else_=new)
        else:
            changed[column.name] = column + new
    return insert.on_conflict_do_update(index_elements=[*table.primary_key], set_=changed)
