"""An archive in memory, as the operator writes it: it can be away, and it counts what it is given again."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from dkron_archive.ports import ArchiveUnavailable
from dkron_archive.records import Entry, Health, PauseRecord, Retention, Revision, SkippedSlots

Key = tuple[str, str]


class ArchiveWriter:
    """`trouble` is why it is away; empty if it is there. `loses` is how many writes it stores without an answer."""

    def __init__(self) -> None:
        self.trouble = ""
        self.fault: Exception | None = None
        """The error that it raises instead: a mistake in its code."""
        self.loses = 0
        self.refuses: Collection[str] = ()
        """The executions, by the names of their Jobs, that make a batch fail."""
        self.entries: dict[Key, Entry] = {}
        self.skipped: dict[tuple[str, datetime], SkippedSlots] = {}
        self.pauses_by_begin: dict[tuple[str, str, datetime], PauseRecord] = {}
        self.revisions: dict[tuple[str, int], Revision] = {}
        self.forgotten: dict[str, tuple[str, ...]] = {}
        self.calls: list[str] = []

    def names(self) -> list[str]:
        """The names of the Jobs of all executions."""
        return sorted(name for _, name in self.entries)

    async def migrate(self) -> None:
        await self._arrive("migrate")

    async def write(self, entries: Sequence[Entry]) -> None:
        await self._arrive("write")
        assert len(entries) <= 500
        if any(entry.execution.attempt_job in self.refuses for entry in entries):
            raise TypeError("a record that cannot be stored")
        for entry in entries:
            self.entries.setdefault((entry.execution.job.uid, entry.execution.attempt_job), entry)
        await self._leave()

    async def write_skipped(self, slots: Sequence[SkippedSlots]) -> None:
        await self._arrive("write_skipped")
        for each in slots:
            self.skipped.setdefault((each.job.uid, each.last), each)
        await self._leave()

    async def write_pauses(self, pauses: Sequence[PauseRecord]) -> None:
        await self._arrive("write_pauses")
        self.pauses_by_begin |= {(each.namespace, each.name, each.begin): each for each in pauses}

    async def write_revisions(self, revisions: Sequence[Revision]) -> None:
        await self._arrive("write_revisions")
        for each in revisions:
            self.revisions.setdefault((each.job.uid, each.generation), each)

    async def forget_tombstones(self, job_uid: str, kept: Collection[str]) -> None:
        await self._arrive("forget_tombstones")
        self.forgotten[job_uid] = tuple(kept)

    async def clean(self, retention: Retention, *, now: datetime, budget: timedelta) -> int:  # noqa: ARG002
        await self._arrive("clean")
        return 0

    async def health(self) -> Health:
        await self._arrive("health")
        oldest = min((entry.execution.finished_at for entry in self.entries.values()), default=None)
        return Health(len(self.entries), 4096, oldest)

    async def pauses(self, namespace: str, begin: datetime, end: datetime) -> list[PauseRecord]:  # noqa: ARG002
        await self._arrive("pauses")
        return [each for each in self.pauses_by_begin.values() if each.namespace == namespace]

    async def close(self) -> None:
        pass

    async def _arrive(self, call: str) -> None:
        self.calls.append(call)
        if self.fault is not None:
            raise self.fault
        if self.trouble:
            raise ArchiveUnavailable(self.trouble)

    async def _leave(self) -> None:
        if self.loses:
            self.loses -= 1
            raise ArchiveUnavailable("no answer")
