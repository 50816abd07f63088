"""What did not run, what was paused, and each spec that was accepted."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dkron_archive.charts import Span
from dkron_archive.executions import series
from dkron_archive.incarnations import cut, is_adopted, visible
from dkron_archive.outputs import unpacked
from dkron_archive.records import PauseRecord, Revision, SkippedSlots
from dkron_archive.rows import revision_of, skipped_of
from dkron_archive.tables import job, pause, revision, skipped, spec


async def skipped_slots(
    connection: AsyncConnection,
    namespace: str,
    span: Span,
    *,
    jobs: frozenset[str] | None,
    limit: int,
    since: datetime | None,
) -> list[SkippedSlots]:
    """Slots that did not run, newest first."""
    begin, end = span
    since = await cut(connection, namespace, since)
    statement = (
        select(skipped, job.c.uid.label("job_uid"), job.c.name.label("job_name"))
        .join(job, job.c.number == skipped.c.job)
        .where(skipped.c.namespace == namespace, skipped.c.last >= begin, skipped.c.first < end, *visible(since))
        .order_by(skipped.c.last.desc(), skipped.c.job)
        .limit(limit)
    )
    if jobs is not None:
        statement = statement.where(await series(connection, skipped.c.job, namespace, jobs, since=since))
    return [skipped_of(row) for row in await connection.execute(statement)]


async def pauses(connection: AsyncConnection, namespace: str, span: Span, since: datetime | None) -> list[PauseRecord]:
    """Pauses that overlap a time, in the order of their beginnings."""
    begin, end = span
    overlap = (pause.c.begin < end, or_(pause.c.end.is_(None), pause.c.end > begin))
    statement = select(pause).where(pause.c.namespace == namespace, *overlap).order_by(pause.c.begin, pause.c.name)
    if since is not None and not await is_adopted(connection, namespace, since):
        statement = statement.where(pause.c.begin >= since)
    return [PauseRecord(*row) for row in await connection.execute(statement)]


async def revisions(
    connection: AsyncConnection, namespace: str, name: str, *, limit: int, since: datetime | None
) -> list[Revision]:
    """Accepted specs of all jobs of a name, newest first."""
    since = await cut(connection, namespace, since)
    statement = (
        select(revision, job.c.namespace, job.c.uid.label("job_uid"), job.c.name.label("job_name"))
        .join(job, job.c.number == revision.c.job)
        .where(job.c.namespace == namespace, job.c.name == name, *visible(since))
        .order_by(revision.c.at.desc(), revision.c.generation.desc())
        .limit(limit)
    )
    return [revision_of(row) for row in await connection.execute(statement)]


async def spec_of(connection: AsyncConnection, hashed: str) -> Mapping[str, Any] | None:
    """The spec of a hash."""
    content = await connection.scalar(select(spec.c.content).where(spec.c.hash == hashed))
    return unpacked(content) if content else None
