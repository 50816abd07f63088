"""The rows of the lists of the contract, each full: in an event, in a plan, and in a request to the REST API."""

from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, cast
from unittest.mock import Mock

from dkron_api.auth.dkron import rules_of
from dkron_api.routes import backfills, executions, jobs, pauses, runs
from dkron_crds.cluster import ClusterStatus
from dkron_crds.policy import Capability
from dkron_kube.client import KubeClient
from dkron_kube.paths import DKRON_BACKFILLS, DKRON_PAUSES, DKRON_RUNS, Resource
from dkron_operator.backfill.controller import Backfills
from dkron_operator.backfill.view import Known
from dkron_operator.cache.requested_runs import RequestedRuns
from dkron_operator.cache.store import Store
from dkron_operator.cluster.daily_totals import DailyTotals
from dkron_operator.delivery.installation import Installation
from dkron_operator.kit.clock import Clock
from dkron_operator.pauses.index import PauseIndex
from dkron_operator.plan.advance import advance
from dkron_operator.pools.index import PoolIndex
from tests.support.api_app import running_api
from tests.support.builders import NAME, NOON, UID, nodes, run, situation, wire_job
from tests.support.fake_kube import FakeKube
from tests.unit.costs.cost import Prepare, Row, Step, ready
from tests.unit.costs.filled import FILLED, Filled

ROUTES = (jobs.ROUTES, runs.ROUTES, executions.ROUTES, pauses.ROUTES, backfills.ROUTES)
PATHS: dict[str, tuple[Resource, str]] = {
    "DkronRun": (DKRON_RUNS, "runs"),
    "DkronBackfill": (DKRON_BACKFILLS, "backfills"),
    "DkronPause": (DKRON_PAUSES, "pauses"),
}
"""Where the REST API shows the kinds that it reads on request."""


def event_of_job(filled: Filled, count: int) -> Step:
    """The operator hears of an edit of the DkronJob."""
    store = Store()
    store.upsert_job(filled.body(count))
    edited = filled.body(count, 2)
    return lambda: list(store.upsert_job(edited))


def plan(filled: Filled, count: int) -> Step:
    """A plan of the DkronJob. Its active attempts have their Jobs."""
    store = Store()
    store.upsert_job(filled.body(count))
    cached = store.get(UID)
    assert cached is not None
    assert cached.job.problem is None, cached.job.problem
    there = [run(entry) for entry in cached.status.active]
    then = situation(cached.job, cached.status, runs=there, nodes=nodes("n1", **cached.job.spec.tags))
    return lambda: advance(then)


def event_of_run(filled: Filled, count: int) -> Step:
    """The operator hears of an edit of a DkronRun."""
    known, edited = RequestedRuns(), filled.body(count, 2)
    return lambda: known.upsert(known.read(edited))  # type: ignore[arg-type]


def look_at_backfill(filled: Filled, count: int) -> Step:
    """The operator looks at a backfill under way."""
    kube, store, body = FakeKube(), Store(), filled.body(count, 2)
    for number in range(3):
        store.upsert_job(wire_job(name=f"job-{number}", uid=f"uid-of-job-{number}"))
    kube.put(DKRON_BACKFILLS, body)
    client, clock = cast("KubeClient", kube), Clock(lambda: NOON)
    found = Backfills(client, store, clock=clock, events=Mock(), may_act=lambda: True)
    found.upsert(Known.read(body))
    return lambda: found.look("uid-of-it")


def event_of_index(index: PauseIndex | PoolIndex, filled: Filled, count: int) -> Step:
    """The operator hears of an edit of a DkronPause, or of a DkronPool."""
    index.upsert(filled.body(count))
    edited = filled.body(count, 2)
    return lambda: index.upsert(edited)


def event_of_cluster(filled: Filled, count: int) -> Step:
    """The operator hears of an edit of the DkronCluster, and continues from its status."""
    installation = Installation(cast("KubeClient", FakeKube()), namespace="default", output_dir="")
    body, totals = filled.body(count), DailyTotals()

    def step() -> None:
        installation.informer.upsert(body)
        assert not installation.problems, installation.problems
        status = ClusterStatus.from_wire(body["status"])
        totals.restore(status.days, status.departed)
        totals.days(NOON.date())
        totals.departed(NOON.date())

    return step


def event_of_policy(filled: Filled, count: int) -> Step:
    """The REST API hears of an edit of a DkronPolicy, and asks it about a path that no rule grants."""
    body = filled.body(count)
    return lambda: rules_of(body).grant("/v1/stats", Capability.READ)


def request_of_job(filled: Filled) -> Prepare:
    """The REST API hears of an edit of the DkronJob, and shows it and its executions."""

    async def prepare(count: int, stack: AsyncExitStack) -> Step:
        api = await stack.enter_async_context(running_api(*ROUTES))
        api.know_jobs(filled.body(count))
        edited = filled.body(count, 2)

        async def step() -> None:
            api.own.job_index.object_cache.upsert(edited)
            await got(api.client, f"/v1/jobs/{NAME}")
            await got(api.client, f"/v1/jobs/{NAME}/executions")

        return step

    return prepare


def request_of_other(filled: Filled) -> Prepare:
    """The REST API shows the object."""
    resource, path = PATHS[filled.kind]

    async def prepare(count: int, stack: AsyncExitStack) -> Step:
        api = await stack.enter_async_context(running_api(*ROUTES))
        api.know_jobs(wire_job())
        api.kube.put(resource, filled.body(count))
        return lambda: got(api.client, f"/v1/{path}/it")

    return prepare


async def got(client: Any, path: str) -> None:
    """The answer to a request, read to its end."""
    async with client.get(path) as answer:
        assert answer.status == 200, await answer.text()
        await answer.read()


EVENTS: dict[str, Callable[[Filled, int], Step]] = {
    "DkronJob": event_of_job,
    "DkronRun": event_of_run,
    "DkronBackfill": look_at_backfill,
    "DkronPause": lambda *of: event_of_index(PauseIndex("default", now=lambda: NOON), *of),
    "DkronPool": lambda *of: event_of_index(PoolIndex("default"), *of),
    "DkronCluster": event_of_cluster,
    "DkronPolicy": event_of_policy,
}


def _rows() -> Iterator[Row]:
    for filled in FILLED:
        things, n = filled.path, filled.half
        yield Row("an event", things, n, ready(partial(EVENTS[filled.kind], filled)))
        if filled.kind == "DkronJob":
            yield Row("a plan", things, n, ready(partial(plan, filled)))
            yield Row("a request", things, n, request_of_job(filled))
        if filled.kind in PATHS:
            yield Row("a request", things, n, request_of_other(filled))


ROWS = tuple(_rows())
