"""Places of pools, as an observer sees them. Whatever happens, no more runs are under way than places, and in the end
no run waits while its places are free.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby
from random import Random
from typing import Any

from dkron_crds.job import Attempt, AttemptState
from dkron_crds.pool import MAX_POOL_SIZE, PoolSpec
from dkron_kube.paths import DKRON_JOBS, DKRON_POOLS, JOBS
from dkron_operator.plan.situation.read import read_status
from tests.chaos.history import Pool
from tests.simulation.clients import NAMESPACE, NEIGHBOUR, namespace_of
from tests.simulation.controllers import SQUATTER
from tests.simulation.plans import HANDOVER, RECOVERY, Event, Plan, What
from tests.support.world import Event as WorldEvent
from tests.support.world import World

POOL, OTHER = "places", "other"
OWN = f"{NEIGHBOUR}-own"
"""A pool of the other namespace."""
EDITED, GONE = 0.25, 0.15
"""How likely a pool has another size for a while, and how likely it is gone for a while, if not."""
OWNED = 0.5
"""How likely the other namespace has a pool of its own beside a shared one."""
SOON = 5.0
"""Seconds until a free place is taken."""
MAY_PASS = 3
"""How many later runs may take the last place of a pool before one that is the first in all of its lines: their places
were given before it was, or by another leader."""
BUSIEST, LESS_BUSY = "* * * * * *", "*/3 * * * * *"
OVER = ("Complete", "Failed", "SuccessCriteriaMet", "FailureTarget")
_MOVED = {"j1": f"{NEIGHBOUR}-j1"}
_CREATED: dict[str, Any] = {
    "executorConfig": {"command": "true"}, "concurrency": "allow", "queue": {"max": 100},
    "history": {"executions": 100, "successfulJobs": 100, "failedJobs": 100},
}  # fmt: skip
IN_POOLS = (What.POOL, What.NO_POOL)

Object = dict[str, Any]


def pool(name: str = POOL, *, at: float = 0.0, **spec: Any) -> Event:
    """A pool is created, or gets this spec."""
    return Event(at=at, what=What.POOL, on=name, spec=spec)


def pooled(plan: Plan) -> Plan:
    """The plan, with all jobs in pools: one or two of them, of one to three places, which some plans edit or delete for
    a while. Jobs that clients have forged take places without a grant."""
    rand = Random(f"pools {plan.seed}")  # noqa: S311 - no secret
    names = (POOL, OTHER)[: rand.choice((1, 1, 2))]
    found = [pool(name, size=rand.choice((1, 1, 2, 3)), order=rand.choice(("fifo", "priority"))) for name in names]
    if rand.random() < EDITED:
        found.append(pool(at=round(rand.uniform(3.0, plan.calm), 3), size=rand.choice((0, 1, 2)), order="fifo"))
        found.append(pool(at=round(found[-1].at + rand.choice((1.0, 4.0, 8.0)), 3), size=1))
    elif rand.random() < GONE:
        at = round(rand.uniform(3.0, plan.calm), 3)
        found.append(Event(at=at, what=What.NO_POOL, on=POOL))
        found.append(pool(at=round(at + rand.choice((1.0, 4.0, 8.0)), 3), size=rand.choice((1, 2))))
    jobs: dict[str, Object] = {event.on: {} for event in plan.events if event.what is What.CREATE}
    for spec in jobs.values():
        spec |= {"pools": sorted(rand.sample(names, rand.randint(1, len(names)))), "priority": rand.choice((0, 0, 5))}
    events = (event for event in plan.events if event.what not in (What.FORGE, What.SQUAT))
    return plan.with_events(sorted([*found, *(_pooled(event, jobs) for event in events)], key=lambda each: each.at))


def _pooled(event: Event, jobs: dict[str, Object]) -> Event:
    if event.what not in (What.CREATE, What.EDIT) or not event.spec:
        return event
    spec = {key: value for key, value in event.spec.items() if key != "startingDeadlineSeconds"}
    queue = {**spec.get("queue", {}), "max": 100}
    schedule = LESS_BUSY if spec["schedule"] == BUSIEST else spec["schedule"]
    return replace(event, spec={**spec, **jobs[event.on], "schedule": schedule, "queue": queue})


def shared(plan: Plan) -> Plan:
    """The plan with all jobs in one pool of the operator's namespace, which two namespaces share: the second job is of
    the other one, and a third one joins it. No more than a part of the places are for one namespace. No Job keeps its
    place for ever: of a job with `forbid`, the checker does not see the run that waits for it."""
    rand = Random(f"shared {plan.seed}")  # noqa: S311 - no secret
    size = rand.choice((1, 2, 2, 3))
    spec: Object = {"namespaces": [NAMESPACE, NEIGHBOUR], "perNamespace": rand.randint(1, size)}
    place = pool(size=size, order=rand.choice(("fifo", "priority")), **spec)
    guest = {**_CREATED, "schedule": rand.choice((LESS_BUSY, "*/5 * * * * *")), "priority": rand.choice((0, 1000))}
    kinds = (What.FORGE, What.SQUAT, What.PAUSE)
    events = [replace(each, on=_MOVED.get(each.on, each.on)) for each in plan.events if each.what not in kinds]
    jobs: dict[str, Object] = {
        event.on: {"pools": [POOL], "priority": rand.choice((0, 0, 5))} for event in events if event.what is What.CREATE
    }
    plan = replace(plan, course=replace(plan.course, stuck=0.0))
    found = [place, Event(at=1.0, what=What.CREATE, on=f"{NEIGHBOUR}-guest", spec={"pools": [POOL], **guest})]
    if rand.random() < OWNED:
        # Two jobs share one place of their own, and one of them needs a place of the shared pool, too.
        both = {**_CREATED, "schedule": LESS_BUSY}
        found += [
            pool(OWN, size=1),
            Event(at=1.0, what=What.CREATE, on=f"{NEIGHBOUR}-both", spec={"pools": [OWN, POOL], **both}),
            Event(at=1.0, what=What.CREATE, on=f"{NEIGHBOUR}-holder", spec={"pools": [OWN], **both}),
        ]
    return plan.with_events(sorted([*found, *(_pooled(event, jobs) for event in events)], key=lambda each: each.at))


def known_pools(plan: Plan) -> tuple[Pool, ...]:
    """The pools that are there from the beginning, and stay as they are: of the others, the checker does not know when
    they were full."""
    rivals = plan.replicas if not plan.elects else 1
    changes = [event for event in plan.events if event.what in IN_POOLS]
    once = (each for each in changes if each.at == 0.0 and sum(other.on == each.on for other in changes) == 1)
    found: list[Pool] = []
    for each in once:
        spec, name = PoolSpec.from_wire(each.spec), each.on
        found.append(Pool(name=name, size=spec.size, order=spec.order, most=rivals * spec.size))
        if (most := spec.per_namespace) is not None:
            jobs = sorted({event.on for event in plan.events if event.what is What.CREATE}, key=namespace_of)
            found += [
                Pool(name=name, size=most, order=spec.order, most=rivals * most, of=tuple(of))
                for _, of in groupby(jobs, key=namespace_of)
            ]
    return tuple(found)


def _places_of(job: Object) -> list[str]:
    """The pools that a job names, and the share of its namespace in each, which has the name of both."""
    names = job["spec"].get("pools") or ()
    return [*names, *(f"{job['metadata']['namespace']}/{name}" for name in names)]


def _active(job: Object) -> Iterable[Attempt]:
    status = read_status(job)
    return () if status is None else status.active


def _waiting(job: Object) -> list[tuple[datetime, str]]:
    """The runs in line: since when, and their groups."""
    return [(entry.started_at, str(entry.group)) for entry in _active(job) if entry.state is AttemptState.WAITING]


class Places:
    """Who holds the places of the pools of a plan. `wrong` are sentences about what must not be seen."""

    def __init__(self, plan: Plan, world: World, *, time: Callable[[], float], wrong: list[str]) -> None:
        self._plan = plan
        self._world = world
        self._time = time
        self._wrong = wrong
        self._live: dict[str, tuple[str, str, str]] = {}
        """The runs of the Jobs that are under way, by the uids of these: their DkronJob, trigger and group."""
        self._free_since: dict[str, float] = {}
        """Since when a pool has a free place, in seconds of the simulation."""
        changes = [event.at for event in plan.events if event.what in IN_POOLS]
        self._settled = max(plan.calm, max(changes, default=0.0)) + RECOVERY + HANDOVER
        self._largest: dict[str, int] = {}
        self._passed: Counter[tuple[str, str]] = Counter()
        """How often later runs have passed a run, by the uid of its job and its group."""
        if changes:
            world.heard.append(self._hear)

    def waiting(self, now: datetime) -> Iterator[str]:
        """The jobs with runs that have waited for longer than a moment beside free places."""
        before = now - timedelta(seconds=SOON)
        for job in self._jobs():
            status = read_status(job)
            entries = () if status is None else status.active
            begun = job["metadata"]["uid"] in {owner for owner, _, _ in self._live.values()}
            busy = job["spec"].get("concurrency", "allow") != "allow" and (
                begun or not all(entry.state is AttemptState.WAITING for entry in entries)
            )
            old = any(entry.state is AttemptState.WAITING and entry.started_at < before for entry in entries)
            names = _places_of(job)
            kept = any(other is not job and self._may_reserve(other, names) for other in self._jobs())
            if old and not busy and not kept and names and all(self._is_free(name) for name in names):
                yield job["metadata"]["name"]

    def _may_reserve(self, job: Object, names: Collection[str]) -> bool:
        """Whether a run of the job that waits may keep the last place of one of these pools."""
        pools, own = job["spec"].get("pools") or (), job["metadata"]["namespace"]
        homes = {
            body["metadata"]["name"]: body["metadata"]["namespace"] for body in self._world.list(DKRON_POOLS, None)
        }
        lacking = {homes.get(name) for name in pools if not self._is_free(name)}
        kept = any(homes.get(name) == own or lacking == {homes.get(name)} for name in pools if name in names)
        return bool(lacking) and kept and len(pools) > 1 and bool(_waiting(job))

    def _is_free(self, name: str) -> bool:
        if "/" in name and name not in self._largest:
            return True
        since = self._free_since.get(name)
        return since is not None and self._time() - since > SOON

    def _hear(self, event: WorldEvent) -> None:
        if event.plural == JOBS.plural:
            self._follow(event)
        if event.plural in (JOBS.plural, DKRON_POOLS.plural, DKRON_JOBS.plural):
            self._look()

    def _look(self) -> None:
        sizes, used = self._sizes(), self._used()
        for name, size in sizes.items():
            self._largest[name] = max(size, self._largest.get(name, 0))
            if used.get(name, 0) < size:
                self._free_since.setdefault(name, self._time())
            else:
                self._free_since.pop(name, None)
        for name in self._free_since.keys() - sizes.keys():
            del self._free_since[name]

    def _follow(self, event: WorldEvent) -> None:
        metadata, notes = event.body["metadata"], event.body["metadata"].get("annotations") or {}
        owner = next((each["uid"] for each in metadata.get("ownerReferences") or ()), "")
        conditions = (event.body.get("status") or {}).get("conditions") or ()
        over = any(each["type"] in OVER and each["status"] == "True" for each in conditions)
        ours = "dkron.io/group" in notes and SQUATTER not in notes
        if event.kind == "DELETED" or over or "deletionTimestamp" in metadata or not ours:
            self._live.pop(metadata["uid"], None)
            return
        self._live[metadata["uid"]] = (owner, notes["dkron.io/trigger"], notes["dkron.io/group"])
        if event.kind == "ADDED":
            self._check(owner, metadata["name"])
            self._check_turn(owner, notes["dkron.io/group"])

    def _check(self, owner: str, name: str) -> None:
        """No Job may be made without a place for it. A size that has changed may be seen a while later."""
        job = next((body for body in self._jobs() if body["metadata"]["uid"] == owner), None)
        if job is None or (self._plan.replicas > 1 and not self._plan.elects):
            return
        sizes, used = self._sizes() if self._time() > self._settled else self._largest, self._used()
        for each in _places_of(job):
            if used[each] > sizes.get(each, MAX_POOL_SIZE if "/" in each else 0):
                self._wrong.append(f"POOL: {used[each]} runs in {sizes.get(each, 0)} places, the last of them {name}")

    def _check_turn(self, owner: str, group: str) -> None:
        """Later runs do not pass one that is the first in all of its lines for ever. A pause or a quota may hold that
        one back."""
        held = any(event.what in (What.PAUSE, What.QUOTA) for event in self._plan.events)
        held = held or any("perNamespace" in event.spec for event in self._plan.events)
        if held or (self._plan.replicas > 1 and not self._plan.elects):
            return
        jobs, used = {body["metadata"]["uid"]: body for body in self._jobs()}, self._used()
        begun = (
            next((each for each in _active(jobs[owner]) if str(each.group) == group), None) if owner in jobs else None
        )
        full = {name for name, size in self._sizes().items() if 0 < size <= used.get(name, 0)}
        if begun is None:
            return
        for uid, job in jobs.items():
            names, first = {*(job["spec"].get("pools") or ())}, min(_waiting(job), default=None)
            taken = names & full & {*(jobs[owner]["spec"].get("pools") or ())}
            if first is None or len(names) < 2 or not taken or first[0] >= (begun.queued_at or begun.started_at):
                continue
            beside = [other for other in jobs.values() if not names.isdisjoint(other["spec"].get("pools") or ())]
            if self._is_fifo(names) and first == min(each for other in beside for each in _waiting(other)):
                self._passed[uid, first[1]] += 1
                if self._passed[uid, first[1]] > MAY_PASS:
                    self._wrong.append(f"PASSED: {job['metadata']['name']} waits first in {names}, and others begin")

    def _is_fifo(self, names: Collection[str]) -> bool:
        specs = {body["metadata"]["name"]: body["spec"] for body in self._world.list(DKRON_POOLS, None)}
        known = [specs[name] for name in names if name in specs]
        return len(known) == len(names) and all(each["size"] and each.get("order", "fifo") == "fifo" for each in known)

    def _used(self) -> dict[str, int]:
        """How many runs of the jobs that are there hold a place in each pool."""
        runs: dict[str, set[object]] = {}
        pools = {job["metadata"]["uid"]: _places_of(job) for job in self._jobs()}
        for run in self._live.values():
            for name in pools.get(run[0], ()):
                runs.setdefault(name, set()).add(run)
        return {name: len(of) for name, of in runs.items()}

    def _sizes(self) -> dict[str, int]:
        sizes = {}
        for body in self._world.list(DKRON_POOLS, None):
            name, spec = body["metadata"]["name"], body["spec"]
            sizes[name] = spec["size"]
            sizes |= {f"{namespace}/{name}": spec["perNamespace"] for namespace in spec.get("namespaces") or ()}
        return sizes

    def _jobs(self) -> Iterable[Object]:
        return self._world.list(DKRON_JOBS, None)
