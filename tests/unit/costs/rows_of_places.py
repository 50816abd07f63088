"""The rows of lines, pools and pauses."""

from collections.abc import Awaitable
from typing import Any
from unittest.mock import Mock

from dkron_crds.job import Active, JobStatus
from dkron_operator.pauses.informer import Pauses
from dkron_operator.pauses.status import PauseStatuses
from dkron_operator.plan.advance import advance
from dkron_operator.plan.line_changes import queued
from dkron_operator.plan.pools import Places
from dkron_operator.plan.read import read_job
from dkron_operator.pools.informer import Pools
from dkron_operator.pools.status import PoolStatuses
from tests.support.builders import NAMESPACE, Object, after, claim, job_view, nodes, situation, wire_job
from tests.unit.costs.cost import Row, Step, ready
from tests.unit.costs.filled import status_with, wire
from tests.unit.costs.many import CLOCK, SCOPE, named, store_of


def waiting(runs: int, members: int = 1) -> tuple[Active, ...]:
    """The claims of runs that wait in line."""
    claims = [
        queued(claim(after(minutes=-number), node=f"n{member}" if members > 1 else ""), after(minutes=-number))
        for number in range(1, runs + 1)
        for member in range(members)
    ]
    return tuple(claims)


def plan_line(runs: int, *, members: int = 1, **fields: Any) -> Step:
    """A plan of a job whose runs wait for places, or are dropped."""
    spec: Object = {"concurrency": "queue", "queue": {"max": 100}, "pools": ["x"], "tags": {"dc": "a"}}
    job = job_view(**{**spec, **fields})
    status = status_with(fingerprint=job.fingerprint, active=waiting(runs, members))
    found = nodes(*(f"n{member}" for member in range(members)), dc="a")
    then = situation(job, status, nodes=found, places=Places(free=False))
    return lambda: advance(then)


def pools_of(jobs: int, runs: int, *, size: int) -> Pools:
    """Jobs whose runs wait for places of two pools that order them differently."""
    store = store_of()
    pools = Pools(SCOPE, store, requeue=lambda _: None)
    for name, order in (("a", "fifo"), ("b", "priority")):
        pools.index.upsert(wire("DkronPool", name, spec={"size": 0, "order": order}))
    for number in range(jobs):
        store.upsert_job(named(number, pools=["a", "b"], priority=number, concurrency="allow"))
        cached = store.get(f"uid-of-job-{number}")
        assert cached is not None
        entries = [
            queued(claim(after(each), uid=cached.job.uid, name=cached.job.name), after(each)) for each in range(runs)
        ]
        status = JobStatus(active=tuple(entries))
        plan = Mock(create=None, status=status, ready=entries)
        plan.situation = Mock(unconfirmed_create=None, attempts={}, incomplete=False)
        pools.places.settle(cached, plan)
    for name, order in (("a", "fifo"), ("b", "priority")):
        pools.index.upsert(wire("DkronPool", name, version=2, spec={"size": size, "order": order}))
    return pools


def grant(places: int, *, jobs: int = 20, runs: int = 20) -> Step:
    """Two pools get places at once."""
    pools = pools_of(jobs, runs, size=places)
    (workers,) = pools.workers
    return lambda: workers.work(NAMESPACE)


def end_of_run(count: int) -> Step:
    """A job whose runs wait goes, and its neighbours' lines are looked at."""
    pools = pools_of(count, 20, size=0)
    return lambda: pools.places.forget("uid-of-job-0")


def sweep_pools(count: int) -> Step:
    """The statuses of all pools."""
    pools = pools_of(20, 5, size=0)
    for number in range(count):
        pools.index.upsert(wire("DkronPool", f"pool-{number}", spec={"size": 1}))
    statuses = PoolStatuses(SCOPE.client, pools, home="home", clock=CLOCK, may_act=lambda: True)
    return lambda: _all(statuses._wanted())


def sweep_pauses(count: int, jobs: int = 10) -> Step:
    """The statuses of all pauses."""
    store = store_of(*map(named, range(jobs)))
    pauses = Pauses(SCOPE, store, requeue=lambda _: None)
    for number in range(count):
        pauses.index.upsert(wire("DkronPause", f"pause-{number}", spec={"jobs": ["job-0"]}))
    statuses = PauseStatuses(SCOPE.client, pauses, store, home="home", clock=CLOCK, may_act=lambda: True)
    return lambda: _all(statuses._wanted())


async def _all(found: Any) -> None:
    async for _ in found:
        pass


def selecting(count: int) -> Step:
    """Which pauses select a job."""
    pauses = Pauses(SCOPE, store_of(), requeue=lambda _: None)
    for number in range(count):
        pauses.index.upsert(wire("DkronPause", f"pause-{number}", spec={"selector": {"team": "a"}}))
    body = wire_job()
    body["metadata"]["labels"] = {"team": "a"}
    view = read_job(body)
    return lambda: pauses.index.selecting(view)


def listed(kind: str, spec: Object, count: int) -> Step:
    """A list of all DkronPauses, or of all DkronPools, arrives."""
    followed: Any = (Pauses if kind == "DkronPause" else Pools)(SCOPE, store_of(), requeue=lambda _: None)
    (informer,) = followed.informers
    read = [informer.callbacks.read(wire(kind, f"it-{number}", spec=spec)) for number in range(count)]
    return lambda: informer.replace(read, 1)


def all_gone(kind: str, spec: Object, count: int, *, restored: bool = False) -> Step:
    """A list without any arrives; after a restore, resource versions are lower before it."""
    followed: Any = (Pauses if kind == "DkronPause" else Pools)(SCOPE, store_of(), requeue=lambda _: None)
    (informer,) = followed.informers
    for number in range(count):
        informer.upsert(wire(kind, f"it-{number}", spec=spec))

    def step() -> Awaitable[None]:
        if restored:
            informer.went_back()
        done: Awaitable[None] = informer.replace([], 2)
        return done

    return step


ROWS = (
    Row("a plan", "runs in line with ten members", 50, ready(lambda n: plan_line(n, members=10))),
    Row("a plan", "members that leave the line", 50, ready(lambda n: plan_line(n, members=10, disabled=True))),
    Row("a grant", "places of two pools that order differently", 100, ready(grant)),
    Row("a grant", "jobs in line of two pools that order differently", 20, ready(lambda n: grant(50, jobs=n))),
    Row("a look", "runs in line of 50 jobs in two pools", 75, ready(lambda n: grant(0, jobs=50, runs=n))),
    Row("an end", "jobs in line of two pools", 25, ready(end_of_run)),
    Row("a plan", "DkronPauses that select the job", 128, ready(selecting)),
    Row("a sweep", "DkronPools", 500, ready(sweep_pools)),
    Row("a sweep", "DkronPauses", 2000, ready(sweep_pauses)),
    Row("a sweep of DkronPauses", "DkronJobs", 1000, ready(lambda n: sweep_pauses(10, n))),
    Row("a list", "DkronPauses", 2000, ready(lambda n: listed("DkronPause", {"jobs": ["a"]}, n))),
    Row("a list", "DkronPools", 2000, ready(lambda n: listed("DkronPool", {"size": 1}, n))),
    Row("an empty list", "DkronPauses", 4000, ready(lambda n: all_gone("DkronPause", {"jobs": ["a"]}, n))),
    Row("an empty list", "DkronPools", 4000, ready(lambda n: all_gone("DkronPool", {"size": 1}, n))),
    Row("a restore", "DkronPauses", 4000, ready(lambda n: all_gone("DkronPause", {}, n, restored=True))),
)
