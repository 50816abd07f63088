"""Runs that wait because a ResourceQuota refuses their Jobs: a line for each namespace, whose first run asks again.

It is in memory only. Another process finds the runs in line in the statuses of their jobs: they ask, and the first of
them that is refused closes the namespace again.
"""

from bisect import bisect_left, insort
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from dkron_crds.job import Attempt, AttemptState, Trigger
from dkron_operator.cache.cached_job import CachedJob
from dkron_operator.kit.clock import Clock
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.situation.cause import RunKey
from dkron_operator.plan.situation.quota import OPEN, Quota, shown
from dkron_operator.plan.situation.view import JobView
from dkron_operator.plan.status.line import run_of
from dkron_pods.inline import is_inline

SOONEST, LATEST = 1.0, 30.0
"""Seconds between two requests that a quota refuses: twice as long each time."""
MOST_SHOWN = 1024
"""Characters of the API server's sentence."""
T = TypeVar("T", dict[RunKey, datetime], frozenset[RunKey])
Turn = tuple[datetime, int, int, str, Trigger]
"""When the run began to wait, how many runs of its job stood before it, its group, the uid of its job, and its trigger:
the least asks first."""


@dataclass(slots=True)
class _Namespace:
    """A namespace whose Jobs are refused."""

    message: str
    at: float
    """When the first one asks again, in monotonic seconds."""

    delay: float = SOONEST
    """Seconds until it asks once more after that."""

    line: list[Turn] = field(default_factory=list)
    called: tuple[Turn, float] | None = None
    """Whose job was planned for the present turn."""


class QuotaLine:
    """The lines of all namespaces. `requeue` is told the uid of the job whose run asks next."""

    def __init__(self, *, clock: Clock, requeue: Callable[[str], None]) -> None:
        self._clock = clock
        self._requeue = requeue
        self._closed: dict[str, _Namespace] = {}
        self._turns: dict[str, tuple[str, dict[RunKey, Turn]]] = {}
        """The namespace and the runs in it of each job that has some."""
        self._passed: dict[str, frozenset[RunKey]] = {}
        """The runs of each job that lacked a place in a pool at their turn: they ask when they have it."""
        self._since: dict[str, dict[RunKey, datetime]] = {}
        """The runs of each job that wait for room, with those that ask at the moment, and since when."""

    def __len__(self) -> int:
        return len(self._closed) + len(self._turns) + len(self._passed) + len(self._since)

    def renew(self) -> None:
        """Another process may have acted."""
        for known in (self._closed, self._turns, self._passed, self._since):
            known.clear()

    def of(self, job: JobView) -> Quota:
        """The quota as a plan for the job knows it. A call without a pod needs no room."""
        space = self._closed.get(job.namespace)
        if space is None or is_inline(job.spec):
            return OPEN
        left = max(0.0, space.at - self._clock.monotonic())
        if not (space.line or left):
            # The run that was refused is not wanted any more.
            del self._closed[job.namespace]
            return OPEN
        first = {(trigger, group) for *_, group, uid, trigger in space.line[:1] if uid == job.uid}
        turns = self._passed.get(job.uid, frozenset()) | first
        return Quota(space.message, turns, timedelta(seconds=left), self._since.get(job.uid, {}))

    def refuse(self, namespace: str, message: str) -> None:
        """A quota refuses a Job."""
        now = self._clock.monotonic()
        space = self._closed.get(namespace)
        if space is None:
            space = self._closed[namespace] = _Namespace("", now)
        space.message = shown(message)[:MOST_SHOWN]
        # Requests that went out together count as one.
        if now >= space.at:
            space.at, space.delay = now + space.delay, min(2 * space.delay, LATEST)
        self._call(space)

    def free(self, namespace: str) -> None:
        """A Job is gone, or one was created, and there may be room for another: the first run asks at once."""
        space = self._closed.get(namespace)
        if space is not None:
            space.at, space.delay = min(space.at, self._clock.monotonic()), SOONEST
            self._call(space)

    def settle(self, cached: CachedJob, plan: Plan) -> None:
        """Take in the plan of a job, which is about to be carried out. A run that asks keeps its turn until it has its
        Job."""
        uid, namespace = cached.job.uid, cached.job.namespace
        if not (namespace in self._closed or uid in self._turns or uid in self._since):
            return
        asks = [plan.create.entry] if plan.create is not None and not plan.create.late else []
        known, runs = self._since.get(uid, {}), set(map(run_of, plan.refused))
        claimed = (entry for entry in plan.status.active if entry.state is AttemptState.CLAIMED)
        kept = {run_of(entry) for entry in (*asks, *plan.ready, *claimed)} & known.keys()
        _put(self._since, uid, {run: known.get(run, plan.situation.now) for run in runs | kept})
        quota, (_, before) = plan.situation.quota, self._turns.get(uid, ("", {}))
        passed = frozenset() if quota.wait else quota.turns & set(map(run_of, plan.ready))
        _put(self._passed, uid, passed)
        waiting = (entry for entry in (*asks, *plan.refused) if run_of(entry) not in passed)
        turns = {run_of(entry): _turn(uid, entry, place) for place, entry in enumerate(waiting)}
        self._replace(uid, namespace, {run: before.get(run, turn) for run, turn in turns.items()})

    def forget(self, uid: str) -> None:
        """The job is gone, or cannot be planned: others do not wait for it."""
        self._since.pop(uid, None)
        self._passed.pop(uid, None)
        if uid in self._turns:
            self._replace(uid, self._turns[uid][0], {})

    def _replace(self, uid: str, namespace: str, turns: dict[RunKey, Turn]) -> None:
        _, before = self._turns.pop(uid, (namespace, {}))
        space = self._closed.get(namespace)
        if space is None:
            return
        for run in before.keys() - turns.keys():
            del space.line[bisect_left(space.line, before[run])]
        for run in turns.keys() - before.keys():
            insort(space.line, turns[run])
        if turns:
            self._turns[uid] = namespace, turns
        if before and not space.line:
            del self._closed[namespace]
        else:
            self._call(space)

    def _call(self, space: _Namespace) -> None:
        """Have the job planned whose run asks next, unless it was planned for that."""
        if space.line and space.called != (space.line[0], space.at):
            space.called = space.line[0], space.at
            self._requeue(space.line[0][-2])


def _put(known: dict[str, T], uid: str, runs: T) -> None:
    if runs:
        known[uid] = runs
    else:
        known.pop(uid, None)


def _turn(uid: str, entry: Attempt, place: int) -> Turn:
    trigger, group = run_of(entry)
    return entry.queued_at or entry.started_at, place, group, uid, trigger
