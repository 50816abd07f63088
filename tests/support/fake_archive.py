"""An archive in memory, which answers as the contract in `dkron_archive/ports.py` says, or fails."""

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from dkron_archive.ports import ArchiveReplaced, ArchiveUnavailable, ArchiveUnreachable
from dkron_archive.records import (
    ArchivedExecution,
    ArchivedOutput,
    Bucket,
    Cleaned,
    Cursor,
    Durations,
    Entry,
    Health,
    JobKey,
    Page,
    PauseRecord,
    Query,
    Retention,
    Revision,
    SkippedSlots,
    State,
)
from tests.support.builders import NAME, NAMESPACE, NOON, UID

KEY = JobKey(NAMESPACE, NAME, UID)
AWAY = "The archive cannot be used: it did not answer in time."
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def archived(number: int, *, job: JobKey = KEY, seconds: float = 1.0, **fields: Any) -> ArchivedExecution:
    """The execution that ended so many minutes after noon, and took a second."""
    finished = NOON + timedelta(minutes=number)
    started = finished - timedelta(seconds=seconds)
    stamp = int(started.timestamp() * 1000) * 1_000_000
    known: dict[str, Any] = {
        "id": f"{stamp}-{job.name}-{number}", "attempt_job": f"{job.name}-{number}", "group": stamp, "attempt": 1,
        "trigger": "schedule", "slot": started, "started_at": started, "finished_at": finished, "success": True,
    }  # fmt: skip
    return ArchivedExecution(job, **(known | fields))


async def long_ago(_: str) -> datetime:
    """When each namespace was created."""
    return EPOCH


