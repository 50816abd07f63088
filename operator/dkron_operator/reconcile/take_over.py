"""The first look of a replica that begins to act: at every job, soonest due first."""

from datetime import UTC, datetime, timedelta

from dkron_operator.act.inline_calls import InlineCalls
from dkron_operator.act.requested_runs import RunKeeper
from dkron_operator.cache.cached_job import CachedJob
from dkron_operator.cache.store import Store
from dkron_operator.kit.workqueue import WorkQueue
from dkron_operator.reconcile.due_queue import DueQueue

LAST = datetime.max.replace(tzinfo=UTC)


class TakeOver:
    """Has all jobs planned. `longest` is how long a change of leaders takes at most."""

    def __init__(
        self,
        store: Store,
        jobs: WorkQueue[str],
        *,
        due_queue: DueQueue,
        calls: InlineCalls,
        keeper: RunKeeper,
        longest: timedelta,
    ) -> None:
        self._store = store
        self._jobs = jobs
        self._due_queue = due_queue
        self._calls = calls
        self._keeper = keeper
        self._longest = longest

    def __call__(self, *, idle: timedelta, anew: bool, behind: bool = False) -> None:
        """This process begins to act.

        No replica was seen to act for `idle`. `anew`: another process may have acted before. `behind`: what it did may
        not be in the cache yet.
        """
        if anew:
            self._store.renew(behind=behind)
            self._calls.renew()
        self._due_queue.take_over(idle=idle, longest=self._longest)
        for cached in sorted(self._store, key=_next):
            self._jobs.add(cached.job.uid)
        self._keeper.take_over()


def _next(cached: CachedJob) -> datetime:
    """When its next slot was due, as the replica that acted before wrote it."""
    return cached.base.next or LAST
