"""The rows of the operator beside those of single lists: its indexes and its caches."""

import asyncio
import copy
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast
from unittest.mock import Mock

from dkron_crds.base import rfc3339
from dkron_crds.job import Active, JobStatus
from dkron_crds.run import BoundJob, RunStatus
from dkron_kube.client import KubeClient
from dkron_operator.cache.ended_pods import EndedPods
from dkron_operator.cache.store import Store
from dkron_operator.kit.clock import Clock
from dkron_operator.monitoring.job_states import JobStates
from dkron_operator.pauses.informer import Pauses
from dkron_operator.pauses.status import PauseStatuses
from dkron_operator.plan.actions import Report, Severity
from dkron_operator.plan.advance import advance
from dkron_operator.plan.line_changes import queued
from dkron_operator.plan.pools import Places
from dkron_operator.plan.read import read_job
from dkron_operator.plan.requested_run import RequestedRun, RunsOfJob, read_requested_run
from dkron_operator.pools.informer import Pools
from dkron_operator.pools.status import PoolStatuses
from dkron_operator.watch.followed import Scope
from dkron_operator.watch.requested_runs import run_informer
from tests.support.builders import (
    NAME,
    NAMESPACE,
    NOON,
    UID,
    Object,
    after,
    claim,
    job_view,
    nodes,
    run,
    situation,
    wire_job,
    wire_pod,
    wire_run,
)
from tests.support.edges import Edges
from tests.support.fake_kube import FakeKube
from tests.unit.costs.cost import Prepare, Row, Step
from tests.unit.costs.filled import STATUS, attempts, status_with, wire

CLOCK = Clock(lambda: NOON, lambda: 0.0)
SCOPE = Scope(cast("KubeClient", FakeKube()), (), "home", CLOCK)


def ready(make: Callable[[int], Step]) -> Prepare:
    """For a step that needs nothing to be closed."""

    async def prepare(count: int, _: AsyncExitStack) -> Step:
        return make(count)

    return prepare


def named(number: int, *, title: str = "", **fields: Any) -> Object:
    """A DkronJob of many. `title` is its Dkron name, if that is another one."""
    body = wire_job(name=f"job-{number}", uid=f"uid-of-job-{number}", **fields)
    if title:
        body["spec"]["name"] = title
    return body


def store_of(*bodies: Object) -> Store:
    """A store that knows these DkronJobs."""
    store = Store(clock=CLOCK)
    for body in bodies:
        store.upsert_job(body)
    return store


def upsert_edited(store: Store, body: Object) -> Step:
    """The event of an edit of this DkronJob."""
    body["metadata"] |= {"resourceVersion": "9", "generation": 9}
    return lambda: list(store.upsert_job(body))


# --- lines and pools -------------------------------------------------------------------------------------------------


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
    status = status_with(fingerprint=job.fingerprint, active=waiting(runs, members), last_schedule_time=NOON)
    found = nodes(*(f"n{member}" for member in range(members)), dc="a")
    then = situation(job, status, nodes=found, places=Places(free=False))
    return lambda: advance(then)


def pools_of(jobs: int, runs: int, *, size: int) -> tuple[Pools, Store]:
    """Jobs whose runs wait for places of two pools that order them differently."""
    store = Store(clock=CLOCK)
    pools = Pools(SCOPE, store, requeue=lambda _: None)
    for name, order in (("a", "fifo"), ("b", "priority")):
        pools.index.upsert(wire("DkronPool", name, spec={"size": 0, "order": order}))
    for number in range(jobs):
        store.upsert_job(named(number, pools=["a", "b"], priority=number, concurrency="allow"))
        cached = store.get(f"uid-of-job-{number}")
        assert cached is not None
        entries = [queued(claim(after(each), uid=cached.job.uid, name=cached.job.name), after(each)) for each in range(runs)]
        status = JobStatus(active=tuple(entries))
        plan = Mock(create=None, status=status, ready=entries)
        plan.situation = Mock(unconfirmed_create=None, attempts={}, incomplete=False)
        pools.places.settle(cached, plan)
    for name, order in (("a", "fifo"), ("b", "priority")):
        pools.index.upsert(wire("DkronPool", name, version=2, spec={"size": size, "order": order}))
    return pools, store


def grant(places: int, *, jobs: int = 20, runs: int = 20) -> Step:
    """Two pools get places at once."""
    pools, _ = pools_of(jobs, runs, size=places)
    (workers,) = pools.workers
    return lambda: workers.work(NAMESPACE)


def end_of_run(count: int) -> Step:
    """A job whose runs wait goes, and its neighbours' lines are looked at."""
    pools, _ = pools_of(count, 20, size=0)
    return lambda: pools.places.forget("uid-of-job-0")


