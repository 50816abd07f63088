"""Deletes the Job of an older run that a newer one replaces."""

import logging

from dkron_kube.errors import Conflict, NotFound
from dkron_kube.paths import JOBS
from dkron_operator.act.observe import Observer
from dkron_operator.act.ports import Ports
from dkron_operator.cache.cached_job import CachedJob
from dkron_operator.cache.store import Store
from dkron_operator.plan.read import read_attempt
from dkron_operator.plan.view import AttemptJob

log = logging.getLogger(__name__)

TRIES = 3
"""How often a Job that keeps changing is read again before it is deleted unconditionally."""


class JobReplacer:
    """Makes room for a newer run."""

    def __init__(self, ports: Ports, store: Store, *, observer: Observer) -> None:
        self._client = ports.client
        self._store = store
        self._observer = observer

    async def __call__(self, cached: CachedJob, run: AttemptJob) -> None:
        """Delete the Job of an older run. If the run is over by now, it keeps its outcome."""
        run = cached.observed.attempts.get(run.name, run)
        if run.finished or await self._observer.is_over(cached, run):
            return
        try:
            await self._delete(cached, run)
        except NotFound:
            self._store.mark_attempt_gone(cached.job.uid, run.name)
        log.info("replaced", extra={"job": cached.job.dkron_name, "namespace": cached.job.namespace, "run": run.name})

    async def _delete(self, cached: CachedJob, run: AttemptJob) -> None:
        """Delete the version that was seen running; unconditionally if its controller keeps writing first. Raises
        `NotFound`."""
        namespace = cached.job.namespace
        for _ in range(TRIES):
            try:
                await self._client.delete(JOBS, namespace, run.name, uid=run.uid, version=str(run.version))
            except Conflict:
                answer = await self._client.get(JOBS, namespace, run.name)
                self._store.upsert_attempt(answer)
                newer = read_attempt(answer)
                if newer is None or newer.uid != run.uid:
                    break
                if newer.finished:
                    return
                run = newer
            else:
                return
        await self._client.delete(JOBS, namespace, run.name, uid=run.uid)
