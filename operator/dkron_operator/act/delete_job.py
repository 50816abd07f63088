"""Deletes finished Jobs in clean-up. They take turns in a queue of their own: none of them is urgent."""

from dkron_kube.errors import NotFound, Rejected
from dkron_kube.paths import JOBS
from dkron_operator.act.events import Events
from dkron_operator.act.ports import Ports
from dkron_operator.act.requested_runs import RunKeeper
from dkron_operator.act.stop import deletion_refused
from dkron_operator.cache.store import Store
from dkron_operator.kit.workqueue import Workers, WorkQueue


class JobDeleter:
    """Deletes Jobs by (uid of the DkronJob, name of the Job)."""

    def __init__(self, ports: Ports, store: Store, jobs: WorkQueue[str], *, keeper: RunKeeper, events: Events) -> None:
        self._client = ports.client
        self._store = store
        self._jobs = jobs
        self._keeper = keeper
        self._events = events
        self.queue: WorkQueue[tuple[str, str]] = WorkQueue(
            "clean-up", width=4, spare=1, group_of=store.namespace_of_attempt, behind=jobs
        )
        self.workers = (Workers(self.queue, self._delete),)

    async def _delete(self, key: tuple[str, str]) -> None:
        uid, name = key
        cached = self._store.get(uid)
        run = cached.observed.attempts.get(name) if cached else None
        if cached is None or run is None:
            return
        if not await self._keeper.settle(run):
            # The DkronRun may still have to be decided, and only the Job shows that it was.
            self._jobs.add(uid)
            return
        try:
            await self._client.delete(JOBS, cached.job.namespace, name, uid=run.uid)
        except NotFound:
            self._store.mark_attempt_gone(uid, name)
        except Rejected as exc:
            self._events.report(cached.job, deletion_refused(name, exc))
            raise
        else:
            cached.mark_job_deleting(name)
