"""Counts by steps of time, and percentiles by day."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby

from sqlalchemy import ColumnElement, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dkron_archive.counting import percentile
from dkron_archive.executions import job_numbers
from dkron_archive.records import Bucket, Durations
from dkron_archive.rows import step_of
from dkron_archive.tables import Step, duration, job, tally
from dkron_archive.writing import namespace_key

Span = tuple[datetime, datetime]
"""From, inclusive, and to, exclusive."""


async def timeline(
    connection: AsyncConnection, namespace: str, span: Span, step: timedelta, *, jobs: frozenset[str] | None
) -> list[Bucket]:
    """Counts of a namespace, or of some of its jobs."""
    begin, end = span
    length = Step(int(step.total_seconds()))
    sums = [func.sum(tally.c[name]).label(name) for name in ("success", "failed", "skipped")]
    statement = (
        select(tally.c.begin, *sums)
        .where(
            await series(connection, tally.c.job, namespace, jobs),
            tally.c.step == int(length),
            tally.c.begin >= step_of(begin, length),
            tally.c.begin < end,
        )
        .group_by(tally.c.begin)
        .order_by(tally.c.begin)
    )
    rows = await connection.execute(statement)
    return [Bucket(row.begin, int(row.success), int(row.failed), int(row.skipped)) for row in rows]


async def series(
    connection: AsyncConnection, column: ColumnElement[int], namespace: str, jobs: frozenset[str] | None
) -> ColumnElement[bool]:
    """The counters of a namespace, or of some of its jobs."""
    if jobs is None:
        return column == select(job.c.number).where(job.c.uid == namespace_key(namespace)).scalar_subquery()
    numbers = await job_numbers(connection, namespace, jobs) or ()
    return column.in_([literal(number, literal_execute=True) for number in numbers])


async def durations(connection: AsyncConnection, namespace: str, name: str, span: Span) -> list[Durations]:
    """Percentiles of a job's successful executions, by day."""
    begin, end = span
    numbers = select(job.c.number).where(job.c.namespace == namespace, job.c.name == name)
    statement = (
        select(duration.c.day, func.sum(duration.c.count), func.max(duration.c.longest))
        .where(duration.c.job.in_(numbers), duration.c.day >= step_of(begin, Step.DAY), duration.c.day < end)
        .group_by(duration.c.day, duration.c.bucket)
        .order_by(duration.c.day, duration.c.bucket)
    )
    days = groupby(await connection.execute(statement), key=lambda row: row.day)
    return [_percentiles(day, [(int(row[2]), int(row[1])) for row in rows]) for day, rows in days]


def _percentiles(day: datetime, buckets: Sequence[tuple[int, int]]) -> Durations:
    counted = sum(number for _, number in buckets)
    p50, p90, p99 = (percentile(buckets, share) for share in (0.5, 0.9, 0.99))
    return Durations(day, counted, p50, p90, p99, max(longest for longest, _ in buckets) / 1000)
