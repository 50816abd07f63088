"""Deletes Jobs in clean-up: finished ones, and ones that never begin. They take turns in a queue of their own: none of
them is urgent."""

import contextlib

from dkron_crds.job import AttemptState
from dkron_kube.errors import Conflict, NotFound, Rejected
from dkron_kube.paths import JOBS
from dkron_operator.act.events import Events
from dkron_operator.act.ports import Ports
from dkron_operator.act.requested_runs import RunKeeper
from dkron_operator.act.stop import deletion_refused
from dkron_operator.cache.cached_job import CachedJob
from dkron_operator.cache.store import Store
from dkron_operator.kit.workqueue import Workers, WorkQueue
from dkron_operator.plan.situation.view import AttemptJob
from dkron_operator.plan.steps.attempts import UNSCHEDULABLE


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
        attempt = cached.observed.attempts.get(name) if cached else None
        if cached is None or attempt is None:
            return
        if not _is_to_delete(cached, attempt) or not await self._keeper.settle(attempt):
            # The Job has begun since, or its DkronRun may still have to be decided, and only the Job shows that it was.
            self._jobs.add(uid)
            return
        version = None if attempt.finished else str(attempt.version)
        try:
            await self._client.delete(JOBS, cached.job.namespace, name, uid=attempt.uid, version=version)
        except Conflict:
            with contextlib.suppress(NotFound):
                self._store.upsert_attempt(await self._client.get(JOBS, cached.job.namespace, name))
            self._jobs.add(uid)
        except NotFound:
            self._store.mark_attempt_gone(uid, name)
        except Rejected as exc:
            self._events.report(cached.job, deletion_refused(name, exc))
            raise
        else:
            cached.mark_job_deleting(name)


def _is_to_delete(cached: CachedJob, attempt: AttemptJob) -> bool:
    """Whether it still is as planned: Kueue may have admitted it, or Kubernetes may have found a node for its pod."""
    problem = cached.observed.pod_problems.get(attempt.name)
    stuck = problem is not None and problem.reason == UNSCHEDULABLE and attempt.pending
    return attempt.finished or attempt.state is AttemptState.QUEUED or stuck
