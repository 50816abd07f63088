"""Runs that were asked for and that no execution shows yet. Who asks for the executions right after a 202 finds the run
among them: its request is on the job until the operator has made a Job of it, and is remembered here until that shows.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from dkron_api.cache.job_index import JobIndex
from dkron_api.jobs.run_waiter import TRACELESS
from dkron_api.translate.record import Job
from dkron_api.translate.run import Progress, Run, progress, requests

MOST = 4096
"""How many are remembered. A request that is still on its job needs no memory."""


@dataclass(frozen=True, slots=True)
class Note:
    """A run that was asked for here, remembered until a moment of the monotonic clock."""

    run: Run
    until: float


class RequestedRuns:
    """All of them, of every job."""

    def __init__(self, catalog: JobIndex, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._notes: OrderedDict[tuple[str, str], Note] = OrderedDict()
        catalog.listeners.append(self._look)

    def note(self, job: Job, run: Run) -> None:
        """A run of the job was asked for just now."""
        self._notes[job.uid, run.id] = Note(run, self._clock() + TRACELESS)
        if len(self._notes) > MOST:
            self._notes.popitem(last=False)
        self._look(None, job)

    def of(self, job: Job) -> list[Run]:
        """The runs of the job that are still to come, in no order."""
        found = {run.id: run for run in requests(job) if progress(job, run) is Progress.ASKED}
        now = self._clock()
        for (uid, identity), note in self._notes.items():
            if uid == job.uid and note.until > now and progress(job, note.run) is Progress.UNSEEN:
                found[identity] = note.run
        return list(found.values())

    def _look(self, before: Job | None, after: Job | None) -> None:
        """A job has changed: what it shows by now needs no memory."""
        job = after or before
        if job is None or not self._notes:
            return
        over = (Progress.RUNNING, Progress.OVER, Progress.REFUSED)
        for key, note in list(self._notes.items()):
            if key[0] == job.uid and (after is None or progress(job, note.run) in over):
                del self._notes[key]
