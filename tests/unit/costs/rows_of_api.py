"""The rows of the REST API's caches and lists."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack, ExitStack, suppress
from functools import partial
from unittest.mock import Mock

from dkron_api.auth.caller import Owner
from dkron_api.auth.dkron import Rules
from dkron_api.auth.kubernetes import RIGHTS, ReviewQueue
from dkron_api.cache.expiring import Kept
from dkron_api.cache.job_index import JobIndex
from dkron_api.cache.listed import Listed
from dkron_api.edge.gate import Gate
from dkron_api.edge.keys import CLUSTERS
from dkron_api.edge.places import Places
from dkron_api.edge.unsent import TOTAL, Unsent
from dkron_api.refusal import ApiError
from dkron_api.routes import backfills, charts, cluster, execution_lists, executions, jobs, pauses, reports, runs
from dkron_api.stream.event_log import EventLog
from dkron_api.stream.feed import Feed
from dkron_api.tenants.tenants import EveryTenant, TenantFactory
from dkron_crds.policy import Capability
from dkron_kube.paths import DKRON_BACKFILLS, DKRON_PAUSES, DKRON_RUNS, Resource
from tests.support.api_app import running_api
from tests.support.builders import NOON, Object
from tests.unit.costs.cost import Prepare, Row, Step, ready
from tests.unit.costs.filled import SPECS, attempts, status_with, wire
from tests.unit.costs.filled import executions as ended
from tests.unit.costs.many import chained, children, edited, named, namesakes, plain
from tests.unit.costs.rows_of_lists import got

GROUPS = (cluster, jobs, executions, execution_lists, charts, reports, runs, pauses, backfills)
QUOTA = 50
"""DkronJobs that docs/security.md allows a namespace."""
Make = Callable[[int], list[Object]]


def request(path: str, bodies: Make) -> Prepare:
    """A request, after an edit of the last one of many DkronJobs."""

    async def prepare(count: int, stack: AsyncExitStack) -> Step:
        api = await stack.enter_async_context(running_api(*(group.ROUTES for group in GROUPS)))
        found = bodies(count)
        api.know_jobs(*found)
        api.know(CLUSTERS)
        await got(api.client, path)
        api.own.job_index.object_cache.upsert(edited(found[-1]))
        return lambda: got(api.client, path)

    return prepare


def list_of(resource: Resource, kind: str) -> Prepare:
    """A list of the objects of one kind."""

    async def prepare(count: int, stack: AsyncExitStack) -> Step:
        api = await stack.enter_async_context(running_api(*(group.ROUTES for group in GROUPS)))
        api.know_jobs(named(0))
        for number in range(count):
            api.kube.put(resource, wire(kind, f"it-{number}", spec=SPECS[kind]))
        path = resource.plural.removeprefix("dkron")
        return lambda: got(api.client, f"/v1/{path}")

    return prepare


def running(count: int) -> list[Object]:
    """DkronJobs that each have a run, and an execution that has ended."""
    status = status_with(active=attempts(1), executions=ended(2)[1:])
    return [named(number, status=status) for number in range(count)]


def crowded(count: int) -> list[Object]:
    """Twenty DkronJobs that each have so many runs."""
    return [named(number, status=status_with(active=attempts(count))) for number in range(20)]


def feed_of(*bodies: Object) -> Feed:
    """The caches of a namespace, which know these DkronJobs."""
    feed = Feed(JobIndex(lambda: NOON), EventLog(), lambda: NOON)
    feed.replace(list(bodies), 1)
    return feed


def event(bodies: Make) -> Prepare:
    """The watch shows an edit of the last one."""

    def make(count: int) -> Step:
        found = bodies(count)
        feed, after = feed_of(*found), edited(found[-1])
        return lambda: feed.upsert(after)

    return ready(make)


def arrival(bodies: Make) -> Prepare:
    """A list of all arrives."""

    def make(count: int) -> Step:
        found = bodies(count)
        return lambda: feed_of(*found)

    return ready(make)


def of_all_namespaces(count: int) -> Step:
    """A list of the DkronJobs of many namespaces arrives, each of which has as many as the documented quota allows."""
    every = EveryTenant(TenantFactory(Mock(), lambda: NOON, Mock(), Mock()), "own")
    bodies = []
    for number in range(count):
        body = named(number)
        body["metadata"]["namespace"] = f"team-{number // QUOTA}"
        bodies.append(body)
    return lambda: every.replace(bodies, 1)


def all_gone(bodies: Make) -> Prepare:
    """A list without any arrives."""

    def make(count: int) -> Step:
        feed = feed_of(*bodies(count))
        return lambda: feed.replace([], 99)

    return ready(make)


def answers(count: int) -> Step:
    """An answer is kept where there is no room, and all that are kept have been used since."""
    kept: Kept[int, int] = Kept(most=count, seconds=lambda _: 1.0, clock=lambda: 0.0)
    for number in range(count):
        kept.put(number, number)
        kept.get(number)
    return lambda: kept.put(count, count)


def rules(count: int) -> Step:
    """A policy is asked about a path that none of its rules grants."""
    found = Rules({f"/v1/jobs/job-{number}": (Capability.READ,) for number in range(count)})
    return lambda: found.grant("/v1/stats", Capability.READ)


def account(number: int) -> Owner:
    """One of many accounts of a namespace."""
    return Owner("namespace a", f"account-{number}")


def unread(count: int) -> Step:
    """Each account has an unread answer, another namespace has one after each of them, and others hold the rest."""
    unsent = Unsent()

    def step() -> None:
        with ExitStack() as stack:
            for name in ("caller b", "caller c", "caller d"):
                stack.enter_context(unsent.answer(Owner(name, name), str, TOTAL // 4))
            for number in range(count):
                stack.enter_context(unsent.answer(account(number), str, TOTAL // 85))
                with unsent.answer(Owner("namespace e", ""), str, TOTAL // 64):
                    pass

    return step


def outdated(count: int) -> Step:
    """A list of which there is a newer version is sent to all of these, who end in the order in which they came."""
    listed = Listed([b"x"])
    listed.outdate()

    def step() -> None:
        stacks = [ExitStack() for _ in range(count)]
        for stack in stacks:
            stack.enter_context(listed.sending(partial(int)))
        for stack in stacks:
            stack.close()

    return step


def reviews(count: int) -> Step:
    """Each account asks for a right, and waits for its turn."""
    queue = ReviewQueue(RIGHTS)

    async def ask(number: int) -> None:
        async with queue.place(account(number)):
            await asyncio.sleep(0)

    return lambda: asyncio.gather(*map(ask, range(count)))


def streams(count: int) -> Step:
    """Each account opens a stream where all places are taken, and another namespace does after each of them."""
    places = Places(count, "streams", yielding=True)

    def step() -> None:
        with ExitStack() as stack:
            for number in range(count):
                stack.enter_context(places.take(Owner(f"namespace {number % 8}", "")))
            for number in range(count):
                with suppress(ApiError):
                    stack.enter_context(places.take(account(number)))
                with places.take(Owner("namespace e", "")):
                    pass

    return step


def in_progress(count: int) -> Step:
    """Each account sends a request that goes on, and another namespace one after each of them."""
    gate = Gate(requests=512, streams=1, rate=count, clock=lambda: 0.0)

    def step() -> None:
        with ExitStack() as stack:
            for number in range(count):
                for own in (account(number), Owner("namespace e", "")):
                    gate.spend(own)
                    with suppress(ApiError):
                        stack.enter_context(gate.handle(own))

    return step


ROWS = (
    Row("GET /v1", "runs of 20 DkronJobs", 1000, request("/v1", crowded)),
    Row("GET /v1/jobs", "DkronJobs", 500, request("/v1/jobs", plain)),
    Row("GET /v1/jobs/NAME", "DkronJobs after it", 1000, request("/v1/jobs/parent", children)),
    Row("GET /v1/jobs/NAME/details", "DkronJobs in its chain", 200, request("/v1/jobs/job-5/details", chained)),
    Row("GET /v1/busy", "DkronJobs that run", 200, request("/v1/busy", running)),
    Row("GET /v1/busy", "runs of 20 DkronJobs", 250, request("/v1/busy", crowded)),
    Row("GET /v1/executions", "DkronJobs", 200, request("/v1/executions", running)),
    Row("GET /v1/timeline", "DkronJobs", 200, request("/v1/timeline", running)),
    Row("GET /v1/skipped", "DkronJobs", 200, request("/v1/skipped", running)),
    Row("GET /v1/summary", "DkronJobs", 200, request("/v1/summary", running)),
    Row("GET /v1/failing", "DkronJobs", 200, request("/v1/failing", running)),
    Row("GET /v1/agenda", "DkronJobs", 200, request("/v1/agenda", plain)),
    Row("GET /v1/runs", "DkronRuns", 200, list_of(DKRON_RUNS, "DkronRun")),
    Row("GET /v1/pauses", "DkronPauses", 1000, list_of(DKRON_PAUSES, "DkronPause")),
    Row("GET /v1/backfills", "DkronBackfills", 200, list_of(DKRON_BACKFILLS, "DkronBackfill")),
    Row("an event of the REST API", "DkronJobs", 500, event(plain)),
    Row("an event of the REST API", "DkronJobs of one Dkron name", 500, event(namesakes)),
    Row("an event of the REST API", "DkronJobs after one parent", 500, event(children)),
    Row("a list of the REST API", "DkronJobs", 200, arrival(plain)),
    Row("a list of the REST API", "DkronJobs of all namespaces", 1000, ready(of_all_namespaces)),
    Row("a list of the REST API", "DkronJobs of one Dkron name", 200, arrival(namesakes)),
    Row("a list of the REST API", "DkronJobs after one parent", 200, arrival(children)),
    Row("an empty list of the REST API", "DkronJobs of one Dkron name", 200, all_gone(namesakes)),
    Row("a kept answer", "answers that were used", 500, ready(answers)),
    Row("an unread answer of each", "accounts of one namespace", 400, ready(unread)),
    Row("an outdated list", "answers in sending", 500, ready(outdated)),
    Row("a review of each", "accounts of one namespace", 130, ready(reviews)),
    Row("a stream of each", "accounts of one namespace", 256, ready(streams)),
    Row("a request of each", "accounts of one namespace", 256, ready(in_progress)),
    Row("a request that a policy refuses", "rules of the policy", 128, ready(rules)),
)
