"""Requested runs that no execution shows yet. A client that lists the executions right after a 202 finds the run
among them: the request stays on the job until the operator has made a Job of it, and this module remembers the run
until the status shows it.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from dkron_api.cache.job_index import JobIndex
from dkron_api.jobs.run_waiter import TRACELESS
from dkron_api.translate.record import Job
from dkron_api.translate.run import Progress, Run, progress, requests

MOST = 4096
"""Number of runs to remember. A request that is still on its job needs no memory."""


@dataclass(frozen=True, slots=True)
class Note:
    """A run requested through this process, remembered until `until` on the monotonic clock."""

    run: Run
    until: float


class RequestedRuns:
    """The requested runs of all jobs."""

    def __init__(self, job_index: JobIndex, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._notes: OrderedDict[tuple[str, str], Note] = OrderedDict()
        job_index.listeners.append(self._look)

    def note(self, job: Job, run: Run) -> None:
        """Record that a run of the job was just requested."""
        self._notes[job.uid, run.id] = Note(run, self._clock() + TRACELESS)
        if len(self._notes) > MOST:
            self._notes.popitem(last=False)
        self._look(None, job)

    def of(self, job: Job) -> list[Run]:
        """Return the runs of the job that are yet to begin, unordered."""
        found = {run.id: run for run in requests(job) if progress(job, run) is Progress.ASKED}
        now = self._clock()
        for (uid, identity), note in self._notes.items():
            if uid == job.uid and note.until > now and progress(job, note.run) in (Progress.ASKED, Progress.UNSEEN):
                found[identity] = note.run
        return list(found.values())

    def _look(self, before: Job | None, after: Job | None) -> None:
        job = after or before
        if job is None or not self._notes:
            return
        over = (Progress.RUNNING, Progress.OVER, Progress.REFUSED)
        for key, note in list(self._notes.items()):
            if key[0] == job.uid and (after is None or progress(job, note.run) in over):
                del self._notes[key]