def sweep_pools(count: int) -> Step:
    """The statuses of all pools."""
    pools, _ = pools_of(20, 5, size=0)
    for number in range(count):
        pools.index.upsert(wire("DkronPool", f"pool-{number}", spec={"size": 1}))
    statuses = PoolStatuses(SCOPE.client, pools, home="home", clock=CLOCK, may_act=lambda: True)
    return lambda: _all(statuses._wanted())  # noqa: SLF001 - a sweep without its writes


def sweep_pauses(count: int, jobs: int = 10) -> Step:
    """The statuses of all pauses."""
    store = store_of(*map(named, range(jobs)))
    pauses = Pauses(SCOPE, store, requeue=lambda _: None)
    for number in range(count):
        pauses.index.upsert(wire("DkronPause", f"pause-{number}", spec={"jobs": ["job-0"]}))
    statuses = PauseStatuses(SCOPE.client, pauses, store, home="home", clock=CLOCK, may_act=lambda: True)
    return lambda: _all(statuses._wanted())  # noqa: SLF001 - a sweep without its writes


async def _all(found: Any) -> None:
    async for _ in found:
        pass


# --- jobs of a namespace, by names that tenants choose ----------------------------------------------------------------


def chained(count: int) -> list[Object]:
    """Jobs that each run after the one before."""
    after_another = ({"schedule": "", "dependsOn": [{"job": f"job-{number - 1}"}]} for number in range(1, count))
    return [named(0), *(named(number, **spec) for number, spec in enumerate(after_another, 1))]


def edit_chain(count: int) -> Step:
    """An edit near the beginning of a chain, and what each plan below asks for then."""
    bodies = chained(count)
    store = store_of(*bodies)
    entries = list(store)
    for entry in entries:
        store.dependencies.around(entry.job)
    edit = upsert_edited(store, named(1, schedule="", dependsOn=[{"job": "other"}]))

    async def step() -> None:
        edit()
        for entry in entries:
            store.dependencies.around(entry.job)
            await asyncio.sleep(0)

    return step


def scrape(*bodies: Object) -> Step:
    """The metrics of all jobs, after an edit of one."""
    store = store_of(*bodies)
    states = JobStates(store)
    for cached in store:
        states.mark_changed(cached.job.uid)
    return lambda: states.call(NOON)


def edit_one(*bodies: Object) -> Step:
    """The event of an edit of the last one."""
    return upsert_edited(store_of(*bodies), copy.deepcopy(bodies[-1]))


def namesakes(count: int) -> list[Object]:
    """Jobs that want one Dkron name."""
    return [named(number, title="same") for number in range(count)]


def children(count: int) -> list[Object]:
    """Jobs that run after one job, which is the last."""
    found = [named(number, schedule="", dependsOn=[{"job": "parent"}]) for number in range(count)]
    return [*found, wire_job(name="parent", uid="uid-of-parent", status=status_with())]


def end_of_parent(count: int) -> Step:
    """A run of the parent ends, and its next plan."""
    bodies = children(count)
    store = store_of(*bodies)
    cached = store.get("uid-of-parent")
    assert cached is not None
    ended = wire_job(name="parent", uid="uid-of-parent", version=9, status=status_with(**STATUS["ended"](1)))

    def step() -> None:
        list(store.upsert_job(ended))
        around = store.dependencies.around(cached.job)
        advance(situation(cached.job, cached.status, dependencies=around))

    return step


def take_over(count: int) -> Step:
    """A replica begins to act."""
    edges = Edges(FakeKube())
    for number in range(count):
        edges.store.upsert_job(named(number))
    return lambda: edges.parts.take_over(idle=timedelta(), new_term=True)


def due(count: int) -> Step:
    """A job is planned for later, when many are."""
    edges = Edges(FakeKube())
    for number in range(count):
        edges.parts.due_queue.set(f"job-{number}", after(number))
    return lambda: edges.parts.due_queue.set("another", NOON)


def report(count: int) -> Step:
    """An Event, when many wait."""
    edges = Edges(FakeKube())
    views = [job_view(name=f"job-{number}", uid=f"uid-{number}") for number in range(count + 1)]
    for view in views[1:]:
        edges.events.report(view, Report(Severity.NORMAL, "Any", "text"))
    return lambda: edges.events.report(views[0], Report(Severity.NORMAL, "Any", "text"))


def stored(count: int) -> Step:
    """All parts hear of the status of one job among many."""
    edges = Edges(FakeKube(), archive=Mock())
    for number in range(count):
        edges.store.upsert_job(named(number, status=status_with(**STATUS["executions"](5))))
    return upsert_edited(edges.store, named(0, status=status_with(**STATUS["executions"](6))))


