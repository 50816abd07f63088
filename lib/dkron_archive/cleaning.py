"""Records out of the database, in transactions of at most 500 with rests, so that no other writer waits for long. The
clients of a SQLite file do not queue for its lock: without a rest, they would hardly ever find it free.

The oldest executions go first: of a job, or of a namespace. They stay gone: the database keeps until when, or which.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, and_, delete, exists, func, inspect, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dkron_archive import room
from dkron_archive.counting import Changes, inserting
from dkron_archive.database import Database
from dkron_archive.executions import job_numbers
from dkron_archive.incarnations import cut
from dkron_archive.records import Cleaned, Evicted, Retention
from dkron_archive.rows import step_of
from dkron_archive.tables import (
    EXECUTIONS,
    SLOTS,
    Step,
    duration,
    execution,
    horizon,
    job,
    output,
    pause,
    revision,
    skipped,
    spec,
    stored,
    tally,
    tombstone,
)
from dkron_archive.writing import locked_jobs, namespace_key

BATCH = 500
OLDEST = (execution.c.finished_at, execution.c.id)
WORK, REST = 0.1, 0.05
"""Seconds of work, after which there is a rest."""


class Pace:
    """How long a deletion may take, and when it rests."""

    def __init__(self, budget: timedelta = timedelta.max) -> None:
        self._rested = time.monotonic()
        self._until = self._rested + budget.total_seconds()

    async def lasts(self) -> bool:
        """Rest if it is time to, and say whether there is time for another batch."""
        if time.monotonic() - self._rested > WORK:
            await asyncio.sleep(REST)
            self._rested = time.monotonic()
        return time.monotonic() < self._until


async def clean(database: Database, retention: Retention, *, now: datetime, budget: timedelta) -> Cleaned:
    """Delete what is kept no longer."""
    pace = Pace(budget)
    gone, evicted = 0, dict[str, Evicted]()
    if retention.days is not None:
        gone += await _older(database, now - timedelta(days=retention.days), pace)
    if retention.executions_per_job is not None:
        gone += await _too_many(database, retention.executions_per_job, pace)
    if retention.bytes_in_all is not None or retention.bytes_per_namespace is not None:
        evicted = await _too_large(database, retention, pace)
    if retention.days is not None:
        await _rest(database, now - timedelta(days=retention.days), pace)
    await database.give_back()
    return Cleaned(gone + sum(each.executions for each in evicted.values()), evicted)


async def _older(database: Database, cut: datetime, pace: Pace) -> int:
    """Executions that ended before a time, namespace by namespace."""
    async with database.reading() as connection:
        namespaces = list(await connection.scalars(select(job.c.namespace).where(job.c.name == "")))
    gone = 0
    for namespace in namespaces:
        old = select(execution.c.number).where(execution.c.namespace == namespace, execution.c.finished_at < cut)
        deleted = BATCH
        while deleted == BATCH and await pace.lasts():
            async with database.writing() as connection:
                await _gone_before(connection, EXECUTIONS, cut)
                deleted = await _delete(connection, old)
            gone += deleted
    return gone


async def _gone_before(connection: AsyncConnection, number: int, cut: datetime) -> None:
    insert = inserting(connection, horizon)
    later = insert.on_conflict_do_update(
        index_elements=["number"], set_={"gone_at": insert.excluded.gone_at}, where=horizon.c.gone_at < cut
    )
    await connection.execute(later.values(number=number, gone_at=cut))


async def _too_many(database: Database, kept: int, pace: Pace) -> int:
    """Executions of jobs that have more of them than are kept. Those with the most go first: where the budget is not
    enough for all jobs, their batches become larger, and none is left behind."""
    total = func.sum(stored.c.success + stored.c.failed)
    statement = (
        select(stored.c.job, total).join(job, job.c.number == stored.c.job).where(job.c.name != "")
        .group_by(stored.c.job).having(total > kept).order_by(total.desc())
    )  # fmt: skip
    async with database.reading() as connection:
        jobs = [(row[0], int(row[1]) - kept) for row in await connection.execute(statement)]
    gone = 0
    for number, excess in jobs:
        left = excess
        while left > 0 and await pace.lasts():
            async with database.writing() as connection:
                first = select(*execution.c["number", "finished_at", "id"]).where(execution.c.job == number)
                rows = (await connection.execute(first.order_by(*OLDEST).limit(min(left, BATCH)))).all()
                if not rows:
                    break
                last = {"gone_at": rows[-1].finished_at, "gone_id": rows[-1].id}
                await connection.execute(update(job).where(job.c.number == number).values(last))
                gone += await _delete(connection, [row.number for row in rows])
            left -= len(rows)
    return gone


async def _too_large(database: Database, retention: Retention, pace: Pace) -> dict[str, Evicted]:
    """The oldest executions of the namespaces with the most bytes, as few as are enough."""
    columns = (job.c.number, job.c.namespace, func.sum(stored.c.bytes))
    statement = select(*columns).join(stored, stored.c.job == job.c.number).where(job.c.name == "")
    async with database.reading() as connection:
        found = [tuple(row) for row in await connection.execute(statement.group_by(*columns[:2]))]
    numbers = {namespace: number for number, namespace, _ in found}
    sizes = {namespace: int(size) for _, namespace, size in found}
    evicted = {}
    for namespace, excess in room.excess(sizes, retention.bytes_in_all, retention.bytes_per_namespace):
        gone = await _oldest(database, (numbers[namespace], namespace), excess, pace)
        if gone:
            async with database.reading() as connection:
                uid = await connection.scalar(select(job.c.uid).where(job.c.number == gone.most_common(1)[0][0]))
            evicted[namespace] = Evicted(gone.total(), uid or "")
    return evicted


async def _oldest(database: Database, space: tuple[int, str], excess: int, pace: Pace) -> Counter[int]:
    """The oldest executions of a namespace, by its number and its name, with so many bytes. They are gone for good."""
    number, namespace = space
    gone, left = Counter[int](), excess
    columns = execution.c["number", "finished_at", "id", "bytes", "job"]
    first = select(*columns).where(execution.c.namespace == namespace).order_by(*OLDEST)
    while left > 0 and await pace.lasts():
        async with database.writing() as connection:
            rows = (await connection.execute(first.limit(BATCH))).all()
            if not rows:
                break
            rows = rows[: room.needed([row.bytes for row in rows], left)]
            last = {"gone_at": rows[-1].finished_at, "gone_id": rows[-1].id}
            await connection.execute(update(job).where(job.c.number == number).values(last))
            await _delete(connection, [row.number for row in rows])
        left -= sum(row.bytes for row in rows)
        gone.update(row.job for row in rows)
    return gone


async def delete_job(database: Database, namespace: str, name: str, since: datetime | None) -> int:
    """All executions of a job, with tombstones. An archive without tables has none."""
    async with database.reading() as connection:
        if not await connection.run_sync(lambda found: inspect(found).has_table(execution.name)):
            return 0
    pace, gone, deleted = Pace(), 0, BATCH
    while deleted == BATCH and await pace.lasts():
        async with database.writing() as connection:
            deleted = await delete_batch(connection, namespace, name, since)
        gone += deleted
    return gone


async def delete_batch(connection: AsyncConnection, namespace: str, name: str, since: datetime | None = None) -> int:
    """A batch of a job's executions, with tombstones."""
    since = await cut(connection, namespace, since)
    numbers = await job_numbers(connection, namespace, {name}, since) or []
    await locked_jobs(connection, numbers)
    return await _delete(connection, select(execution.c.number).where(execution.c.job.in_(numbers)), tombstones=True)


