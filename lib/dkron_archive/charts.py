"""Counts by steps of time, and percentiles by day."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dkron_archive.counting import percentile
from dkron_archive.executions import series
from dkron_archive.records import Bucket, Durations
from dkron_archive.rows import step_of
from dkron_archive.tables import Step, duration, tally

Span = tuple[datetime, datetime]
"""From, inclusive, and to, exclusive."""


async def timeline(
    connection: AsyncConnection,
    namespace: str,
    span: Span,
    step: timedelta,
    *,
    jobs: frozenset[str] | None,
    since: datetime | None,
) -> list[Bucket]:
    """Counts of a namespace, or of some of its jobs."""
    begin, end = span
    length = Step(int(step.total_seconds()))
    sums = [func.sum(tally.c[name]).label(name) for name in ("success", "failed", "skipped")]
    statement = (
        select(tally.c.begin, *sums)
        .where(
            await series(connection, tally.c.job, namespace, jobs, since=since),
            tally.c.step == int(length),
            tally.c.begin >= step_of(begin, length),
            tally.c.begin < end,
        )
        .group_by(tally.c.begin)
        .order_by(tally.c.begin)
    )
    rows = await connection.execute(statement)
    return [Bucket(row.begin, int(row.success), int(row.failed), int(row.skipped)) for row in rows]


async def durations(
    connection: AsyncConnection, namespace: str, name: str, span: Span, *, since: datetime | None
) -> list[Durations]:
    """Percentiles of a job's successful executions, by day."""
    begin, end = span
    of_job = await series(connection, duration.c.job, namespace, {name}, since=since)
    statement = (
        select(duration.c.day, func.sum(duration.c.count), func.max(duration.c.longest))
        .where(of_job, duration.c.day >= step_of(begin, Step.DAY), duration.c.day < end)
        .group_by(duration.c.day, duration.c.bucket)
        .order_by(duration.c.day, duration.c.bucket)
    )
    days = groupby(await connection.execute(statement), key=lambda row: row.day)
    return [_percentiles(day, [(int(row[2]), int(row[1])) for row in rows]) for day, rows in days]


def _percentiles(day: datetime, buckets: Sequence[tuple[int, int]]) -> Durations:
    counted = sum(number for _, number in buckets)
    p50, p90, p99 = (percentile(buckets, share) for share in (0.5, 0.9, 0.99))
    return Durations(day, counted, p50, p90, p99, max(longest for longest, _ in buckets) / 1000)
