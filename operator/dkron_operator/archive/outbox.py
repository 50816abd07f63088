"""The state of the outbox: which records of the statuses are on their way, and which the archive has by now.

The statuses in the cache hold the records. Here there are only their names, so the outbox needs no bound of its own.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from dkron_crds.job import Attempt, JobStatus, Receiver, UnarchivedSlots
from dkron_operator.plan.status.outbox import owed_to

Key = tuple[str, str]
"""The uid of a DkronJob, and the name of a Job."""


@dataclass(slots=True)
class OfJob:
    """The records of one job."""

    waiting: dict[str, datetime] = field(default_factory=dict)
    """When executions ended that the archive has yet to get, by the names of their Jobs."""

    stored: set[str] = field(default_factory=set)
    """Executions that the archive has, and the status still owes."""

    slots: dict[datetime, UnarchivedSlots] = field(default_factory=dict)
    """Slots that the archive has, and the status still owes, by the first one."""

    lacking: set[str] = field(default_factory=set)
    """Executions that the archive lacks, though the status owes them no longer."""

    lost: int = 0
    """How many records the status has lost."""


class Outbox:
    """The records on their way, by uid of the DkronJob."""

    def __init__(self) -> None:
        self._jobs: dict[str, OfJob] = {}
        self.ready: dict[Key, None] = {}
        """Executions that can be written, oldest first."""
        self.with_slots: dict[str, None] = {}
        """The jobs that owe slots."""
        self._unsure: dict[Key, None] = {}

    def clear(self) -> None:
        """Another process may have handed over what stands here."""
        self._jobs.clear()
        self.ready.clear()
        self.with_slots.clear()
        self._unsure.clear()

    def observe(self, uid: str, status: JobStatus) -> tuple[list[Attempt], int]:
        """The API server has this status. Returns the executions that are owed from now on, and how many records it has
        lost since the version before."""
        owed = status.unarchived
        if owed is None:
            self.forget(uid)
            return [], 0
        known = self._jobs.get(uid)
        of_job = self._jobs.setdefault(uid, OfJob(lost=owed.lost))
        unarchived = owed_to(status, Receiver.ARCHIVE)
        names = set(unarchived)
        executions = {each.job: each for each in status.executions} if names or of_job.lacking or known is None else {}
        if known is None:
            self._unsure.update({(uid, name): None for name in executions if name not in names})
        of_job.lacking &= executions.keys()
        names |= of_job.lacking
        of_job.stored &= names
        for name in of_job.waiting.keys() - names:
            self._drop(uid, of_job, name)
        new = [
            executions[name]
            for name in (*unarchived, *of_job.lacking.difference(unarchived))
            if name in executions and name not in of_job.waiting and name not in of_job.stored
        ]
        of_job.waiting.update({each.job: each.ended_at for each in new})
        firsts = {each.first for each in owed.skipped}
        of_job.slots = {first: slots for first, slots in of_job.slots.items() if first in firsts}
        if any(first not in of_job.slots for first in firsts):
            self.with_slots[uid] = None
        lost, of_job.lost = owed.lost - of_job.lost, owed.lost
        return new, max(lost, 0) if known else 0

    def unsure(self, number: int) -> list[Key]:
        """So many executions that a status shows and owes no longer. An archive that was replaced or restored may lack
        them."""
        return list(islice(self._unsure, number))

    def sure(self, keys: Iterable[Key], lacking: Collection[Key]) -> set[str]:
        """The archive has these executions but for some. Return the jobs that owe it more again."""
        changed = set()
        for key in keys:
            of_job = self._jobs.get(key[0])
            if self._unsure.pop(key, key) is None and of_job is not None and key in lacking:
                of_job.lacking.add(key[1])
                changed.add(key[0])
        return changed

    def owed_slots(self, uid: str, status: JobStatus) -> list[UnarchivedSlots]:
        """The slots of this status that the archive has yet to get."""
        of_job, owed = self._jobs.get(uid), status.unarchived
        if of_job is None or owed is None:
            return []
        return [each for each in owed.skipped if each.first not in of_job.slots]

    def is_waiting(self, key: Key) -> bool:
        """Whether the archive has yet to get this execution."""
        of_job = self._jobs.get(key[0])
        return of_job is not None and key[1] in of_job.waiting

    def stored(self, uid: str, names: Iterable[str], slots: Iterable[UnarchivedSlots] = ()) -> None:
        """The archive has these. They stay here until the status owes them no longer."""
        of_job = self._jobs.get(uid)
        if of_job is None:
            return
        for name in names:
            self._drop(uid, of_job, name)
            of_job.lacking.discard(name)
            of_job.stored.add(name)
        of_job.slots.update({each.first: each for each in slots})

    def forget(self, uid: str) -> list[str]:
        """The job is gone, or owes nothing more. Returns the executions that the archive has not got."""
        of_job = self._jobs.pop(uid, None)
        self.with_slots.pop(uid, None)
        if of_job is None:
            return []
        left = list(of_job.waiting)
        for name in left:
            self._drop(uid, of_job, name)
        return left

    def oldest(self) -> datetime | None:
        """When the oldest execution ended that the archive has yet to get."""
        return min(self._ends(), default=None)

    def _ends(self) -> Iterator[datetime]:
        return (end for of_job in self._jobs.values() for end in of_job.waiting.values())

    def _drop(self, uid: str, of_job: OfJob, name: str) -> None:
        of_job.waiting.pop(name, None)
        self.ready.pop((uid, name), None)