async def forget(database: Database, namespace: str, at: datetime) -> int:
    """All records of a namespace, and its executions up to a time for good, though statuses may still show them."""
    async with database.writing() as connection:
        mark = {"uid": namespace_key(namespace), "namespace": namespace, "name": "", "gone_at": at, "gone_id": ""}
        insert = inserting(connection, job).values(mark)
        changed = {"gone_at": at, "gone_id": ""}
        await connection.execute(insert.on_conflict_do_update(index_elements=["uid"], set_=changed))
    pace, gone, deleted = Pace(), 0, BATCH
    while deleted == BATCH and await pace.lasts():
        async with database.writing() as connection:
            deleted = await _delete(connection, select(execution.c.number).where(execution.c.namespace == namespace))
        gone += deleted
    jobs = select(job.c.number).where(job.c.namespace == namespace)
    await _forget_specs(database, jobs, pace)
    for table in (skipped, pause):
        await _batches(database, table, table.c.namespace == namespace, pace)
    for table in (tally, duration, stored, tombstone):
        await _batches(database, table, table.c.job.in_(jobs), pace)
    return gone


async def _forget_specs(database: Database, jobs: Select[int], pace: Pace) -> None:
    """The revisions of these jobs, and the specs that no other job has."""
    key = tuple_(*revision.primary_key)
    first = select(*revision.primary_key).where(revision.c.job.in_(jobs)).limit(BATCH)
    hashes: Sequence[str] = ("",)
    while hashes and await pace.lasts():
        async with database.writing() as connection:
            deleted = delete(revision).where(key.in_(first)).returning(revision.c.hash)
            hashes = list(await connection.scalars(deleted))
            unused = ~exists().where(revision.c.hash == spec.c.hash)
            await connection.execute(delete(spec).where(spec.c.hash.in_(set(hashes)), unused))