class FakeArchive:
    """`trouble` is why it is away; empty while it answers. `queries` are those for pages."""

    def __init__(self, *executions: ArchivedExecution) -> None:
        self.trouble = ""
        self.fault: Exception | None = None
        """The error that it raises instead: a mistake in its code."""
        self.cleaning = 0.0
        """How many seconds it takes to delete old records."""
        self.cleaned = Cleaned()
        """The answer of `clean`."""
        self.loses = 0
        """How many writes it stores without an answer."""
        self.refuses: Collection[str] = ()
        """The executions, by the names of their Jobs, that make a batch fail."""
        self.budget: int | None = None
        """How many outputs a search reads at most."""
        self.entries: dict[tuple[str, str], Entry] = {}
        self.skips: list[SkippedSlots] = []
        self.changes: list[Revision] = []
        self.holds: list[PauseRecord] = []
        self.forgotten: dict[str, tuple[str, ...]] = {}
        self.calls: list[str] = []
        self.created: list[datetime] = []
        """When the namespaces that asked were created."""
        self.queries: list[Query] = []
        self.put(*executions)

    def put(self, *executions: ArchivedExecution, output: str = "", truncated: bool = False) -> None:
        """Store executions with this output."""
        kept = ArchivedOutput(output.encode(), truncated) if output else None
        self.entries |= {(each.job.uid, each.attempt_job): Entry(each, kept) for each in executions}

    def replace(self) -> None:
        """An empty database takes its place, which the next call notices."""
        self.entries.clear()
        self.changes.clear()
        self.holds.clear()
        self.fault = ArchiveReplaced()

    def names(self) -> list[str]:
        """The names of the Jobs of all executions."""
        return sorted(name for _, name in self.entries)

    async def close(self) -> None:
        """Nothing is open."""

    def since(self, created: datetime) -> Self:
        """No namespace is made again."""
        self.created.append(created)
        return self

    async def migrate(self) -> None:
        await self._arrive("migrate")

    async def write(self, entries: Sequence[Entry]) -> None:
        await self._arrive("write")
        assert len(entries) <= 500
        if any(each.execution.attempt_job in self.refuses for each in entries):
            raise TypeError("a record that cannot be stored")
        for each in entries:
            self.entries.setdefault((each.execution.job.uid, each.execution.attempt_job), each)
        await self._leave()

    async def lacking(self, keys: Collection[tuple[str, str]]) -> Collection[tuple[str, str]]:
        await self._arrive("lacking")
        assert len(keys) <= 500
        return set(keys) - self.entries.keys()

    async def write_skipped(self, slots: Sequence[SkippedSlots]) -> None:
        await self._arrive("write_skipped")
        known = {(each.job.uid, each.last) for each in self.skips}
        self.skips += [each for each in slots if (each.job.uid, each.last) not in known]
        await self._leave()

    async def write_pauses(self, pauses: Sequence[PauseRecord]) -> None:
        await self._arrive("write_pauses")
        known = {(each.namespace, each.name, each.begin): each for each in (*self.holds, *pauses)}
        self.holds = list(known.values())

    async def write_revisions(self, revisions: Sequence[Revision]) -> None:
        await self._arrive("write_revisions")
        known = {(each.job.uid, each.generation) for each in self.changes}
        self.changes += [each for each in revisions if (each.job.uid, each.generation) not in known]

    async def forget_tombstones(self, job_uid: str, kept: Collection[str]) -> None:
        await self._arrive("forget_tombstones")
        self.forgotten[job_uid] = tuple(kept)

    async def clean(self, retention: Retention, *, now: datetime, budget: timedelta) -> Cleaned:  # noqa: ARG002
        await self._arrive("clean")
        await asyncio.sleep(self.cleaning)
        return self.cleaned

    async def health(self) -> Health:
        await self._arrive("health")
        oldest = min((each.execution.finished_at for each in self.entries.values()), default=None)
        return Health(len(self.entries), 4096, oldest)

    async def page(self, query: Query) -> Page:
        await self._arrive("page")
        self.queries.append(query)
        found = sorted(self._matching(query), key=_place, reverse=not query.ascending)
        if query.after is not None:
            after = (query.after.finished_at, query.after.id)
            found = [each for each in found if (_place(each) > after) is query.ascending and _place(each) != after]
        complete = not query.text or self.budget is None or len(found) <= self.budget
        read = found if complete or self.budget is None else found[: self.budget]
        hits = [each for each in read if self._has(each, query.text)]
        shown = tuple(hits[: query.limit])
        last = shown[-1] if len(hits) > query.limit else read[-1] if not complete else None
        return Page(shown, None if last is None else Cursor(last.finished_at, last.id), complete)

    async def count(self, query: Query) -> int | None:
        await self._arrive("count")
        if query.text or query.running_at or query.begin or query.end or query.triggers:
            return None
        return len(self._matching(query))

    async def execution(self, namespace: str, job: str, execution_id: str) -> ArchivedExecution | None:
        await self._arrive("execution")
        found = self._matching(Query(namespace, jobs=frozenset({job})))
        return next((each for each in found if each.id == execution_id), None)

    async def output(self, job_uid: str, attempt_job: str) -> ArchivedOutput | None:
        await self._arrive("output")
        found = self.entries.get((job_uid, attempt_job))
        return None if found is None else found.output

    async def outputs(self, keys: Sequence[tuple[str, str]], *, size: int) -> Mapping[tuple[str, str], ArchivedOutput]:
        await self._arrive("outputs")
        known = {key: self.entries[key].output for key in keys if key in self.entries}
        return {
            key: replace(each, content=each.content[-size:], truncated=each.truncated or len(each.content) > size)
            for key, each in known.items()
            if each is not None
        }

    async def timeline(
        self, namespace: str, begin: datetime, end: datetime, step: timedelta, *, jobs: frozenset[str] | None
    ) -> list[Bucket]:
        await self._arrive("timeline")
        counts: dict[datetime, Counter[str]] = {}
        for each in self._matching(Query(namespace, jobs=jobs, begin=begin, end=end)):
            at = EPOCH + (each.finished_at - EPOCH) // step * step
            counts.setdefault(at, Counter())["success" if each.success else "failed"] += 1
        for skip in self._skips(namespace, begin, end, jobs):
            at = EPOCH + (skip.last - EPOCH) // step * step
            counts.setdefault(at, Counter())["skipped"] += skip.count
        return [Bucket(at, each["success"], each["failed"], each["skipped"]) for at, each in sorted(counts.items())]

    async def durations(self, namespace: str, job: str, begin: datetime, end: datetime) -> list[Durations]:
        await self._arrive("durations")
        days: dict[datetime, list[float]] = {}
        for each in self._matching(Query(namespace, frozenset({job}), State.SUCCESS, begin=begin, end=end)):
            day = each.finished_at.replace(hour=0, minute=0, second=0, microsecond=0)
            days.setdefault(day, []).append((each.finished_at - each.started_at).total_seconds())
        return [Durations(day, len(took), *[max(took)] * 4) for day, took in sorted(days.items())]

    async def skipped(
        self, namespace: str, begin: datetime, end: datetime, *, jobs: frozenset[str] | None, limit: int = 1000
    ) -> list[SkippedSlots]:
        await self._arrive("skipped")
        found = self._skips(namespace, begin, end, jobs)
        return sorted(found, key=lambda each: each.last, reverse=True)[:limit]

    async def pauses(self, namespace: str, begin: datetime, end: datetime) -> list[PauseRecord]:
        await self._arrive("pauses")
        return [
            each
            for each in self.holds
            if each.namespace == namespace and each.begin < end and (each.end is None or each.end > begin)
        ]

    async def revisions(self, namespace: str, job: str, *, limit: int = 100) -> list[Revision]:
        await self._arrive("revisions")
        found = [each for each in self.changes if (each.job.namespace, each.job.name) == (namespace, job)]
        found.sort(key=lambda each: (each.at, each.generation), reverse=True)
        return [replace(each, spec=None) for each in found[:limit]]

    async def spec(self, revision: str) -> Mapping[str, Any] | None:
        await self._arrive("spec")
        return next((each.spec for each in self.changes if each.hash == revision), None)

    async def delete_executions(self, namespace: str, job: str) -> int:
        await self._arrive("delete_executions")
        gone = self._matching(Query(namespace, jobs=frozenset({job})))
        for each in gone:
            del self.entries[each.job.uid, each.attempt_job]
        return len(gone)

    async def _arrive(self, call: str) -> None:
        self.calls.append(call)
        if self.fault is not None:
            fault = self.fault
            if isinstance(fault, ArchiveReplaced):
                self.fault = None
            raise fault
        if self.trouble:
            raise ArchiveUnreachable(self.trouble)

    async def _leave(self) -> None:
        if self.loses:
            self.loses -= 1
            raise ArchiveUnavailable("no answer")

    def _matching(self, query: Query) -> list[ArchivedExecution]:
        return [each.execution for each in self.entries.values() if _matches(each.execution, query)]

    def _skips(self, namespace: str, begin: datetime, end: datetime, jobs: frozenset[str] | None) -> list[SkippedSlots]:
        return [
            each
            for each in self.skips
            if each.job.namespace == namespace and begin <= each.last < end and (jobs is None or each.job.name in jobs)
        ]

    def _has(self, execution: ArchivedExecution, text: str) -> bool:
        output = self.entries[execution.job.uid, execution.attempt_job].output
        return not text or (output is not None and text.encode() in output.content)


def _place(each: ArchivedExecution) -> tuple[datetime, str]:
    return each.finished_at, each.id


def _matches(each: ArchivedExecution, query: Query) -> bool:
    at = query.running_at
    return (
        each.job.namespace == query.namespace
        and (query.jobs is None or each.job.name in query.jobs)
        and (query.state is None or (query.state is State.SUCCESS) is each.success)
        and (query.triggers is None or each.trigger in query.triggers)
        and (query.begin is None or each.finished_at >= query.begin)
        and (query.end is None or each.finished_at < query.end)
        and (at is None or each.started_at <= at < each.finished_at)
    )
