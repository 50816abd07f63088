"""Verify cached Jobs that the status does not know. Before the operator acts on one, it asks the API server for it by
name: lists and watches may lag, and a Job that was counted and forgotten would be counted again."""

from dkron_kube.errors import NotFound
from dkron_kube.paths import JOBS
from dkron_operator.act.ports import Ports
from dkron_operator.act.requested_runs import RunKeeper
from dkron_operator.act.status_writer import StatusWriter
from dkron_operator.cache.cached_job import CachedJob
from dkron_operator.cache.store import Store
from dkron_operator.plan.situation.view import AttemptJob
from dkron_operator.plan.status.fold import recorded
from dkron_operator.plan.status.unknown_jobs import is_settled


class CacheVerifier:
    """Finds out where the cache is behind the API server, and reads again what it needs. All methods raise
    `Unavailable`."""

    def __init__(self, ports: Ports, store: Store, *, writer: StatusWriter, keeper: RunKeeper) -> None:
        self._client = ports.client
        self._store = store
        self._writer = writer
        self._keeper = keeper

    async def read_again(self, cached: CachedJob) -> None:
        """Read a job that the cache may have in an old version. Its parents, too: the fresh status may no longer hold
        runs that an old version of a parent shows, which would run again."""
        await self._writer.read_again(cached)
        for parent in self._store.parents(cached):
            if parent.behind:
                await self._writer.read_again(parent)

    async def was_behind(self, cached: CachedJob) -> bool:
        """Whether the cache had Jobs that may be new or already settled. The API server was asked about each."""
        if cached.job.deleting:
            return False
        known = recorded(cached.status) | {entry.job for entry in cached.status.active}
        found = [attempt for name, attempt in cached.observed.attempts.items() if name not in known]
        cached.observed.confirmed &= {attempt.uid for attempt in found}
        doubtful = [attempt for attempt in found if attempt.uid not in cached.observed.confirmed]
        if doubtful:
            await self._verify(cached, doubtful)
        return bool(doubtful)

    async def _verify(self, cached: CachedJob, attempts: list[AttemptJob]) -> None:
        """Ask the API server. A Job that exists is new. A Job that is gone is new only if its cause is not settled in
        the refreshed job."""
        found = {attempt.uid for attempt in attempts if not attempt.gone and await self._exists(cached, attempt)}
        if len(found) < len(attempts):
            await self._writer.read_again(cached)
        for attempt in attempts:
            if attempt.uid not in found:
                await self._keeper.settle(attempt)
        # A lagging watch may replay a settled Job; do not treat it as confirmed.
        requested = self._store.requested_runs_of(cached)
        cached.observed.confirmed |= {
            attempt.uid
            for attempt in attempts
            if attempt.uid in found or not is_settled(cached.job, cached.status, attempt, runs=requested)
        }

    async def _exists(self, cached: CachedJob, attempt: AttemptJob) -> bool:
        try:
            answer = await self._client.get(JOBS, cached.job.namespace, attempt.name)
        except NotFound:
            answer = None
        if answer is None or answer["metadata"]["uid"] != attempt.uid:
            self._store.mark_attempt_gone(cached.job.uid, attempt.name)
        if answer is not None:
            self._store.upsert_attempt(answer)
        return answer is not None and answer["metadata"]["uid"] == attempt.uid
