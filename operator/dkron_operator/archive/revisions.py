"""The accepted specs of each job: which one an attempt ran with, and which of them the archive has yet to get."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from dkron_archive.records import Revision
from dkron_crds.job import ConditionStatus, ConditionType, JobStatus
from dkron_operator.archive.records import hash_of, job_key, spec_on_the_wire
from dkron_operator.plan.situation.view import JobView

REMEMBERED = 4
"""How many specs of a job are told apart: attempts of older ones have ended by then. So many wait for the archive."""


@dataclass(slots=True)
class Known:
    """A spec, and when it was written. At a start all jobs have one, so its hash is made when it is needed."""

    generation: int
    at: datetime
    job: JobView | None
    made: str = ""

    @property
    def hash(self) -> str:
        """The hash of the spec."""
        if self.job is not None:
            self.made, self.job = hash_of(spec_on_the_wire(self.job.spec)), None
        return self.made


class Revisions:
    """The specs that were in force since this process began to act."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Known, ...]] = {}
        self._owed: dict[str, tuple[JobView, ...]] = {}

    def __len__(self) -> int:
        return len(self._owed)

    def observe(self, job: JobView, status: JobStatus) -> bool:
        """The API server has this status. Returns whether a spec was accepted that is new to this process."""
        known = self._known.get(job.uid, ())
        if (known and known[-1].generation >= job.generation) or not is_accepted(job, status):
            return False
        latest = Known(job.generation, written_at(job), job)
        self._known[job.uid] = (*known, latest)[-REMEMBERED:]
        self._owed[job.uid] = (*self._owed.get(job.uid, ()), job)[-REMEMBERED:]
        return True

    def forget(self, uid: str) -> None:
        """The job is gone."""
        self._known.pop(uid, None)
        self._owed.pop(uid, None)

    def clear(self) -> None:
        """Another process may have written others since."""
        self._known.clear()
        self._owed.clear()

    def at(self, uid: str, moment: datetime | None) -> str:
        """The hash of the spec that was in force then; empty if this process has not seen it."""
        found = (each.hash for each in reversed(self._known.get(uid, ())) if moment is None or each.at <= moment)
        return next(found, "")

    def owed(self, number: int) -> list[JobView]:
        """The specs of so many jobs that the archive has yet to get."""
        return [job for jobs in islice(self._owed.values(), number) for job in jobs]

    def stored(self, jobs: Iterable[JobView]) -> None:
        """The archive has them."""
        for job in jobs:
            left = tuple(each for each in self._owed.pop(job.uid, ()) if each.generation > job.generation)
            if left:
                self._owed[job.uid] = left


def revision_of(job: JobView) -> Revision:
    """The record of a spec."""
    spec = spec_on_the_wire(job.spec)
    return Revision(job_key(job), hash_of(spec), job.generation, written_at(job), by=job.edited_by, spec=spec)


def written_at(job: JobView) -> datetime:
    """When the spec was written."""
    return job.created if job.edited_at is None or job.generation == 1 else job.edited_at


def is_accepted(job: JobView, status: JobStatus) -> bool:
    """Whether the operator has accepted this very spec."""
    return any(
        each.type == ConditionType.READY
        and each.status == ConditionStatus.TRUE
        and each.observed_generation == job.generation
        for each in status.conditions
    )
