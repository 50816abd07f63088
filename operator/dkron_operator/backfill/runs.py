"""The DkronRuns of backfills: what is known of them, and how one is created or read."""

from dkron_crds.backfill import BackfillSpec
from dkron_crds.base import rfc3339
from dkron_crds.names import API_VERSION
from dkron_crds.run import OF_BACKFILL
from dkron_kube.client import KubeClient
from dkron_kube.errors import NotFound
from dkron_kube.paths import DKRON_RUNS
from dkron_operator.backfill.advance import UNSUCCESSFUL, Seen, Slot
from dkron_operator.backfill.view import View
from dkron_operator.cache.requested_runs import RequestedRuns
from dkron_operator.plan.situation.requested_runs import RequestedRun, run_name


class Runs:
    """The DkronRuns that belong to DkronBackfills. `cache` holds those that a watch shows."""

    def __init__(self, client: KubeClient, cache: RequestedRuns) -> None:
        self._client = client
        self._cache = cache

    def get(self, view: View, name: str) -> Seen | None:
        """The DkronRun of a backfill as the watch shows it; None if it shows none of this name."""
        return _observed(self._cache.named(view.namespace, name), view)

    async def read(self, view: View, name: str) -> Seen | None:
        """The DkronRun of a backfill as the API server has it; None if there is none, or another one's."""
        try:
            body = await self._client.get(DKRON_RUNS, view.namespace, name)
        except NotFound:
            return None
        return _observed(self._cache.read(body), view, message=str((body.get("status") or {}).get("message") or ""))

    async def look(self, view: View, name: str) -> Seen | None:
        """The same from the watch. The API server is asked for one that is not known, and why one has failed: the cache
        does not keep that."""
        seen = self.get(view, name)
        return await self.read(view, name) if seen is None or seen.phase in UNSUCCESSFUL else seen

    async def create(self, view: View, spec: BackfillSpec, slot: Slot, job: str) -> str:
        """Create the DkronRun of a slot, and return its uid. Raises `AlreadyExists`, `Rejected`."""
        owner = {
            "apiVersion": API_VERSION, "kind": view.kind, "name": view.name, "uid": view.uid, "controller": True,
        }  # fmt: skip
        # The backfill, and not the job, decides what may run beside it.
        run = {
            "job": job, "scheduledTime": rfc3339(slot.at), "force": True,
            "reason": spec.reason or f"backfill {view.name}",
            **({"parameters": spec.parameters} if spec.parameters else {}),
        }  # fmt: skip
        metadata = {
            "name": self.name(view, slot), "labels": {OF_BACKFILL: view.name}, "ownerReferences": [owner],
        }  # fmt: skip
        body = {"apiVersion": API_VERSION, "kind": "DkronRun", "metadata": metadata, "spec": run}
        answer = await self._client.create(DKRON_RUNS, view.namespace, body)
        return str(answer["metadata"]["uid"])

    @staticmethod
    def name(view: View, slot: Slot) -> str:
        """The name of the DkronRun of a slot."""
        return run_name(view.uid, slot.job, slot.uid, slot.at)


def _observed(run: RequestedRun | None, view: View, *, message: str = "") -> Seen | None:
    return Seen(run.uid, run.status.phase, message) if run is not None and run.backfill == view.uid else None
