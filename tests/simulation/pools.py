"""All jobs of a seed share the places of one pool. Whatever happens, no more runs are under way than places, and in the
end no run waits while a place is free.

When a run has its turn depends on the runs of other jobs, so the rules about the time of a run do not hold here.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from dkron_crds.names import API_VERSION
from dkron_kube.paths import DKRON_JOBS, DKRON_POOLS, JOBS
from dkron_operator.plan.read import read_status
from tests.simulation.clients import NAMESPACE
from tests.simulation.loop import VirtualLoop
from tests.simulation.plans import Event, Plan, What
from tests.simulation.simulation import Simulation
from tests.support.world import Event as WorldEvent

POOL = "places"
UNEXPECTED = ("POOL", "UNEXPECTED", "LIVELOCK", "TOO MANY CALLS")
"""What must not happen here, by how the sentences begin."""
BUSIEST, LESS_BUSY = "* * * * * *", "*/3 * * * * *"
SOON = 5.0
"""Seconds until a free place is taken."""
OVER = ("Complete", "Failed", "SuccessCriteriaMet", "FailureTarget")

Object = dict[str, Any]


def pooled(plan: Plan) -> Plan:
    """The plan, with all jobs in the pool. Jobs that clients have forged take places without a grant."""
    events = (event for event in plan.events if event.what not in (What.FORGE, What.SQUAT))
    return plan.with_events([_pooled(event) for event in events])


def _pooled(event: Event) -> Event:
    if event.what not in (What.CREATE, What.EDIT) or not event.spec:
        return event
    spec = {key: value for key, value in event.spec.items() if key != "startingDeadlineSeconds"}
    schedule = LESS_BUSY if spec["schedule"] == BUSIEST else spec["schedule"]
    return replace(event, spec={**spec, "schedule": schedule, "pools": [POOL], "queue": {"max": 100}})


class PoolSimulation(Simulation):
    """A simulation with a pool of so many places."""

    size = 1

    def __init__(self, plan: Plan, loop: VirtualLoop) -> None:
        super().__init__(plan, loop)
        self._live: dict[str, tuple[str, ...]] = {}
        """The runs of the Jobs that are under way, by the uids of these."""
        self._free_since: float | None = 0.0
        """Since when a place is free, in seconds of the simulation; None if none is."""

    async def run(self) -> None:
        spec = {"size": self.size}
        pool = {"apiVersion": API_VERSION, "kind": "DkronPool", "metadata": {"name": POOL}, "spec": spec}
        self._world.create(DKRON_POOLS, NAMESPACE, pool)
        self._world.heard.append(self._observe)
        await super().run()

    def _observe(self, event: WorldEvent) -> None:
        if event.plural == JOBS.plural:
            self._follow(event)
            free = self._under_way < self.size
            self._free_since = (self._free_since or self._loop.time()) if free else None

    def _follow(self, event: WorldEvent) -> None:
        metadata, notes = event.body["metadata"], event.body["metadata"].get("annotations") or {}
        owner = next((each["uid"] for each in metadata.get("ownerReferences") or ()), "")
        conditions = (event.body.get("status") or {}).get("conditions") or ()
        over = any(each["type"] in OVER and each["status"] == "True" for each in conditions)
        if event.kind == "DELETED" or over or "deletionTimestamp" in metadata or "dkron.io/group" not in notes:
            self._live.pop(metadata["uid"], None)
            return
        self._live[metadata["uid"]] = (owner, notes["dkron.io/trigger"], notes["dkron.io/group"])
        if event.kind == "ADDED" and (count := self._under_way) > self.size and not self._rivals:
            self.wrong.append(f"POOL: {count} runs in {self.size} places, the last of them {metadata['name']}")

    @property
    def _under_way(self) -> int:
        return len(set(self._live.values()))

    @property
    def _rivals(self) -> bool:
        """Whether several replicas act, each with places of its own."""
        return self.plan.replicas > 1 and not self.plan.elects

    def _look(self) -> None:
        super()._look()
        if self._free_since is not None and self._loop.time() - self._free_since > SOON:
            self.wrong += [f"POOL: {name} waits, and a place is free" for name in self._waiting()]

    def _waiting(self) -> Iterator[str]:
        """The jobs with runs that have waited for longer than a moment."""
        before = self.now() - timedelta(seconds=SOON)
        for job in self._world.list(DKRON_JOBS, None):
            status = read_status(job)
            waiting = [] if status is None else (each for each in status.active if each.waits_in_line)
            if any(entry.started_at < before for entry in waiting):
                yield job["metadata"]["name"]
