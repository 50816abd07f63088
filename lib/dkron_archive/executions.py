"""Executions out of the database. A page begins at a key, so that its cost does not depend on how many come before."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Subquery, and_, func, literal, or_, select, tuple_, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from dkron_archive.incarnations import cut, visible, visible_executions
from dkron_archive.records import ArchivedExecution, Query, State
from dkron_archive.rows import execution_of, step_of
from dkron_archive.tables import UNSCHEDULED, Step, execution, job, stored, tally
from dkron_archive.writing import namespace_key

FEW_JOBS = 30
"""So many jobs are asked one by one; more are picked from all executions of the namespace."""
FEW_HOURS = 100
SCHEDULE = "schedule"
KEY = (execution.c.finished_at, execution.c.id)

AT_ONCE = 100
"""Executions that one statement finds by their keys."""

Key = tuple[str, str]
"""The uid of a job, and the name of an attempt."""
Statement = Select[*tuple[Any, ...]]
Jobs = list[int] | None
"""Numbers of jobs; None stands for all of the namespace."""
BARE: Statement = select(*execution.c["job", "attempt_job"])


async def page(
    connection: AsyncConnection, query: Query, *, after: tuple[datetime, str] | None, limit: int
) -> list[Any]:
    """Rows of executions, in the order of the query."""
    since = await cut(connection, query.namespace, query.since)
    numbers = await job_numbers(connection, query.namespace, query.jobs, since)
    conditions = [*_conditions(query, after), *await _hours(connection, query)]
    if numbers is None and since is not None:
        conditions += visible_executions(since)
    if numbers is None or len(numbers) > FEW_JOBS:
        conditions.append(execution.c.namespace == query.namespace)
        conditions.extend(_special(query))
        if numbers is not None:
            conditions.append(execution.c.job.in_([literal(number, literal_execute=True) for number in numbers]))
        found = _chosen(conditions, query, limit)
    elif numbers:
        each = [_chosen([execution.c.job == number, *conditions], query, limit) for number in numbers]
        found = each[0] if len(each) == 1 else union_all(*map(select, each)).subquery()
    else:
        return []
    joined = (
        select(execution, job.c.uid.label("job_uid"), job.c.name.label("job_name"))
        .join(found, found.c.number == execution.c.number)
        .join(job, job.c.number == execution.c.job)
    )
    return list(await connection.execute(_ordered(joined, query, limit)))


async def by_key(
    connection: AsyncConnection, keys: Collection[Key], statement: Statement = BARE
) -> Mapping[Key, Row[*tuple[Any, ...]]]:
    """The rows of those executions that are there. The statement selects `job` and `attempt_job`, and what else is
    wanted of them."""
    jobs = await connection.execute(select(*job.c["number", "uid"]).where(job.c.uid.in_({uid for uid, _ in keys})))
    uids = {row.number: row.uid for row in jobs}
    numbers = {uid: number for number, uid in uids.items()}
    wanted = [(numbers[uid], attempt) for uid, attempt in keys if uid in numbers]
    rows: dict[Key, Row[*tuple[Any, ...]]] = {}
    for begin in range(0, len(wanted), AT_ONCE):
        # With `(job, attempt_job) IN …`, SQLite would read the keys of all executions.
        each = (
            and_(execution.c.job == number, execution.c.attempt_job == attempt)
            for number, attempt in wanted[begin : begin + AT_ONCE]
        )
        found = await connection.execute(statement.where(or_(*each)))
        rows |= {(uids[row.job], row.attempt_job): row for row in found}
    return rows


def _chosen(conditions: list[ColumnElement[bool]], query: Query, limit: int) -> Subquery:
    """The numbers of as many executions as a page needs."""
    return _ordered(select(execution.c.number, *KEY).where(*conditions), query, limit).subquery()


def _ordered(statement: Statement, query: Query, limit: int) -> Statement:
    order = KEY if query.ascending else tuple(column.desc() for column in KEY)
    return statement.order_by(*order).limit(limit)


def _conditions(query: Query, after: tuple[datetime, str] | None) -> list[ColumnElement[bool]]:
    columns = execution.c
    conditions: list[ColumnElement[bool]] = []
    if query.state is not None:
        conditions.append(columns.success if query.state is State.SUCCESS else ~columns.success)
    if query.triggers is not None:
        conditions.append(columns.trigger.in_(sorted(query.triggers)))
    if query.begin is not None:
        conditions.append(columns.finished_at >= query.begin)
    if query.end is not None:
        conditions.append(columns.finished_at < query.end)
    if query.running_at is not None:
        conditions += [columns.started_at <= query.running_at, columns.finished_at > query.running_at]
    if after is not None:
        here, there = tuple_(*KEY), tuple_(*map(literal, after, (column.type for column in KEY)))
        conditions.append(here > there if query.ascending else here < there)
    return conditions


def _special(query: Query) -> list[ColumnElement[bool]]:
    """What lets the database take a small index: most executions are of the schedule."""
    if query.triggers is not None and SCHEDULE not in query.triggers:
        return [UNSCHEDULED]
    return []


async def _hours(connection: AsyncConnection, query: Query) -> list[ColumnElement[bool]]:
    """The hours in which executions ended that ran at an instant. Long ones are rare, so that these are few, and all
    others are skipped."""
    at = query.running_at
    if at is None:
        return []
    of_namespace = select(job.c.number).where(job.c.uid == namespace_key(query.namespace)).scalar_subquery()
    begins = await connection.scalars(
        select(tally.c.begin).where(
            tally.c.job == of_namespace,
            tally.c.step == int(Step.HOUR),
            tally.c.begin >= step_of(at, Step.HOUR),
            tally.c.first_start <= at,
        ).order_by(tally.c.begin)
    )  # fmt: skip
    spans: list[tuple[datetime, datetime]] = []
    for begin in begins:
        end = begin + timedelta(seconds=Step.HOUR)
        if spans and spans[-1][1] == begin:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((begin, end))
    if len(spans) > FEW_HOURS:
        spans = [(spans[0][0], spans[-1][1])]
    columns = execution.c
    return [or_(False, *(and_(columns.finished_at >= begin, columns.finished_at < end) for begin, end in spans))]


async def job_numbers(
    connection: AsyncConnection, namespace: str, names: Collection[str] | None, since: datetime | None
) -> Jobs:
    """The numbers of all jobs of these names, past ones among them, that were created since."""
    if names is None:
        return None
    conditions = [job.c.namespace == namespace, *visible(since)]
    if len(names) > FEW_JOBS:
        rows = await connection.execute(select(*job.c["name", "number"]).where(*conditions))
        return [row.number for row in rows if row.name in names and row.name]
    wanted = [name for name in names if name]
    found = await connection.scalars(
        select(job.c.number).where(*conditions, job.c.name.in_(wanted)).order_by(job.c.number)
    )
    return list(found)


async def count(connection: AsyncConnection, query: Query) -> int | None:
    """How many there are, if days and jobs decide that."""
    days = [at for at in (query.begin, query.end) if at is not None]
    if query.triggers is not None or query.text or query.running_at or any(at != step_of(at, Step.DAY) for at in days):
        return None
    condition = await series(connection, stored.c.job, query.namespace, query.jobs, since=query.since)
    columns = {State.SUCCESS: stored.c.success, State.FAILED: stored.c.failed, None: stored.c.success + stored.c.failed}
    statement = select(func.sum(columns[query.state])).where(condition)
    if query.begin is not None:
        statement = statement.where(stored.c.day >= query.begin)
    if query.end is not None:
        statement = statement.where(stored.c.day < query.end)
    return int(await connection.scalar(statement) or 0)


async def series(
    connection: AsyncConnection,
    column: ColumnElement[int],
    namespace: str,
    jobs: Collection[str] | None,
    *,
    since: datetime | None,
) -> ColumnElement[bool]:
    """The counters of a namespace, or of some of its jobs."""
    since = await cut(connection, namespace, since)
    if jobs is not None:
        numbers = await job_numbers(connection, namespace, jobs, since) or ()
        return column.in_([literal(number, literal_execute=True) for number in numbers])
    if since is not None:
        return column.in_(select(job.c.number).where(job.c.namespace == namespace, job.c.name != "", *visible(since)))
    return column == select(job.c.number).where(job.c.uid == namespace_key(namespace)).scalar_subquery()


async def by_id(
    connection: AsyncConnection, namespace: str, name: str, execution_id: str, *, since: datetime | None
) -> ArchivedExecution | None:
    """An execution of the newest job of a name. Its id ends in the name of its Job."""
    since = await cut(connection, namespace, since)
    statement = (
        select(execution, job.c.uid.label("job_uid"), job.c.name.label("job_name"))
        .join(job, job.c.number == execution.c.job)
        .where(
            job.c.namespace == namespace,
            job.c.name == name,
            execution.c.attempt_job == execution_id.partition("-")[2],
            execution.c.id == execution_id,
            *visible(since),
        )
        .order_by(job.c.number.desc())
        .limit(1)
    )
    row = (await connection.execute(statement)).first()
    return execution_of(row) if row else None
