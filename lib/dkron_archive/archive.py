"""The archive: what the programs want from it, each call in a transaction."""

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from dkron_archive import charts, cleaning, contents, executions, health, incarnations, ledger, search, writing
from dkron_archive.database import Database
from dkron_archive.ports import ArchiveMissing
from dkron_archive.records import (
    ArchivedExecution,
    ArchivedOutput,
    Bucket,
    Cleaned,
    Cursor,
    Durations,
    Entry,
    Health,
    Page,
    PauseRecord,
    Query,
    Retention,
    Revision,
    SkippedSlots,
)
from dkron_archive.rows import execution_of, key


class Archive:
    """Both ports, on one database. `since`: see `Archive.since`."""

    def __init__(self, database: Database, since: datetime | None = None) -> None:
        self.database = database
        self._since = since

    def since(self, created: datetime) -> "Archive":
        """The archive as a namespace sees it that was created then: without the jobs from before, unless it has adopted
        them."""
        return Archive(self.database, created)

    async def close(self) -> None:
        """Close the connections."""
        await self.database.close()

    async def migrate(self) -> None:
        """Bring the schema up to date."""
        # It logs what it is made of, at each start.
        logging.getLogger("alembic").setLevel(logging.WARNING)
        from dkron_archive import migrating  # noqa: PLC0415 - the REST API never needs Alembic

        await migrating.migrate(self.database)

    async def write(self, entries: Sequence[Entry]) -> None:
        """Store executions and outputs."""
        outputs = await asyncio.to_thread(writing.outputs_of, entries)
        async with self.database.writing() as connection:
            await writing.write(connection, entries, outputs)

    async def lacking(self, keys: Collection[tuple[str, str]]) -> Collection[tuple[str, str]]:
        """Executions that it does not have."""
        async with self.database.reading() as connection:
            return set(keys) - (await executions.by_key(connection, keys)).keys()

    async def write_skipped(self, slots: Sequence[SkippedSlots]) -> None:
        """Store slots that did not run."""
        async with self.database.writing() as connection:
            await writing.write_skipped(connection, slots)

    async def write_pauses(self, pauses: Sequence[PauseRecord]) -> None:
        """Store pauses, or their ends."""
        async with self.database.writing() as connection:
            await writing.write_pauses(connection, pauses)

    async def write_revisions(self, revisions: Sequence[Revision]) -> None:
        """Store accepted specs."""
        async with self.database.writing() as connection:
            await writing.write_revisions(connection, revisions)

    async def forget_tombstones(self, job_uid: str, kept: Collection[str]) -> None:
        """Delete the tombstones of a job's attempts but for some."""
        async with self.database.writing() as connection:
            await writing.forget_tombstones(connection, job_uid, kept)

    async def clean(self, retention: Retention, *, now: datetime, budget: timedelta) -> Cleaned:
        """Delete what is kept no longer."""
        return await cleaning.clean(self.database, retention, now=now, budget=budget)

    async def adopt(self, namespace: str, *, at: datetime) -> bool:
        """The history of this name belongs to the namespace that exists at this time. Return whether there is any."""
        async with self.database.writing() as connection:
            return await incarnations.adopt(connection, key(namespace), at)

    async def forget(self, namespace: str, *, at: datetime) -> int | None:
        """Delete all records of a namespace up to this time. Return how many executions went; None if there is no job
        of it."""
        async with self.database.reading() as connection:
            known = await incarnations.is_known(connection, key(namespace))
        return None if not known else await cleaning.forget(self.database, key(namespace), at)

    async def health(self) -> Health:
        """How much there is."""
        async with self.database.reading() as connection:
            return await health.health(connection)

    async def page(self, query: Query) -> Page:
        """Executions in the order of their ends."""
        query = replace(query, since=self._since)
        if query.text:
            return await search.page(self.database, query)
        after = (query.after.finished_at, query.after.id) if query.after else None
        async with self.database.reading() as connection:
            rows = await executions.page(connection, query, after=after, limit=query.limit + 1)
        shown = tuple(map(execution_of, rows[: query.limit]))
        last = shown[-1] if len(rows) > query.limit else None
        return Page(shown, Cursor(last.finished_at, last.id) if last else None)

    async def count(self, query: Query) -> int | None:
        """How many executions there are, if the counters can say it."""
        async with self.database.reading() as connection:
            return await executions.count(connection, replace(query, since=self._since))

    async def execution(self, namespace: str, job: str, execution_id: str) -> ArchivedExecution | None:
        """One execution."""
        async with self.database.reading() as connection:
            return await executions.by_id(connection, namespace, job, execution_id, since=self._since)

    async def output(self, job_uid: str, attempt_job: str) -> ArchivedOutput | None:
        """The output of an attempt."""
        key = (job_uid, attempt_job)
        async with self.database.reading() as connection:
            return (await contents.outputs(connection, [key], None)).get(key)

    async def outputs(self, keys: Sequence[tuple[str, str]], *, size: int) -> Mapping[tuple[str, str], ArchivedOutput]:
        """The last `size` bytes of several outputs."""
        async with self.database.reading() as connection:
            return await contents.outputs(connection, keys, size)

    async def timeline(
        self, namespace: str, begin: datetime, end: datetime, step: timedelta, *, jobs: frozenset[str] | None
    ) -> list[Bucket]:
        """Counts by steps of time."""
        async with self.database.reading() as connection:
            return await charts.timeline(connection, namespace, (begin, end), step, jobs=jobs, since=self._since)

    async def durations(self, namespace: str, job: str, begin: datetime, end: datetime) -> list[Durations]:
        """Percentiles by day."""
        async with self.database.reading() as connection:
            return await charts.durations(connection, namespace, job, (begin, end), since=self._since)

    async def skipped(
        self, namespace: str, begin: datetime, end: datetime, *, jobs: frozenset[str] | None, limit: int = 1000
    ) -> list[SkippedSlots]:
        """Slots that did not run."""
        async with self.database.reading() as connection:
            return await ledger.skipped_slots(
                connection, namespace, (begin, end), jobs=jobs, limit=limit, since=self._since
            )

    async def pauses(self, namespace: str, begin: datetime, end: datetime) -> list[PauseRecord]:
        """Pauses that overlap a time."""
        async with self.database.reading() as connection:
            return await ledger.pauses(connection, namespace, (begin, end), self._since)

    async def revisions(self, namespace: str, job: str, *, limit: int = 100) -> list[Revision]:
        """Accepted specs of a job."""
        async with self.database.reading() as connection:
            return await ledger.revisions(connection, namespace, job, limit=limit, since=self._since)

    async def spec(self, revision: str) -> Mapping[str, Any] | None:
        """The spec of a hash."""
        async with self.database.reading() as connection:
            return await ledger.spec_of(connection, revision)

    async def delete_executions(self, namespace: str, job: str) -> int:
        """Delete all executions of a job. An archive that is yet to be made has none."""
        try:
            return await cleaning.delete_job(self.database, namespace, job, self._since)
        except ArchiveMissing:
            return 0