async def _delete(connection: AsyncConnection, chosen: Select[Any] | Sequence[int], *, tombstones: bool = False) -> int:
    """A batch of executions with their outputs, and their share of the counters. Only what this transaction deletes is
    counted."""
    if isinstance(chosen, Select):
        chosen = list(await connection.scalars(chosen.order_by(*OLDEST[:1]).limit(BATCH)))
    if not chosen:
        return 0
    columns = execution.c["number", "job", "namespace", "attempt_job", "finished_at", "success", "bytes"]
    statement = delete(execution).where(execution.c.number.in_(chosen)).returning(*columns)
    rows = (await connection.execute(statement)).mappings().all()
    await connection.execute(delete(output).where(output.c.execution.in_([row["number"] for row in rows])))
    keys = {namespace_key(row["namespace"]) for row in rows}
    numbers = {row.uid: row.number for row in await connection.execute(select(job).where(job.c.uid.in_(keys)))}
    changes = Changes()
    for row in rows:
        changes.rows(row, (row["job"], numbers[namespace_key(row["namespace"])]), -1)
    await changes.add(connection)
    if tombstones and rows:
        insert = inserting(connection, tombstone).on_conflict_do_nothing()
        await connection.execute(insert, [{"job": row["job"], "attempt_job": row["attempt_job"]} for row in rows])
    return len(rows)


async def _rest(database: Database, cut: datetime, pace: Pace) -> None:
    """Other records that are too old: counts by minute and hour, the ledger, specs that no job has,
    and jobs of which nothing is left. Days stay for each job that is left, and for its namespace."""
    async with database.writing() as connection:
        await _gone_before(connection, SLOTS, cut)
    newer = revision.alias()
    jobs = select(job.c.number)
    superseded = exists().where(
        newer.c.job == revision.c.job, newer.c.generation > revision.c.generation, newer.c.at < cut
    )
    unused = ~exists().where(revision.c.hash == spec.c.hash)
    shorter = tally.c.step.in_([int(Step.MINUTE), int(Step.HOUR)])
    for table, condition in (
        (tally, and_(tally.c.job.in_(jobs), shorter, tally.c.begin < step_of(cut, Step.HOUR))),
        (stored, and_(stored.c.success == 0, stored.c.failed == 0, stored.c.day < step_of(cut, Step.DAY))),
        (skipped, skipped.c.last < cut),
        (pause, pause.c.end < cut),
        (revision, and_(revision.c.at < cut, superseded)),
    ):
        await _batches(database, table, condition, pace)
    await _forgotten_jobs(database, cut, pace)
    await _batches(database, spec, and_(spec.c.at < cut, unused), pace)


async def _batches(database: Database, table: Table, condition: ColumnElement[bool], pace: Pace) -> None:
    key = tuple_(*table.primary_key)
    statement = delete(table).where(key.in_(select(*table.primary_key).where(condition).limit(BATCH)))
    while await pace.lasts():
        async with database.writing() as connection:
            if (await connection.execute(statement)).rowcount < BATCH:
                return


async def _forgotten_jobs(database: Database, cut: datetime, pace: Pace) -> None:
    """Jobs without an execution, a slot or an edit since."""
    number, day = job.c.number, step_of(cut, Step.DAY)
    statement = (
        select(number).where(
            job.c.name != "",
            ~exists().where(execution.c.job == number),
            ~exists().where(skipped.c.job == number),
            ~exists().where(tally.c.job == number, tally.c.step == int(Step.DAY), tally.c.begin >= day),
            ~exists().where(revision.c.job == number, revision.c.at >= cut),
        ).limit(BATCH)
    )  # fmt: skip
    while await pace.lasts():
        async with database.writing() as connection:
            numbers = list(await connection.scalars(statement))
            for table in (tally, duration, stored, tombstone, revision):
                await connection.execute(delete(table).where(table.c.job.in_(numbers)))
            await connection.execute(delete(job).where(number.in_(numbers)))
        if len(numbers) < BATCH:
            return
