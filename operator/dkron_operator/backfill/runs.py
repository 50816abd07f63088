"""The DkronRuns of backfills: what a watch shows of them, and how one is created or read."""

from collections.abc import Callable
from typing import Any

from dkron_crds.backfill import BackfillSpec
from dkron_crds.run import RunPhase
from dkron_kube.client import KubeClient
from dkron_kube.errors import NotFound
from dkron_kube.paths import DKRON_RUNS
from dkron_operator.backfill.advance import Seen, Slot
from dkron_operator.backfill.run_names import owner_of, run_body, run_name, run_spec
from dkron_operator.backfill.view import View

Object = dict[str, Any]


class Runs:
    """The DkronRuns that belong to DkronBackfills, by the uid of the backfill and by name. `changed` is told the uid of
    the backfill when one has changed."""

    def __init__(self, client: KubeClient, *, changed: Callable[[str], None]) -> None:
        self._client = client
        self._changed = changed
        self._runs: dict[str, dict[str, Seen]] = {}

    def replace(self, items: list[Object], version: int) -> None:  # noqa: ARG002 - as every sink
        """Replace all DkronRuns by a complete list."""
        before, self._runs = self._runs, {}
        for item in items:
            self.see(item)
        for owner in before:
            self._changed(owner)

    def see(self, body: Object) -> None:
        """A DkronRun was added or modified."""
        owner = owner_of(body["metadata"])
        if not owner:
            return
        runs, name, seen = self._runs.setdefault(owner, {}), body["metadata"]["name"], _seen(body)
        if runs.get(name) != seen:
            runs[name] = seen
            self._changed(owner)

    def lose(self, body: Object) -> None:
        """A DkronRun was deleted."""
        owner = owner_of(body["metadata"])
        runs = self._runs.get(owner, {})
        if runs.pop(body["metadata"]["name"], None) is not None:
            self._changed(owner)
        if not runs:
            self._runs.pop(owner, None)

    def get(self, owner: str, name: str) -> Seen | None:
        """The DkronRun of a backfill as the watch shows it; None if it shows none of this name."""
        return self._runs.get(owner, {}).get(name)

    async def read(self, namespace: str, owner: str, name: str) -> Seen | None:
        """The DkronRun of a backfill as the API server has it; None if there is none, or another one's."""
        try:
            body = await self._client.get(DKRON_RUNS, namespace, name)
        except NotFound:
            return None
        return _seen(body) if owner_of(body["metadata"]) == owner else None

    async def create(self, view: View, spec: BackfillSpec, slot: Slot, job: str) -> str:
        """Create the DkronRun of a slot of the job with this Dkron name, and return its uid. Raises `AlreadyExists`,
        `Rejected`."""
        reason = spec.reason or f"backfill {view.name}"
        body = run_body(
            self.name(view, slot), backfill=view.name, uid=view.uid,
            spec=run_spec(job, slot.at, parameters=spec.parameters, reason=reason),
        )  # fmt: skip
        answer = await self._client.create(DKRON_RUNS, view.namespace, body)
        return str(answer["metadata"]["uid"])

    @staticmethod
    def name(view: View, slot: Slot) -> str:
        """The name of the DkronRun of a slot."""
        return run_name(view.uid, slot.job, slot.uid, slot.at)


def _seen(body: Object) -> Seen:
    phase = (body.get("status") or {}).get("phase")
    return Seen(body["metadata"]["uid"], RunPhase(phase) if phase in list(RunPhase) else RunPhase.PENDING)