def labelled_pauses(count: int) -> Step:
    """Which pauses select a job."""
    pauses = Pauses(SCOPE, Store(clock=CLOCK), requeue=lambda _: None)
    for number in range(count):
        pauses.index.upsert(wire("DkronPause", f"pause-{number}", spec={"selector": {"team": "a"}}))
    body = wire_job()
    body["metadata"]["labels"] = {"team": "a"}
    view = read_job(body)
    return lambda: pauses.index.selecting(view)


def listed(kind: str, count: int) -> Step:
    """A list of all arrives."""
    store = Store(clock=CLOCK)
    if kind == "DkronRun":
        informer: Any = run_informer(SCOPE.client, store.requested_runs, None, changed=lambda _: None)
        bodies = [wire(kind, f"run-{number}", spec={"job": f"job-{number % 9}"}) for number in range(count)]
    else:
        followed: Any = (Pauses if kind == "DkronPause" else Pools)(SCOPE, store, requeue=lambda _: None)
        (informer,) = followed.informers
        spec: Object = {"jobs": ["a"]} if kind == "DkronPause" else {"size": 1}
        bodies = [wire(kind, f"it-{number}", spec=spec) for number in range(count)]
    read = list(map(informer.callbacks.read, bodies))
    return lambda: informer.replace(read, 1)


# --- Jobs, requests and pods of one DkronJob --------------------------------------------------------------------------


def unknown_jobs(count: int) -> Step:
    """The first plan of a job after a loss of its status: the Jobs are there."""
    there = [run(entry) for entry in attempts(count)]
    then = situation(job_view(), status_with(), runs=there)
    return lambda: advance(then)


def one_attempt(count: int) -> Step:
    """An event of one Job among many of its DkronJob."""
    store = store_of(wire_job(status=status_with()))
    entries = attempts(count)
    for entry in entries:
        store.upsert_attempt(wire_run(entry))
    another = wire_run(entries[-1], version=2, status={"active": 1})
    return lambda: list(store.upsert_attempt(another))


def one_deletion(count: int) -> Step:
    """The resync finds that one Job is gone."""
    store = store_of(wire_job(status=status_with(**STATUS["active"](count))))
    entries = attempts(count)
    for entry in entries:
        store.upsert_attempt(wire_run(entry))
    return lambda: list(store.on_deleted(f"uid-of-{entries[0].job}"))


def gather(count: int) -> Step:
    """What a plan depends on, and what the cache drops before it."""
    edges = Edges(FakeKube())
    edges.store.upsert_job(wire_job(status=status_with(**STATUS["active"](count))))
    for entry in attempts(count):
        edges.store.upsert_attempt(wire_run(entry))
    gatherer = edges.parts.reconciler._gatherer  # noqa: SLF001 - the parts of a plan before the plan
    cached = edges.entry()

    def step() -> None:
        gatherer.prune(cached)
        gatherer.situation(cached)

    return step


def annotated(count: int) -> Step:
    """An event and a plan of a job with annotations that ask for runs."""
    store = Store(clock=CLOCK)
    body = wire_job(schedule="@manually", requests={f"r{number}": rfc3339(NOON) for number in range(count)})

    def step() -> None:
        list(store.upsert_job(body))
        cached = store.get(UID)
        assert cached is not None
        advance(situation(cached.job, status_with(fingerprint=cached.job.fingerprint)))

    return step


def requested(number: int, **status: Any) -> RequestedRun:
    """One of many DkronRuns of a job."""
    bound = RunStatus(dkron_job=BoundJob(name=NAME, uid=UID), **status)
    body = wire("DkronRun", f"run-{number}", spec={"job": NAME}, status=bound.to_wire())
    found = read_requested_run(body, with_values=True)
    assert found is not None
    return found


def plan_runs(count: int, **spec: Any) -> Step:
    """A plan of a job with DkronRuns that were not decided."""
    job = job_view(schedule="@manually", **spec)
    runs = RunsOfJob(undecided=tuple(map(requested, range(count))), listed=True)
    status = status_with(fingerprint=job.fingerprint, active=waiting(count) if spec else ())
    then = replace(situation(job, status), runs=runs)
    return lambda: advance(then)


def look_at_runs(count: int) -> Step:
    """What the statuses of the DkronRuns of a job should say."""
    edges = Edges(FakeKube())
    found = [requested(number) for number in range(count)]
    causes = [each.cause.entry(uid=UID, name=NAME, at=each.created) for each in found]
    active = tuple(each.model_copy(update={"uid": f"uid-of-{each.job}"}) for each in causes)
    edges.store.upsert_job(wire_job(status=status_with(active=active)))
    for each in found:
        edges.store.requested_runs.upsert(replace(each, status=each.status.model_copy(update={"group": each.group})))
    looks = edges.parts.effects.runs.workers[0]
    return lambda: looks.work((NAMESPACE, NAME))


