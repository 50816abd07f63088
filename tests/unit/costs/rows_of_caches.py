"""The rows of the operator's indexes and caches."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import Mock

from dkron_crds.base import rfc3339
from dkron_crds.job import AttemptState, Ended, GroupStatus
from dkron_crds.run import BoundJob, RunStatus
from dkron_operator.cache.ended_pods import EndedPods
from dkron_operator.cache.store import Store
from dkron_operator.delivery.message_queue import QueuedMessage
from dkron_operator.delivery.outbox import Limits, Outbox
from dkron_operator.monitoring.job_states import JobStates
from dkron_operator.plan.actions import Report, Severity
from dkron_operator.plan.advance import advance
from dkron_operator.plan.situation.requested_runs import RequestedRun, RunsOfJob, read_requested_run
from dkron_operator.watch.requested_runs import run_informer
from dkron_processors.message import Message, Post
from tests.support.builders import (
    NAME,
    NAMESPACE,
    NOON,
    UID,
    Object,
    after,
    job_view,
    run,
    situation,
    wire_job,
    wire_pod,
    wire_run,
)
from tests.support.edges import Edges
from tests.support.fake_kube import FakeKube
from tests.unit.costs.cost import Prepare, Row, Step, ready
from tests.unit.costs.filled import attempts, executions, status_with, wire
from tests.unit.costs.many import (
    CLOCK,
    SCOPE,
    chained,
    children,
    dense,
    event_in,
    named,
    namesakes,
    pairs,
    plain,
    store_of,
)
from tests.unit.costs.rows_of_places import waiting


def edit_chain(count: int) -> Step:
    """An edit near the beginning of a chain, and what each plan below asks for then."""
    bodies = chained(count)
    store = store_of(*bodies)
    entries = list(store)
    for entry in entries:
        store.dependencies.around(entry.job)
    edit = event_in(store, named(1, schedule="", dependsOn=[{"job": "other"}]))

    async def step() -> None:
        edit()
        for entry in entries:
            store.dependencies.around(entry.job)
            await asyncio.sleep(0)

    return step


def edit_first(bodies: list[Object], *edits: list[str]) -> Step:
    """The first job gets these parents, and its plan; of two edits, the first one is as it was before."""
    *former, last = (named(0, schedule="", dependsOn=[{"job": parent} for parent in parents]) for parents in edits)
    store = store_of(*former, *bodies[len(former) :])
    for entry in list(store):
        store.dependencies.around(entry.job)
    edit = event_in(store, last)
    planned = store.get("uid-of-job-0")
    assert planned is not None
    return lambda: (edit(), store.dependencies.around(planned.job))


def end_of_oldest(*bodies: Object) -> Step:
    """The first one is gone, and another one gets its name."""
    store = store_of(*bodies)
    return lambda: store.remove_job(bodies[0]["metadata"]["uid"])


def scrape(*bodies: Object) -> Step:
    """The metrics of all jobs, each of which has changed."""
    store = store_of(*bodies)
    states = JobStates(store)
    for cached in store:
        assert cached.job.problem is None, "which a plan has found out before"
        states.mark_changed(cached.job.uid)
    return lambda: states.call(NOON)


def edit_last(*bodies: Object) -> Step:
    """The event of an edit of the last one."""
    return event_in(store_of(*bodies), bodies[-1])


def come_and_go(*bodies: Object) -> Step:
    """The operator hears of each of them for the first time, and then that each is gone, the newest first."""
    store = store_of()

    async def step() -> None:
        for body in bodies:
            list(store.upsert_job(body))
            await asyncio.sleep(0)
        for body in reversed(bodies):
            store.remove_job(body["metadata"]["uid"])
            await asyncio.sleep(0)

    return step


def end_of_parent(count: int) -> Step:
    """A run of the parent ends, and its next plan."""
    bodies = children(count)
    store = store_of(*bodies)
    cached = store.get("uid-of-parent")
    assert cached is not None
    ended = wire_job(
        name="parent",
        uid="uid-of-parent",
        version=9,
        status=status_with(ended=(Ended(group=1, at=NOON, status=GroupStatus.SUCCESS),)),
    )

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
        edges.store.upsert_job(named(number, status=status_with(executions=executions(5))))
    return event_in(edges.store, named(0, status=status_with(executions=executions(6))))


def listed(count: int) -> Step:
    """A list of all DkronRuns arrives."""
    informer: Any = run_informer(SCOPE.client, Store(clock=CLOCK).requested_runs, None, changed=lambda _: None)
    bodies = (wire("DkronRun", f"run-{number}", spec={"job": f"job-{number % 9}"}) for number in range(count))
    read = list(map(informer.callbacks.read, bodies))
    return lambda: informer.replace(read, 1)


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
    store = store_of(wire_job(status=status_with(active=attempts(count))))
    entries = attempts(count)
    for entry in entries:
        store.upsert_attempt(wire_run(entry))
    return lambda: list(store.on_deleted(f"uid-of-{entries[0].job}"))


def gather(count: int) -> Step:
    """The things that a plan depends on, and what the cache drops before it."""
    edges = Edges(FakeKube())
    edges.store.upsert_job(wire_job(status=status_with(active=attempts(count))))
    for entry in attempts(count):
        edges.store.upsert_attempt(wire_run(entry))
    gatherer = edges.parts.reconciler._gatherer
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
    """One look at the statuses of the DkronRuns of a job."""
    edges = Edges(FakeKube())
    found = [requested(number) for number in range(count)]
    causes = [each.cause.entry(uid=UID, name=NAME, at=each.created) for each in found]
    active = tuple(
        each.model_copy(update={"state": AttemptState.RUNNING, "uid": f"uid-of-{each.job}"}) for each in causes
    )
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


def of(bodies: Callable[[int], list[Object]], make: Callable[..., Step]) -> Prepare:
    """A step among many DkronJobs."""
    return ready(lambda count: make(*bodies(count)))


def outbox_with(count: int, *, namespaces: int = 1) -> Outbox:
    """An outbox in which so many messages wait for a receiver."""

    async def send(_: Message) -> None:
        pass

    outbox = Outbox("webhook/ops", send, Limits())
    for number in range(count):
        outbox.add(message_of(f"team-{number % namespaces}"))
    return outbox


def message_of(namespace: str) -> QueuedMessage:
    return QueuedMessage(Post(b""), namespace, False, 1, lambda _: None)


async def send_all(count: int, _: AsyncExitStack) -> Step:
    """A receiver gets all messages that wait for it."""
    outbox = outbox_with(count)

    async def step() -> None:
        running = asyncio.create_task(outbox.run())
        await outbox.empty()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    return step


async def send_other(count: int, _: AsyncExitStack) -> Step:
    """Another namespace's message is added beside them, and its turn comes."""
    outbox, arrived = outbox_with(count), asyncio.Event()
    receiver, post = outbox._send, Post(b"other")

    async def send(message: Message) -> None:
        await receiver(message)
        if message is post:
            arrived.set()
        await asyncio.sleep(0)

    outbox._send = send

    async def step() -> None:
        outbox.add(QueuedMessage(post, "other", True, 1, lambda _: None))
        running = asyncio.create_task(outbox.run())
        await arrived.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    return step


