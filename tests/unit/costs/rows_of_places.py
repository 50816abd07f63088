"""The rows of lines, pools and pauses."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any
from unittest.mock import Mock

from dkron_crds.job import Attempt, JobStatus
from dkron_operator.act.quota_line import QuotaLine
from dkron_operator.act.status_sweep import StatusSweep
from dkron_operator.pauses.informer import Pauses
from dkron_operator.plan.advance import advance
from dkron_operator.plan.situation.pools import Places
from dkron_operator.plan.situation.quota import OPEN, Quota
from dkron_operator.plan.situation.read import read_job
from dkron_operator.plan.status.line import queued
from dkron_operator.pools.informer import Pools
from tests.support.builders import NAMESPACE, NOON, Object, after, claim, job_view, nodes, situation, wire_job
from tests.unit.costs.cost import Row, Step, ready
from tests.unit.costs.filled import status_with, wire
from tests.unit.costs.many import CLOCK, SCOPE, named, store_of


def waiting(runs: int, members: int = 1) -> tuple[Attempt, ...]:
    """The claims of runs that wait in line."""
    claims = [
        queued(claim(after(minutes=-number), node=f"n{member}" if members > 1 else ""), after(minutes=-number))
        for number in range(1, runs + 1)
        for member in range(members)
    ]
    return tuple(claims)


def plan_line(runs: int, *, members: int = 1, quota: Quota = OPEN, **fields: Any) -> Step:
    """A plan of a job whose runs wait for places, or are dropped."""
    spec: Object = {"concurrency": "queue", "queue": {"max": 100}, "pools": ["x"], "tags": {"dc": "a"}}
    job = job_view(**{**spec, **fields})
    status = status_with(fingerprint=job.fingerprint, active=waiting(runs, members))
    found = nodes(*(f"n{member}" for member in range(members)), dc="a")
    then = situation(job, status, nodes=found, places=Places(free=False), quota=quota)
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


def lined_up(pools: Pools, number: int, names: list[str], *, runs: int = 1, held: int = 0) -> None:
    """A job of these pools has runs that hold places, and others that wait, in the order of the numbers."""
    store, uid = pools.places._store, f"uid-of-job-{number}"
    store.upsert_job(named(number, pools=names, concurrency="allow"))
    cached = store.get(uid)
    assert cached is not None
    at = [after(100 * number + each) for each in range(runs + held)]
    claims = [claim(each, uid=uid, name=cached.job.name) for each in at]
    ready = [queued(each, when) for each, when in zip(claims[held:], at[held:], strict=True)]
    plan = Mock(create=None, status=JobStatus(active=(*claims[:held], *ready)), ready=ready)
    plan.situation = Mock(unconfirmed_create=None, attempts={}, incomplete=False)
    pools.places.settle(cached, plan)


def groups_of(jobs: int, *, size: int) -> Pools:
    """Jobs of which no two name the same pools, but all name one, `a`, which gets places."""
    pools = Pools(SCOPE, store_of(), requeue=lambda _: None)
    for name in (f"{letter}{number}" for letter in "pq" for number in range(40)):
        pools.index.upsert(wire("DkronPool", name, spec={"size": 1000}))
    pools.index.upsert(wire("DkronPool", "a", spec={"size": 0}))
    for number in range(jobs):
        lined_up(pools, number, ["a", f"p{number % 40}", f"q{number // 40}"])
    pools.index.upsert(wire("DkronPool", "a", version=2, spec={"size": size}))
    return pools


def give(count: int, *, size: int = 1000) -> Step:
    """The pool of many groups of runs gets places."""
    pools = groups_of(count, size=size)
    return lambda: pools.places._grant([(NAMESPACE, "a")])


def reserve(count: int) -> Step:
    """One place of a pool becomes free, and each run that is first there finds that its other place is reserved: for a
    run that lacks a third one."""
    pools = Pools(SCOPE, store_of(), requeue=lambda _: None)
    pools.index.upsert(wire("DkronPool", "a", spec={"size": 0}))
    for number in range(count):
        pools.index.upsert(wire("DkronPool", f"p{number:03}", spec={"size": 1}))
        pools.index.upsert(wire("DkronPool", f"x{number:03}", spec={"size": 1}))
        lined_up(pools, 3 * number, [f"x{number:03}"], runs=0, held=1)
        lined_up(pools, 3 * number + 1, [f"p{number:03}", f"x{number:03}"])
        lined_up(pools, 3 * number + 2, ["a", f"p{number:03}"])
    for number in range(3 * count, 3 * count + 500):
        lined_up(pools, number, ["a", f"p{number % count:03}", f"x{number % count:03}"])
    pools.index.upsert(wire("DkronPool", "a", version=2, spec={"size": 1}))
    return lambda: pools.places._grant([(NAMESPACE, "a")])


def chain(count: int) -> Step:
    """Pools in a chain get places: each run needs two neighbours, and goes before the runs of the first one."""
    pools = Pools(SCOPE, store_of(), requeue=lambda _: None)
    for number in range(count + 1):
        pools.index.upsert(wire("DkronPool", f"p{number:03}", spec={"size": 0}))
    for number in range(count):
        lined_up(pools, count - number, [f"p{number:03}", f"p{number + 1:03}"], runs=4)
    for number in range(count + 1):
        pools.index.upsert(wire("DkronPool", f"p{number:03}", version=2, spec={"size": 100}))

    async def step() -> None:
        pools.places._grant([(NAMESPACE, "p000")])
        while pools.places._undecided:
            await asyncio.sleep(0)
            pools.places._grant(())

    return step


def end_of_two(count: int) -> Step:
    """A run of two pools ends, where runs of many groups wait for its places."""
    pools = Pools(SCOPE, store_of(), requeue=lambda _: None)
    for name in (f"{letter}{number}" for letter in "pq" for number in range(40)):
        pools.index.upsert(wire("DkronPool", name, spec={"size": 1000}))
    for name in "ab":
        pools.index.upsert(wire("DkronPool", name, spec={"size": 1}))
    lined_up(pools, 0, ["a", "b"], runs=0, held=1)
    for number in range(count):
        lined_up(pools, number + 1, ["ab"[number % 2], f"p{number % 40}", f"q{number // 40}"])
    return lambda: pools.places.forget("uid-of-job-0")


CLOSED = Quota("exceeded quota: jobs", wait=timedelta(seconds=5))


def room_line(jobs: int, runs: int = 1) -> tuple[QuotaLine, list[Any]]:
    """Jobs of a namespace whose runs wait for room, and their plans."""
    line, plans = QuotaLine(clock=CLOCK, requeue=lambda _: None), list[Any]()
    line.refuse(NAMESPACE, CLOSED.message)
    for number in range(jobs):
        uid, at = f"uid-of-job-{number}", [after(number + each) for each in range(runs)]
        entries = [queued(claim(each, uid=uid), each) for each in at]
        job = job_view(uid=uid)
        plan = Mock(create=None, refused=entries, ready=[], status=JobStatus(active=tuple(entries)))
        plan.situation = Mock(now=NOON, quota=line.of(job))
        plans.append((Mock(job=job), plan))
        line.settle(*plans[-1])
    return line, plans


def settle_room(count: int, *, runs: int = 1) -> Step:
    """A job whose runs wait for room was planned, and the first of them has begun."""
    line, plans = room_line(count, runs)
    cached, plan = plans[0]
    plan.refused = plan.refused[1:]
    return lambda: line.settle(cached, plan)


def free_room(count: int) -> Step:
    """A Job of the namespace is gone."""
    line, _ = room_line(count)
    return lambda: line.free(NAMESPACE)


def sweep_pools(count: int) -> Step:
    """The statuses of all pools."""
    pools = pools_of(20, 5, size=0)
    for number in range(count):
        pools.index.upsert(wire("DkronPool", f"pool-{number}", spec={"size": 1}))
    statuses = StatusSweep(SCOPE.client, pools, may_act=lambda: True)
    return statuses._due


def sweep_reserving(count: int) -> Step:
    """The statuses of pools, of which each has a run that waits for a place of one more pool."""
    pools = Pools(SCOPE, store_of(), requeue=lambda _: None)
    pools.index.upsert(wire("DkronPool", "a", spec={"size": 1}))
    lined_up(pools, 0, ["a"], runs=0, held=1)
    for number in range(count):
        pools.index.upsert(wire("DkronPool", f"p{number}", spec={"size": 1}))
        lined_up(pools, number + 1, ["a", f"p{number}"])
    return StatusSweep(SCOPE.client, pools, may_act=lambda: True)._due


def sweep_pauses(count: int, jobs: int = 10) -> Step:
    """The statuses of all pauses."""
    store = store_of(*map(named, range(jobs)))
    pauses = Pauses(SCOPE, store, requeue=lambda _: None)
    for number in range(count):
        pauses.index.upsert(wire("DkronPause", f"pause-{number}", spec={"jobs": ["job-0"]}))
    statuses = StatusSweep(SCOPE.client, pauses, may_act=lambda: True)
    return statuses._due


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
    Row("a grant", "groups of runs in a pool", 400, ready(give)),
    Row("a grant of one place", "groups of runs in a pool", 400, ready(lambda n: give(n, size=1))),
    Row("a grant of one place", "places that are reserved", 64, ready(reserve)),
    Row("a grant", "pools in a chain", 128, ready(chain)),
    Row("an end of a run of two pools", "groups of runs in both", 400, ready(end_of_two)),
    Row("a plan", "runs in line that wait for room", 50, ready(lambda n: plan_line(n, pools=[], quota=CLOSED))),
    Row("a plan", "members in line that wait for room", 50, ready(lambda n: plan_line(n, members=10, quota=CLOSED))),
    Row("a plan that waits for room", "runs of the job", 100, ready(lambda n: settle_room(10, runs=n))),
    Row("a plan that waits for room", "jobs of the namespace", 500, ready(settle_room)),
    Row("room in a quota", "jobs of the namespace", 500, ready(free_room)),
    Row("a plan", "DkronPauses that select the job", 128, ready(selecting)),
    Row("a sweep", "DkronPools", 500, ready(sweep_pools)),
    Row("a sweep", "DkronPools with runs that wait for one more", 127, ready(sweep_reserving)),
    Row("a sweep", "DkronPauses", 2000, ready(sweep_pauses)),
    Row("a sweep of DkronPauses", "DkronJobs", 1000, ready(lambda n: sweep_pauses(10, n))),
    Row("a list", "DkronPauses", 2000, ready(lambda n: listed("DkronPause", {"jobs": ["a"]}, n))),
    Row("a list", "DkronPools", 2000, ready(lambda n: listed("DkronPool", {"size": 1}, n))),
    Row("an empty list", "DkronPauses", 4000, ready(lambda n: all_gone("DkronPause", {"jobs": ["a"]}, n))),
    Row("an empty list", "DkronPools", 4000, ready(lambda n: all_gone("DkronPool", {"size": 1}, n))),
    Row("a restore", "DkronPauses", 4000, ready(lambda n: all_gone("DkronPause", {}, n, restored=True))),
)
