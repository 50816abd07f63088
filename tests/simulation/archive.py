"""The archive in a simulation: one database for all replicas, which is slow, away for a while, and loses answers; and
what has to be in it when all is over."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from dkron_archive.ports import ArchiveUnavailable
from dkron_archive.records import Entry
from dkron_crds.job import Attempt, JobStatus, Unarchived
from dkron_crds.status import MAX_EXECUTIONS
from tests.chaos.history import Record
from tests.simulation.dice import Dice
from tests.support.fake_archive import FakeArchive

SLOWEST = 0.6
"""Seconds until the effect of a call, and as long again until its answer."""
LOST, IN_A_ROW = 0.1, 3
"""How likely an answer is lost, and how many in a row are at most: more are an outage, which lasts longer than SOON."""
SOON = timedelta(seconds=15)
"""How long before the end an execution has to have ended, so that the archive has it."""
NOTHING = Unarchived()


class SimulatedArchive(FakeArchive):
    """`time` are the seconds of the story, in which it is away from one to the other."""

    def __init__(self, seed: int, *, time: Callable[[], float], away: tuple[float, float]) -> None:
        super().__init__()
        self.differ: list[str] = []
        """Executions that were handed over again with another content."""
        self._dice = Dice(seed, "archive")
        self._time = time
        self._away = away
        self._lost = 0

    async def write(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            known = self.entries.get((entry.execution.job.uid, entry.execution.attempt_job), entry)
            if known.execution.id != entry.execution.id or known.execution.success != entry.execution.success:
                self.differ.append(entry.execution.id)
        await super().write(entries)

    async def _arrive(self, call: str) -> None:
        await asyncio.sleep(self._dice.between(0.0, SLOWEST))
        begin, end = self._away
        self.trouble = "away" if begin <= self._time() < end else ""
        await super()._arrive(call)

    async def _leave(self) -> None:
        await asyncio.sleep(self._dice.between(0.0, SLOWEST))
        self._lost = self._lost + 1 if self._dice.chance(LOST) and self._lost < IN_A_ROW else 0
        if self._lost:
            raise ArchiveUnavailable("no answer")


def wrong(
    archive: SimulatedArchive, records: Iterable[Record], ended: Iterable[Attempt], *, end: datetime
) -> Iterator[str]:
    """Faults of the archive in the end, in sentences. `records` are of jobs whose statuses were not wiped; `ended` are
    all executions that a status has ever had, where none was wiped or deleted."""
    for name in archive.differ:
        yield f"ARCHIVED TWICE: {name} has another content"
    names = {name for _, name in archive.entries}
    for execution in ended:
        if execution.job not in names and end - execution.ended_at > SOON:
            yield f"NOT ARCHIVED: {execution.id}"
    for record in records:
        owed = record.status.unarchived or NOTHING
        # While the archive is away, a status keeps as many records as it shows executions.
        beyond = record.status.success_count + record.status.error_count - MAX_EXECUTIONS
        if owed.lost > max(0, beyond):
            yield f"NOT ARCHIVED: the status of {record.job} has lost {owed.lost} records"
        yield from _skipped_twice(archive, record.uid, record.status, owed)


def _skipped_twice(archive: SimulatedArchive, uid: str, status: JobStatus, owed: Unarchived) -> Iterator[str]:
    stored = {slots.first: slots for slots in archive.skips if slots.job.uid == uid}
    again = sum(slots.count for slots in owed.skipped if slots.first not in stored)
    count = sum(slots.count for slots in stored.values()) + again
    known = 0 if status.skipped is None else status.skipped.count
    if count > known:
        yield f"ARCHIVED TWICE: {count} skipped slots, and the status has {known}"
