"""How much there is."""

import asyncio
from datetime import datetime
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dkron_archive.records import Health
from dkron_archive.tables import execution, job, metadata, stored


async def health(connection: AsyncConnection) -> Health:
    """How many executions there are, how many bytes of the disk they take, and when the first of them ended."""
    counted = select(func.sum(stored.c.success + stored.c.failed)).join(job, job.c.number == stored.c.job)
    number = await connection.scalar(counted.where(job.c.name == ""))
    first = min((at for _, at in await oldest(connection)), default=None)
    return Health(int(number or 0), await size(connection), first)


async def oldest(connection: AsyncConnection) -> list[tuple[str, datetime]]:
    """The first end in each namespace, by an index."""
    end = select(func.min(execution.c.finished_at)).where(execution.c.namespace == job.c.namespace)
    rows = await connection.execute(
        select(job.c.namespace, end.correlate(job).scalar_subquery()).where(job.c.name == "")
    )
    return [(namespace, at) for namespace, at in rows if at is not None]


async def size(connection: AsyncConnection) -> int:
    """The bytes of all tables and their indexes; of a file also its log."""
    if connection.dialect.name == "postgresql":
        relations = [func.pg_total_relation_size(func.to_regclass(name)) for name in metadata.tables]
        return sum((await connection.execute(select(*relations))).one())
    sizes = (
        "SELECT (count.page_count - free.freelist_count) * size.page_size"
        " FROM pragma_page_count count, pragma_freelist_count free, pragma_page_size size"
    )
    pages = int((await connection.exec_driver_sql(sizes)).scalar() or 0)
    file = (await connection.exec_driver_sql("SELECT file FROM pragma_database_list WHERE name = 'main'")).scalar()
    return pages + (await asyncio.to_thread(_log_size, file) if file else 0)


def _log_size(file: str) -> int:
    try:
        return Path(f"{file}-wal").stat().st_size
    except FileNotFoundError:
        return 0
