"""Records into the database: each is stored once and counted once, however often it comes."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from dkron_archive.counting import Changes, inserting
from dkron_archive.outputs import output_bytes, output_row, packed
from dkron_archive.records import Entry, JobKey, PauseRecord, Revision, SkippedSlots
from dkron_archive.rows import execution_row, key, pause_row, revision_row, skipped_row
from dkron_archive.tables import (
    EPOCH,
    EXECUTIONS,
    SLOTS,
    execution,
    horizon,
    job,
    output,
    pause,
    revision,
    skipped,
    spec,
    tombstone,
)

Columns = dict[str, Any]
Numbers = dict[str, int]
"""Numbers of jobs by uid, and of namespaces by `namespace_key`."""


def outputs_of(entries: Sequence[Entry]) -> list[Columns | None]:
    """The columns of outputs: they are compressed before a transaction begins, in a thread. Pure."""
    return [output_row(entry.output) if entry.output else None for entry in entries]


async def write(connection: AsyncConnection, entries: Sequence[Entry], compressed: Sequence[Columns | None]) -> None:
    """Store executions that are neither known nor gone."""
    numbers = await numbered(connection, (entry.execution.job for entry in entries))
    outputs: dict[tuple[int, str], Columns] = {}
    rows = []
    for entry, columns in zip(entries, compressed, strict=True):
        number = numbers[entry.execution.job.uid]
        row = execution_row(entry.execution, number, output_bytes(columns) if columns else 0)
        rows.append(row)
        if columns:
            outputs.setdefault((number, row["attempt_job"]), columns)
    rows = await _not_gone(connection, rows, numbers)
    if not rows:
        return
    # Two writers with the same records never wait for each other in a circle.
    rows.sort(key=lambda row: (row["job"], row["attempt_job"]))
    insert = inserting(connection, execution).on_conflict_do_nothing(index_elements=["job", "attempt_job"])
    columns_back = execution.c[
        "job", "attempt_job", "number", "namespace", "finished_at", "started_at", "success", "bytes"
    ]
    stored = (await connection.execute(insert.returning(*columns_back), rows)).mappings().all()
    changes = Changes()
    kept = []
    for new in stored:
        changes.ended(new, (new["job"], numbers[namespace_key(new["namespace"])]))
        if columns := outputs.get((new["job"], new["attempt_job"])):
            kept.append(columns | {"execution": new["number"]})
    if kept:
        await connection.execute(output.insert(), kept)
    await changes.add(connection)


async def _not_gone(connection: AsyncConnection, rows: list[Columns], numbers: Numbers) -> list[Columns]:
    """Those that were not deleted before, by a user, for their age, or for their bytes."""
    spaces = {row["namespace"]: numbers[namespace_key(row["namespace"])] for row in rows}
    locked = await locked_jobs(connection, {row["job"] for row in rows} | set(spaces.values()))
    gone = {row.number: (row.gone_at, row.gone_id) for row in locked if row.gone_at is not None}
    before = await _horizon(connection, EXECUTIONS)
    keys = [(row["job"], row["attempt_job"]) for row in rows]
    buried = await connection.execute(select(tombstone).where(tuple_(*tombstone.columns).in_(keys)))
    graves = {(row.job, row.attempt_job) for row in buried}
    return [
        row
        for row in rows
        if (before is None or row["finished_at"] >= before)
        and all(
            number not in gone or (row["finished_at"], row["id"]) > gone[number]
            for number in (row["job"], spaces[row["namespace"]])
        )
        and (row["job"], row["attempt_job"]) not in graves
    ]


async def locked_jobs(connection: AsyncConnection, numbers: Collection[int]) -> Sequence[Row[*tuple[Any, ...]]]:
    """The rows of jobs, which a writer and a user's delete hold in turn: one that writes a record again must not miss
    its tombstone. SQLite has one writer anyway."""
    statement = select(*job.c["number", "gone_at", "gone_id"]).where(job.c.number.in_(numbers)).order_by(job.c.number)
    return (await connection.execute(statement.with_for_update(key_share=True))).all()


async def _horizon(connection: AsyncConnection, number: int) -> datetime | None:
    before: datetime | None = await connection.scalar(select(horizon.c.gone_at).where(horizon.c.number == number))
    return before


async def write_skipped(connection: AsyncConnection, slots: Sequence[SkippedSlots]) -> None:
    """Store slots that did not run and are not known."""
    numbers = await numbered(connection, (each.job for each in slots))
    before = await _horizon(connection, SLOTS)
    rows = [skipped_row(each, numbers[each.job.uid]) for each in slots if before is None or each.last >= before]
    if not rows:
        return
    insert = inserting(connection, skipped).on_conflict_do_nothing(index_elements=["job", "last"])
    changes = Changes()
    for new in await connection.execute(insert.returning(*skipped.c["job", "namespace", "last", "count"]), rows):
        changes.skipped(new.last, new[3], (new.job, numbers[namespace_key(new.namespace)]))
    await changes.add(connection)


async def write_pauses(connection: AsyncConnection, pauses: Sequence[PauseRecord]) -> None:
    """Store pauses. A later record of the same one replaces it: it has its end."""
    insert = inserting(connection, pause)
    changed = {name: insert.excluded[name] for name in ("end", "reason", "by")}
    if pauses:
        statement = insert.on_conflict_do_update(index_elements=[*pause.primary_key], set_=changed)
        await connection.execute(statement, [pause_row(each) for each in pauses])


async def write_revisions(connection: AsyncConnection, revisions: Sequence[Revision]) -> None:
    """Store accepted specs, each once."""
    numbers = await numbered(connection, (each.job for each in revisions))
    rows = [revision_row(each, numbers[each.job.uid]) for each in revisions]
    specs = {
        row["hash"]: {"hash": row["hash"], "content": packed(each.spec), "at": each.at}
        for row, each in zip(rows, revisions, strict=True)
        if each.spec is not None
    }
    if specs:
        insert = inserting(connection, spec).on_conflict_do_nothing(index_elements=["hash"])
        await connection.execute(insert, [specs[key] for key in sorted(specs)])
    if rows:
        insert = inserting(connection, revision).on_conflict_do_nothing(index_elements=["job", "generation"])
        await connection.execute(insert, rows)


async def forget_tombstones(connection: AsyncConnection, job_uid: str, kept: Collection[str]) -> None:
    """Delete the tombstones of a job's attempts but for some."""
    numbers = select(job.c.number).where(job.c.uid == job_uid)
    known = await connection.execute(select(tombstone.c.attempt_job).where(tombstone.c.job.in_(numbers)))
    gone = [name for name in known.scalars() if name not in kept]
    for begin in range(0, len(gone), 500):
        names = gone[begin : begin + 500]
        await connection.execute(
            delete(tombstone).where(tombstone.c.job.in_(numbers), tombstone.c.attempt_job.in_(names))
        )


async def numbered(connection: AsyncConnection, jobs: Iterable[JobKey]) -> Numbers:
    """The numbers of jobs and of their namespaces; new ones get theirs."""
    wanted = {}
    for each in jobs:
        namespace = key(each.namespace)
        created = each.created or EPOCH
        wanted[each.uid] = {"uid": each.uid, "namespace": namespace, "name": key(each.name), "created_at": created}
        uid = namespace_key(namespace)
        wanted[uid] = {"uid": uid, "namespace": namespace, "name": "", "created_at": None}
    numbers = await _known(connection, wanted)
    if new := [wanted[uid] for uid in sorted(wanted) if uid not in numbers]:
        insert = inserting(connection, job).on_conflict_do_nothing(index_elements=["uid"])
        await connection.execute(insert, new)
        numbers = await _known(connection, wanted)
    return numbers


async def _known(connection: AsyncConnection, uids: Collection[str]) -> Numbers:
    rows = await connection.execute(select(*job.c["uid", "number"]).where(job.c.uid.in_(uids)))
    return {row.uid: row.number for row in rows}


def namespace_key(namespace: str) -> str:
    """The uid of the row that stands for a namespace."""
    return f"namespace/{namespace}"
