"""Runs that were requested, until the jobs in the index show them, and until they and all runs that follow from them
end.

A client that lists the executions right after a 202 finds the run among them: the request stays on the job until the
operator has made a Job of it, and `RequestedRuns` remembers the run until the status shows it.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from dkron_api.cache.job_index import JobIndex
from dkron_api.translate.record import Job
from dkron_api.translate.run import Progress, Run, following, goes_on, has_begun, progress, requests

TRACELESS = 30.0
"""Seconds after which a run that has no request and no trace left counts as ended: its execution was cleared, or
trimmed after others, before this process saw it."""


class RunWait:
    """The wait for one run and all runs that it causes. `ended` resolves to the job: its state when all runs are
    over, when the run was rejected, or its last state if the job was deleted.

    The index shows the claim of a dependent run before its parent's run is settled, since they were written in that
    order.
    """

    def __init__(self, job_index: JobIndex, job: Job, run: Run) -> None:
        self.ended: asyncio.Future[Job] = asyncio.get_running_loop().create_future()
        self._job_index = job_index
        self._root = job.uid
        self._run = run
        self._latest = {job.uid: job}
        self._gone: set[str] = set()
        self._groups = {(job.uid, run.group)}
        self._followers: dict[tuple[str, int], int] = {}
        self.is_known = False
        """Whether the job has shown the run, or that it is refused. Then `ended` resolves without the DkronRun."""
        self._over = False
        self._patience: asyncio.TimerHandle | None = None

    def look(self, before: Job | None, after: Job | None) -> None:
        """Handle a change of a job. This is a listener of the index."""
        seen = after or before
        if seen is None or seen.uid not in self._latest:
            return
        self._latest[seen.uid] = seen
        if after is None:
            self._gone.add(seen.uid)
        self._judge(self._latest[self._root])

    def give_up(self) -> None:
        """The server stops: raise `TimeoutError` in the waiting request."""
        if not self.ended.done():
            self.ended.set_exception(TimeoutError("the server is stopping"))

    def close(self) -> None:
        """Stop waiting."""
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _judge(self, root: Job) -> None:
        # A run that has ended stays ended, even if its execution is trimmed or cleared.
        state = Progress.OVER if self._over or self._root in self._gone else progress(root, self._run)
        if state is Progress.ASKED and self.is_known:
            # A run that was seen is not requested any more: its trace is lost.
            state = Progress.UNSEEN
        self.is_known = self.is_known or state not in (Progress.ASKED, Progress.UNSEEN)
        if state is Progress.REFUSED and not self._run.of_object:
            self._end(root)
        elif state in (Progress.UNSEEN, Progress.REFUSED):
            # The status of a DkronRun says why it is refused, and the request waits for that as well.
            if self._patience is None:
                self._patience = asyncio.get_running_loop().call_later(TRACELESS, self._end, root)
        else:
            self.close()
            self._over = state is Progress.OVER
            if self._over and not self._goes_on():
                self._end(root)

    def _goes_on(self) -> bool:
        """Whether any caused run is still going, found by following each ended run to the runs after it."""
        going = False
        ahead = list(self._groups)
        while ahead:
            uid, group = ahead.pop()
            # The job shows the group of the runs that follow this run only for some time.
            follower = following(self._latest[uid], group)
            if follower is not None:
                self._followers.setdefault((uid, group), follower)
            if uid not in self._gone and goes_on(self._latest[uid], group):
                going = True
            else:
                ahead += self._found_after(self._latest[uid], group)
        return going

    def _found_after(self, job: Job, group: int) -> list[tuple[str, int]]:
        """Return the runs that other jobs have started after this one and that were unknown so far."""
        follower = self._followers.get((job.uid, group))
        children = filter(None, map(self._job_index.get, self._job_index.children(job.name)))
        found = []
        for child in children:
            if follower is not None and (child.uid, follower) not in self._groups and has_begun(child, follower):
                self._latest[child.uid] = child
                self._groups.add((child.uid, follower))
                found.append((child.uid, follower))
        return found

    def _end(self, job: Job) -> None:
        if not self.ended.done():
            self.ended.set_result(job)


class RunWaiter:
    """All waits in progress."""

    def __init__(self, job_index: JobIndex) -> None:
        self._job_index = job_index
        self._open: set[RunWait] = set()

    @contextmanager
    def watch(self, job: Job, run: Run) -> Iterator[RunWait]:
        """Watch for the end of a run. Begin before the run is requested, so that no change is missed."""
        watching = RunWait(self._job_index, job, run)
        self._open.add(watching)
        self._job_index.listeners.append(watching.look)
        try:
            yield watching
        finally:
            self._job_index.listeners.remove(watching.look)
            self._open.discard(watching)
            watching.close()

    def give_up(self) -> None:
        """The server stops."""
        for watching in self._open:
            watching.give_up()


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

    def record(self, job: Job, run: Run) -> None:
        """Record that a run of the job was just requested."""
        self._notes[job.uid, run.id] = Note(run, self._clock() + TRACELESS)
        if len(self._notes) > MOST:
            self._notes.popitem(last=False)
        self._look(None, job)

    def coming(self, job: Job) -> list[Run]:
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