def one_run(count: int) -> Step:
    """An event of one DkronRun among many of its job."""
    store = store_of(wire_job(status=status_with()))
    for number in range(count):
        store.requested_runs.upsert(requested(number))
    another = replace(requested(0), version=2)
    return lambda: (store.requested_runs.upsert(another), store.requested_runs.of_job((NAMESPACE, NAME)))


def one_pod(count: int) -> Step:
    """An event of an ended pod, when as many are kept as there is room for."""
    pods = EndedPods()
    for number in range(count):
        pods.upsert(wire_pod(name=f"pod-{number}", phase="Failed", of=f"job-{number}"))
    another = wire_pod(name="another", phase="Failed", of="another")
    return lambda: pods.upsert(another)


ROWS = (
    Row(step="a plan", things="runs in line with ten members", n=50, prepare=ready(lambda n: plan_line(n, members=10))),
    Row(step="a plan", things="members that leave the line", n=50,
        prepare=ready(lambda n: plan_line(n, members=10, disabled=True))),
    Row(step="a grant", things="places of two pools that order differently", n=100, prepare=ready(grant)),
    Row(step="a grant", things="jobs in line of two pools that order differently", n=20,
        prepare=ready(lambda n: grant(50, jobs=n))),
    Row(step="an end", things="jobs in line of two pools", n=25, prepare=ready(end_of_run)),
    Row(step="a sweep", things="DkronPools", n=500, prepare=ready(sweep_pools)),
    Row(step="a sweep", things="DkronPauses", n=2000, prepare=ready(sweep_pauses)),
    Row(step="a sweep of DkronPauses", things="DkronJobs", n=1000, prepare=ready(lambda n: sweep_pauses(10, n))),
    Row(step="an edit", things="DkronJobs in a chain", n=100, prepare=ready(edit_chain)),
    Row(step="a scrape", things="DkronJobs in a chain", n=100, prepare=ready(lambda n: scrape(*chained(n)))),
    Row(step="a scrape", things="DkronJobs", n=1000, prepare=ready(lambda n: scrape(*map(named, range(n))))),
    Row(step="an event", things="DkronJobs of a namespace", n=1000, prepare=ready(lambda n: edit_one(*map(named, range(n))))),
    Row(step="an event", things="DkronJobs of one Dkron name", n=1000, prepare=ready(lambda n: edit_one(*namesakes(n)))),
    Row(step="an event", things="DkronJobs after one parent", n=1000, prepare=ready(lambda n: edit_one(*children(n)))),
    Row(step="an end", things="DkronJobs after one parent", n=1000, prepare=ready(end_of_parent)),
    Row(step="an event for all parts", things="DkronJobs of a namespace", n=500, prepare=ready(stored)),
    Row(step="a takeover", things="DkronJobs", n=500, prepare=ready(take_over)),
    Row(step="a due slot", things="DkronJobs", n=1000, prepare=ready(due)),
    Row(step="an Event", things="Events that wait", n=500, prepare=ready(report)),
    Row(step="a plan", things="DkronPauses that select the job", n=128, prepare=ready(labelled_pauses)),
    Row(step="a list", things="DkronPauses", n=500, prepare=ready(lambda n: listed("DkronPause", n))),
    Row(step="a list", things="DkronPools", n=500, prepare=ready(lambda n: listed("DkronPool", n))),
    Row(step="a list", things="DkronRuns", n=1000, prepare=ready(lambda n: listed("DkronRun", n))),
    Row(step="a plan", things="Jobs that the status does not know", n=1024, prepare=ready(unknown_jobs)),
    Row(step="a plan is gathered", things="Jobs of a DkronJob", n=1024, prepare=ready(gather)),
    Row(step="an event", things="Jobs of a DkronJob", n=1024, prepare=ready(one_attempt)),
    Row(step="a resync", things="Jobs of a DkronJob", n=1024, prepare=ready(one_deletion)),
    Row(step="a plan", things="annotations that ask for runs", n=1000, prepare=ready(annotated)),
    Row(step="a plan", things="DkronRuns of a job", n=128, prepare=ready(plan_runs)),
    Row(step="a plan", things="DkronRuns of a job, and its line", n=50,
        prepare=ready(lambda n: plan_runs(n, concurrency="queue", queue={"max": 100}, pools=["x"]))),
    Row(step="a look", things="DkronRuns of a job that go on", n=200, prepare=ready(look_at_runs)),
    Row(step="an event", things="DkronRuns of a job", n=500, prepare=ready(one_run)),
    Row(step="an event", things="ended pods", n=1000, prepare=ready(one_pod)),
)  # fmt: skip
