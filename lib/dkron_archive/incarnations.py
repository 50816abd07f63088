"""A namespace that is made again may belong to other people. They see nothing of the jobs from before its creation,
unless an administrator has adopted those, as after a restore."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dkron_archive.counting import inserting
from dkron_archive.tables import execution, job
from dkron_archive.writing import namespace_key

SKEW = timedelta(days=1)
"""How long before the creation of its job an execution may seem to have ended, by the clock of a node."""


async def cut(connection: AsyncConnection, namespace: str, since: datetime | None) -> datetime | None:
    """When the jobs that are visible were created at the earliest; None if all jobs of the namespace are."""
    if since is None or await is_adopted(connection, namespace, since):
        return None
    earlier = select(job.c.number).where(job.c.namespace == namespace, job.c.name != "", job.c.created_at < since)
    return since if await connection.scalar(earlier.limit(1)) is not None else None


async def is_adopted(connection: AsyncConnection, namespace: str, since: datetime) -> bool:
    """Whether the history was adopted by the namespace that was created then."""
    at = await connection.scalar(select(job.c.created_at).where(job.c.uid == namespace_key(namespace)))
    return at is not None and at >= since


async def is_known(connection: AsyncConnection, namespace: str) -> bool:
    """Whether there is a job of the namespace."""
    known = select(job.c.number).where(job.c.namespace == namespace, job.c.name != "").limit(1)
    return await connection.scalar(known) is not None


async def adopt(connection: AsyncConnection, namespace: str, at: datetime) -> bool:
    """The history belongs to the namespace as it is now. Return whether there is any."""
    if not await is_known(connection, namespace):
        return False
    row = {"uid": namespace_key(namespace), "namespace": namespace, "name": "", "created_at": at}
    insert = inserting(connection, job).values(row)
    await connection.execute(insert.on_conflict_do_update(index_elements=["uid"], set_={"created_at": at}))
    return True


def visible(since: datetime | None) -> list[ColumnElement[bool]]:
    """The jobs that were created since."""
    return [] if since is None else [job.c.created_at >= since]


def visible_executions(since: datetime) -> list[ColumnElement[bool]]:
    """The executions of those jobs, of all in the namespace. What ended long before needs no look."""
    return [execution.c.finished_at >= since - SKEW, exists().where(job.c.number == execution.c.job, *visible(since))]