async def drop_for_each(count: int, _: AsyncExitStack) -> Step:
    """A message comes to a full queue of this many namespaces."""
    outbox = outbox_with(Limits().room, namespaces=count)
    return lambda: outbox.add(message_of("team-0"))


ROWS = (
    Row("a receiver", "messages of one namespace", 500, send_all),
    Row("another's message", "messages of one namespace", 500, send_other),
    Row("a message to a full queue", "namespaces with messages", 500, drop_for_each),
    Row("an edit", "DkronJobs in a chain", 100, ready(edit_chain)),
    Row("an edit that closes circles", "DkronJobs with many parents", 500,
        ready(lambda n: edit_first(dense(n, closed=False), [f"job-{n - 1}"]))),
    Row("an edit that opens circles", "DkronJobs with many parents", 500,
        ready(lambda n: edit_first(dense(n, closed=False), [f"job-{n - 1}"], []))),
    Row("an edit that leaves circles", "DkronJobs with many parents", 250,
        ready(lambda n: edit_first(dense(n, closed=True), []))),
    Row("an edit in circles", "DkronJobs with many parents", 500,
        ready(lambda n: edit_first(dense(n, closed=True), [f"job-{n - each}" for each in range(2, 33)]))),
    Row("an edit that splits a circle", "DkronJobs in pairs", 512, ready(lambda n: edit_first(pairs(n), ["job-1"]))),
    Row("an event", "DkronJobs of a namespace", 1000, of(plain, edit_last)),
    Row("an event", "DkronJobs of one Dkron name", 1000, of(namesakes, edit_last)),
    Row("an event", "DkronJobs after one parent", 1000, of(children, edit_last)),
    Row("an event for all parts", "DkronJobs of a namespace", 500, ready(stored)),
    Row("an end", "DkronJobs after one parent", 1000, ready(end_of_parent)),
    Row("an end", "DkronJobs of one Dkron name", 1000, of(namesakes, end_of_oldest)),
    Row("events of all", "DkronJobs", 500, of(plain, come_and_go)),
    Row("events of all", "DkronJobs of one Dkron name", 500, of(namesakes, come_and_go)),
    Row("events of all", "DkronJobs in a chain", 500, of(chained, come_and_go)),
    Row("events of all", "DkronJobs after one parent", 500, of(children, come_and_go)),
    Row("a scrape", "DkronJobs", 1000, of(plain, scrape)),
    Row("a scrape", "DkronJobs in a chain", 400, of(chained, scrape)),
    Row("a scrape", "DkronJobs after one parent", 500, of(children, scrape)),
    Row("a takeover", "DkronJobs", 500, ready(take_over)),
    Row("a due slot", "DkronJobs", 1000, ready(due)),
    Row("an Event", "Events that wait", 500, ready(report)),
    Row("a plan", "Jobs that the status does not know", 1024, ready(unknown_jobs)),
    Row("a plan is gathered", "Jobs of a DkronJob", 1024, ready(gather)),
    Row("an event", "Jobs of a DkronJob", 1024, ready(one_attempt)),
    Row("a resync", "Jobs of a DkronJob", 1024, ready(one_deletion)),
    Row("a plan", "annotations that ask for runs", 1000, ready(annotated)),
    Row("a list", "DkronRuns", 1000, ready(listed)),
    Row("an event", "DkronRuns of a job", 500, ready(one_run)),
    Row("a look", "DkronRuns of a job that go on", 200, ready(look_at_runs)),
    Row("a plan", "DkronRuns of a job", 128, ready(plan_runs)),
    Row("a plan", "DkronRuns of a job, and its line", 50,
        ready(lambda n: plan_runs(n, concurrency="queue", queue={"max": 100}, pools=["x"]))),
    Row("an event", "ended pods", 1000, ready(one_pod)),
)  # fmt: skip
