"""Doubts: a Job was seen that the status does not know. Whatever follows from that waits until the API server was asked
for it by name: what lists and watches show may be old, and what was counted and forgotten would be counted again.
"""

from dkron_kube.client import KubeClient
from dkron_kube.errors import NotFound
from dkron_kube.paths import JOBS
from dkron_operator.act.status_writer import StatusWriter
from dkron_operator.cache.store import CachedJob, Store
from dkron_operator.plan.unknown_jobs import is_settled, unknown
from dkron_operator.plan.view import AttemptJob


class CacheVerifier:
    """Finds and clears them, for one job at a time."""

    def __init__(self, client: KubeClient, store: Store, writer: StatusWriter) -> None:
        self._client = client
        self._store = store
        self._writer = writer

    def about(self, entry: CachedJob) -> list[AttemptJob]:
        """The Jobs of which nobody knows whether they are new."""
        if entry.job.deleting:
            return []
        found = list(unknown(entry.status, entry.runs))
        entry.confirmed &= {run.uid for run in found}
        return [run for run in found if run.uid not in entry.confirmed]

    async def clear(self, entry: CachedJob, runs: list[AttemptJob]) -> None:
        """Ask. What is there is new; what is gone is if the job, as it is now, has yet to decide about its cause.
        Raises `Unavailable`."""
        found = {run.uid for run in runs if not run.gone and await self._exists(entry, run)}
        if len(found) < len(runs):
            await self._writer.read_again(entry)
        # Of what is settled more may be heard: that is no proof then either.
        entry.confirmed |= {run.uid for run in runs if run.uid in found or not is_settled(entry.job, entry.status, run)}

    async def _exists(self, entry: CachedJob, run: AttemptJob) -> bool:
        try:
            answer = await self._client.get(JOBS, entry.job.namespace, run.name)
        except NotFound:
            answer = None
        if answer is None or answer["metadata"]["uid"] != run.uid:
            self._store.lose_run_of(entry.job.uid, run.name)
        if answer is not None:
            self._store.see_run(answer)
        return answer is not None and answer["metadata"]["uid"] == run.uid
