"""Room in the quota of the namespace, as an observer sees it: in the end no run waits while there is some."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from dkron_crds.attempt_state import AttemptState
from dkron_kube.paths import DKRON_JOBS, JOBS
from dkron_operator.plan.situation.read import read_status
from tests.chaos.history import FOREVER
from tests.simulation.clients import NAMESPACE
from tests.simulation.plans import Event, Plan, What
from tests.support.world import Event as WorldEvent
from tests.support.world import World

SOON = timedelta(seconds=40)
"""How long after there is room no run waits any more."""
BUSIEST, LESS_BUSY = "* * * * * *", "*/3 * * * * *"
CHANGES = (1, 1, 2, 3)
"""How many quotas there are, one after another."""


def quota(jobs: int | None, *, at: float) -> Event:
    """From now on the namespace may have so many Jobs."""
    return Event(at=at, what=What.QUOTA, spec={} if jobs is None else {"jobs": jobs})


def quotaed(plan: Plan) -> Plan:
    """The plan, in a namespace with a quota that changes, and ends when all is calm."""
    rand = Random(f"quotas {plan.seed}")  # noqa: S311 - no secret
    times = [round(rand.uniform(0.0, plan.calm), 3) for _ in range(rand.choice(CHANGES))]
    found = [quota(rand.choice((0, 0, 1, 2, 4)), at=at) for at in times]
    found.append(quota(None, at=plan.calm))
    events = (_quotaed(event) for event in plan.events if event.what not in (What.FORGE, What.SQUAT))
    return plan.with_events(sorted([*found, *events], key=lambda each: each.at))


def _quotaed(event: Event) -> Event:
    if event.what is What.RUN:
        # An annotation keeps no force in line (docs/jobs.md).
        return replace(event, force=False)
    if event.what not in (What.CREATE, What.EDIT) or not event.spec:
        return event
    spec = {key: value for key, value in event.spec.items() if key != "startingDeadlineSeconds"}
    schedule = LESS_BUSY if spec["schedule"] == BUSIEST else spec["schedule"]
    return replace(event, spec={**spec, "schedule": schedule, "queue": {**spec.get("queue", {}), "max": 100}})


class Room:
    """When the quota was used up."""

    def __init__(self, plan: Plan, world: World, clock: Callable[[], datetime]) -> None:
        self._world = world
        self._clock = clock
        self._spans: list[tuple[datetime, datetime]] = []
        self._since: datetime | None = None
        if any(event.what is What.QUOTA for event in plan.events):
            world.heard.append(self._hear)

    def full(self) -> tuple[tuple[datetime, datetime], ...]:
        """The times, in order."""
        return *self._spans, *([] if self._since is None else [(self._since, FOREVER)])

    def waiting(self) -> Iterator[str]:
        """The jobs with runs that wait without a reason: not for another run of the job, nor for a place in a pool."""
        free = self._spans and self._since is None and self._clock() - self._spans[-1][1] > SOON
        for job in self._world.list(DKRON_JOBS, NAMESPACE) if free else ():
            status = read_status(job)
            entries = () if status is None else status.active
            old = [
                each
                for each in entries
                if each.state is AttemptState.WAITING and self._clock() - each.started_at > SOON
            ]
            if old and len(old) == len(entries) and not job["spec"].get("pools"):
                yield job["metadata"]["name"]

    def change(self, event: Event) -> None:
        """The namespace has another quota, or none."""
        self._world.quotas = {NAMESPACE: event.spec["jobs"]} if event.spec else {}
        self._look()

    def _hear(self, event: WorldEvent) -> None:
        if event.plural == JOBS.plural:
            self._look()

    def _look(self) -> None:
        full, now = self._world.room(NAMESPACE) <= 0, self._clock()
        if full and self._since is None:
            self._since = now
        elif not full and self._since is not None:
            self._spans.append((self._since, now))
            self._since = None
