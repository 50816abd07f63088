"""Counts, percentiles, and the ledger of what did not run."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dkron_archive.counting import percentile
from dkron_archive.executions import job_numbers
from dkron_archive.outputs import unpacked
from dkron_archive.records import Bucket, Durations, Health, PauseRecord, Revision, SkippedSlots
from dkron_archive.rows import revision_of, skipped_of, step_of
from dkron_archive.tables import Step, duration, execution, job, metadata, pause, revision, skipped, spec, stored, tally
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
            await _series(connection, tally.c.job, namespace, jobs),
            tally.c.step == int(length),
            tally.c.begin >= step_of(begin, length),
            tally.c.begin < end,
        )
        .group_by(tally.c.begin)
        .order_by(tally.c.begin)
    )
    rows = await connection.execute(statement)
    return [Bucket(row.begin, int(row.success), int(row.failed), int(row.skipped)) for row in rows]


async def _series(
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


async def skipped_slots(
    connection: AsyncConnection, namespace: str, span: Span, *, jobs: frozenset[str] | None, limit: int
) -> list[SkippedSlots]:
    """Slots that did not run, newest first."""
    begin, end = span
    statement = (
        select(skipped, job.c.uid.label("job_uid"), job.c.name.label("job_name"))
        .join(job, job.c.number == skipped.c.job)
        .where(skipped.c.namespace == namespace, skipped.c.last >= begin, skipped.c.first < end)
        .order_by(skipped.c.last.desc(), skipped.c.job)
        .limit(limit)
    )
    if jobs is not None:
        statement = statement.where(await _series(connection, skipped.c.job, namespace, jobs))
    return [skipped_of(row) for row in await connection.execute(statement)]


async def pauses(connection: AsyncConnection, namespace: str, span: Span) -> list[PauseRecord]:
    """Pauses that overlap a time, in the order of their beginnings."""
    begin, end = span
    overlap = (pause.c.begin < end, or_(pause.c.end.is_(None), pause.c.end > begin))
    statement = select(pause).where(pause.c.namespace == namespace, *overlap).order_by(pause.c.begin, pause.c.name)
    return [PauseRecord(*row) for row in await connection.execute(statement)]


async def revisions(connection: AsyncConnection, namespace: str, name: str, *, limit: int) -> list[Revision]:
    """Accepted specs of all jobs of a name, newest first."""
    statement = (
        select(revision, job.c["namespace"], job.c.uid.label("job_uid"), job.c.name.label("job_name"))
        .join(job, job.c.number == revision.c.job)
        .where(job.c.namespace == namespace, job.c.name == name)
        .order_by(revision.c.at.desc(), revision.c.generation.desc())
        .limit(limit)
    )
    return [revision_of(row) for row in await connection.execute(statement)]


async def spec_of(connection: AsyncConnection, hashed: str) -> Mapping[str, Any] | None:
    """The spec of a hash."""
    content = await connection.scalar(select(spec.c.content).where(spec.c.hash == hashed))
    return unpacked(content) if content else None


async def health(connection: AsyncConnection) -> Health:
    """How many executions there are, how many bytes of the disk they take, and when the first of them ended."""
    counted = select(func.sum(stored.c.success + stored.c.failed)).join(job, job.c.number == stored.c.job)
    number = await connection.scalar(counted.where(job.c.name == ""))
    oldest = await connection.scalar(select(func.min(execution.c.finished_at)))
    return Health(int(number or 0), await size(connection), oldest)


async def size(connection: AsyncConnection) -> int:
    """The bytes of all tables and their indexes."""
    if connection.dialect.name == "postgresql":
        names = ", ".join(f"'{table}'" for table in metadata.tables)
        sizes = f"SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE oid IN (SELECT to_regclass(name) FROM unnest(ARRAY[{names}]) AS name)"
    else:
        sizes = (
            "SELECT (count.page_count - free.freelist_count) * size.page_size"
            " FROM pragma_page_count count, pragma_freelist_count free, pragma_page_size size"
        )
    return int((await connection.exec_driver_sql(sizes)).scalar() or 0)
