"""Acceptance: the annotation that distinguishes a job with a wiped status from a new one (plan/steps/acceptance.py)."""

import logging

from dkron_crds.names import ACCEPTED
from dkron_kube.errors import Conflict, NotFound, Rejected
from dkron_kube.paths import DKRON_JOBS
from dkron_operator.act.ports import Ports
from dkron_operator.act.status_writer import StatusWriter
from dkron_operator.cache.cached_job import CachedJob
from dkron_operator.cache.store import Store
from dkron_operator.kit.workqueue import Workers, WorkQueue

log = logging.getLogger(__name__)

WIDTH = 4
AGAIN = 1.0
"""Seconds until the next try when another writer came first."""


class Acceptance:
    """Writes the annotation: soon after a job is first seen, or at once if a slot is due."""

    def __init__(self, ports: Ports, store: Store, jobs: WorkQueue[str], *, writer: StatusWriter) -> None:
        self._client = ports.client
        self._large = ports.large_jobs
        self._store = store
        self._jobs = jobs
        self._writer = writer
        self.queue: WorkQueue[str] = WorkQueue(
            "acceptance", width=WIDTH, spare=1, group_of=store.namespace_of, behind=jobs
        )
        self.workers = (Workers(self.queue, self._accept),)

    async def __call__(self, cached: CachedJob) -> None:
        """Write the status, which says since when slots count, and then the annotation. Raises `Conflict` if another
        writer came first, and `Unavailable`."""
        await self._writer.claim(cached, ())
        job = cached.job
        if job.accepted or cached.base.since is None:
            # Without `since` in the status, the annotation would say that the status was wiped.
            return
        body = {"metadata": {"uid": job.uid, "annotations": {ACCEPTED: job.uid}}}
        async with cached.writing:
            try:
                async with self._large.turn(job):
                    answer = await self._client.patch(DKRON_JOBS, job.namespace, job.name, body)
            except NotFound:
                self._store.mark_missing(job.uid)
            except Conflict:
                raise
            except Rejected as exc:
                # Slots still fire. The only loss: the next process could not notice a wiped status.
                cached.remembered.unmarked = True
                log.warning("the annotation %s was refused: %s", ACCEPTED, exc, extra={"job": job.dkron_name})
            else:
                self._store.upsert_job(answer)

    async def _accept(self, uid: str) -> None:
        cached = self._store.get(uid)
        if cached is not None and not (cached.job.accepted or cached.job.deleting or cached.remembered.unmarked):
            try:
                await self(cached)
            except Conflict:
                # Another object may have the name, and the watch does not tell yet.
                self.queue.add(uid, AGAIN)
            # The answer contained what other writers changed, and the watch will not show it again.
            self._jobs.add(uid)
