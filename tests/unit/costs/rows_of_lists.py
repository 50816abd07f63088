"""The rows of single lists: each list of the contract, full, in a plan, in an event, and in a request."""

from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any, cast
from unittest.mock import Mock

from dkron_api.routes import backfills, executions, jobs, pauses, runs
from dkron_crds import status as bounds
from dkron_crds.backfill import (
    MAX_ACTIVE_RUNS,
    MAX_FAILED_RUNS,
    MAX_RUNS,
    MAX_TARGETS,
    BackfillPlan,
    BackfillRun,
    BackfillStatus,
    BackfillTarget,
)
from dkron_crds.base import StatusModel, rfc3339
from dkron_crds.conditions import MAX_CONDITIONS
from dkron_crds.depends import MAX_PARENTS
from dkron_crds.parameters import MAX_PARAMETERS
from dkron_crds.pause import MAX_PAUSED_NAMES, PauseStatus
from dkron_crds.pool import MAX_POOL_NAMESPACES, SHOWN_IN_LINE, PoolStatus, WaitingRun
from dkron_crds.run import MAX_SHOWN_ATTEMPTS, RunAttempt, RunStatus
from dkron_kube.client import KubeClient
from dkron_kube.paths import DKRON_BACKFILLS, DKRON_PAUSES, DKRON_RUNS, Resource
from dkron_operator.backfill.controller import Backfills
from dkron_operator.backfill.view import Known
from dkron_operator.cache.requested_runs import RequestedRuns
from dkron_operator.cache.store import Store
from dkron_operator.kit.clock import Clock
from dkron_operator.pauses.index import PauseIndex
from dkron_operator.plan.advance import advance
from dkron_operator.pools.index import PoolIndex
from tests.support.api_app import running_api
from tests.support.builders import NAME, NOON, UID, Object, after, nodes, run, situation, wire_job
from tests.support.fake_kube import FakeKube
from tests.unit.costs.cost import Prepare, Row, Step
from tests.unit.costs.filled import SPEC, STATUS, conditions, slots, status_with, wire

ROUTES = (jobs.ROUTES, runs.ROUTES, executions.ROUTES, pauses.ROUTES, backfills.ROUTES)

HALF_OF_STATUS = {
    "active": bounds.MAX_ACTIVE // 2,
    "counted": bounds.MAX_COUNTED // 2,
    "executions": bounds.MAX_EXECUTIONS // 2,
    "undelivered": bounds.MAX_EXECUTIONS // 2,
    "unarchived.executions": bounds.MAX_EXECUTIONS // 2,
    "unarchived.skipped": bounds.MAX_SKIPPED_RANGES // 2,
    "refused": bounds.MAX_REFUSED // 2,
    "ranAhead": bounds.MAX_RAN_AHEAD // 2,
    "window.slots": bounds.MAX_AHEAD // 2,
    "deferred": bounds.MAX_DEFERRED // 2,
    "dependentJobs": bounds.MAX_DEPENDENTS // 2,
    "ended": bounds.MAX_ENDED // 2,
    "heard": bounds.MAX_HEARD // 2,
    "consumed": MAX_PARENTS // 2,
    "days": 3,
    "conditions": MAX_CONDITIONS // 2,
}
HALF_OF_SPEC = {
    "dependsOn": MAX_PARENTS // 2, "parameters": MAX_PARAMETERS // 2, "parameters.values": 32, "pools": 2,
    "processors": 8, "tags": 16,
}  # fmt: skip


def filled_job(path: str, count: int, *, version: int = 1) -> Object:
    """A DkronJob in which the list at this path has so many entries."""
    part, _, name = path.partition(".")
    spec = SPEC[name](count) if part == "spec" else {}
    if name in ("heard", "consumed"):
        spec = SPEC["dependsOn"](MAX_PARENTS)
    status = status_with(**STATUS[name](count)) if part == "status" else status_with()
    return wire_job(status=status, version=version, generation=version, **spec)


def event(path: str) -> Prepare:
    """The operator hears of an edit of the DkronJob."""

    async def prepare(count: int, _: AsyncExitStack) -> Step:
        store = Store()
        store.upsert_job(filled_job(path, count))
        edited = filled_job(path, count, version=2)
        return lambda: list(store.upsert_job(edited))

    return prepare


def plan(path: str) -> Prepare:
    """A plan of the DkronJob. Its active attempts have their Jobs."""

    async def prepare(count: int, _: AsyncExitStack) -> Step:
        store = Store()
        store.upsert_job(filled_job(path, count))
        cached = store.get(UID)
        assert cached is not None
        there = [run(entry) for entry in cached.status.active]
        assert cached.job.problem is None, cached.job.problem
        then = situation(cached.job, cached.status, runs=there, nodes=nodes("n1", **cached.job.spec.tags))
        return lambda: advance(then)

    return prepare


def request(path: str) -> Prepare:
    """The REST API hears of an edit of the DkronJob, and shows it and its executions."""

    async def prepare(count: int, stack: AsyncExitStack) -> Step:
        api = await stack.enter_async_context(running_api(*ROUTES))
        api.know_jobs(filled_job(path, count))
        edited = filled_job(path, count, version=2)

        async def step() -> None:
            api.own.job_index.object_cache.upsert(edited)
            for shown in ("", "/executions"):
                async with api.client.get(f"/v1/jobs/{NAME}{shown}") as answer:
                    assert answer.status == 200, await answer.text()
                    await answer.read()

        return step

    return prepare


def _of_jobs() -> Iterator[Row]:
    halves = {f"status.{name}": n for name, n in HALF_OF_STATUS.items()}
    halves |= {f"spec.{name}": n for name, n in HALF_OF_SPEC.items()}
    for path, n in halves.items():
        for step, prepare in (("an event", event), ("a plan", plan), ("a request", request)):
            yield Row(step=step, things=path, n=n, prepare=prepare(path), lists=(f"DkronJob.{path}",))


# --- the other kinds -------------------------------------------------------------------------------------------------


def _attempts(count: int) -> Object:
    return {"attempts": tuple(RunAttempt(job=f"j-{n}", attempt=n + 1, started_at=NOON) for n in range(count))}


def _backfill(*, active: int = 0, failed: int = 0, targets: int = 1, each: int = 10) -> BackfillStatus:
    """A backfill under way."""
    found = tuple(
        BackfillTarget(job=f"job-{n}", uid=f"uid-of-job-{n}", slots=tuple(slots(each)[::-1])) for n in range(targets)
    )
    shown = [BackfillRun(run=f"run-{n}", uid=f"uid-of-run-{n}", job="job-0", slot=after(-n)) for n in range(128)]
    return BackfillStatus(
        plan=BackfillPlan(count=targets * each, jobs=targets), targets=found, active_runs=tuple(shown[:active]),
        failed_runs=tuple(shown[:failed]), started_at=NOON, observed_generation=1,
    )  # fmt: skip


def _values(count: int) -> Object:
    return {"parameters": {f"p{number}": "a" for number in range(count)}}


RUN: Object = {"job": NAME}
BACKFILL: Object = {"job": NAME, "from": rfc3339(after(hours=-9)), "to": rfc3339(NOON), "parallelism": 1}
Make = Any


def _object(kind: str, part: str, make: Make, base: Object) -> Any:
    """Makes an object of which one part is filled."""

    def build(count: int, version: int = 1) -> Object:
        made = make(count)
        status = made.to_wire() if isinstance(made, StatusModel) else {}
        spec = {**base, **(made if part == "spec" else {})}
        return wire(kind, "it", version=version, spec=spec, status=status)

    return build


OTHERS: tuple[tuple[str, str, int, Make], ...] = (
    ("DkronRun", "spec.parameters", MAX_PARAMETERS // 2, _values),
    ("DkronRun", "status.attempts", MAX_SHOWN_ATTEMPTS // 2, lambda n: RunStatus(**_attempts(n), group=1)),
    ("DkronRun", "status.conditions", 2, lambda n: RunStatus(**conditions(n))),
    ("DkronBackfill", "spec.parameters", MAX_PARAMETERS // 2, _values),
    ("DkronBackfill", "spec.selector", 8, lambda n: {"job": None, "selector": {f"l{i}": "a" for i in range(n)}}),
    ("DkronBackfill", "status.targets", MAX_TARGETS // 2, lambda n: _backfill(targets=n, each=1)),
    ("DkronBackfill", "status.targets.slots", MAX_RUNS // 2, lambda n: _backfill(each=n)),
    ("DkronBackfill", "status.activeRuns", MAX_ACTIVE_RUNS // 2, lambda n: _backfill(active=n)),
    ("DkronBackfill", "status.failedRuns", MAX_FAILED_RUNS // 2, lambda n: _backfill(failed=n)),
    ("DkronBackfill", "status.conditions", 2, lambda n: BackfillStatus(**conditions(n))),
    ("DkronPause", "spec.jobs", MAX_PAUSED_NAMES // 2, lambda n: {"jobs": [f"job-{i}" for i in range(n)]}),
    ("DkronPause", "spec.selector", 8, lambda n: {"selector": {f"l{i}": "a" for i in range(n)}}),
    ("DkronPause", "status.conditions", 2, lambda n: PauseStatus(**conditions(n))),
    ("DkronPool", "spec.namespaces", MAX_POOL_NAMESPACES // 2, lambda n: {"namespaces": [f"ns-{i}" for i in range(n)]}),
    ("DkronPool", "status.conditions", 2, lambda n: PoolStatus(**conditions(n))),
    ("DkronPool", "status.line", SHOWN_IN_LINE // 2, lambda n: PoolStatus(line=tuple(
        WaitingRun(namespace="default", job=NAME, id=f"{i}", queued_at=NOON) for i in range(n)
    ))),
)  # fmt: skip
BASE: dict[str, Object] = {"DkronRun": RUN, "DkronBackfill": BACKFILL, "DkronPause": {}, "DkronPool": {"size": 1}}
PATHS: dict[str, tuple[Resource, str]] = {
    "DkronRun": (DKRON_RUNS, "runs"), "DkronBackfill": (DKRON_BACKFILLS, "backfills"),
    "DkronPause": (DKRON_PAUSES, "pauses"),
}  # fmt: skip


def event_of_other(kind: str, build: Any) -> Prepare:
    """The operator hears of an edit, and looks at it where it is looked at one by one."""

    async def prepare(count: int, _: AsyncExitStack) -> Step:
        before, edited = build(count), build(count, 2)
        if kind == "DkronBackfill":
            return await _look_at_backfill(edited)
        if kind == "DkronRun":
            known = RequestedRuns()
            return lambda: known.upsert(known.read(edited))  # type: ignore[arg-type]
        index = PauseIndex("default", now=lambda: NOON) if kind == "DkronPause" else PoolIndex("default")
        index.upsert(before)
        return lambda: index.upsert(edited)

    return prepare


async def _look_at_backfill(body: Object) -> Step:
    kube, store = FakeKube(), Store()
    for number in range(3):
        store.upsert_job(wire_job(name=f"job-{number}", uid=f"uid-of-job-{number}"))
    kube.put(DKRON_BACKFILLS, body)
    client, clock = cast("KubeClient", kube), Clock(lambda: NOON)
    backfills_ = Backfills(client, store, clock=clock, events=Mock(), may_act=lambda: True)
    backfills_.upsert(Known.read(body))
    return lambda: backfills_.look("uid-of-it")


def request_of_other(kind: str, build: Any) -> Prepare:
    """The REST API shows it."""

    async def prepare(count: int, stack: AsyncExitStack) -> Step:
        resource, path = PATHS[kind]
        api = await stack.enter_async_context(running_api(*ROUTES))
        api.know_jobs(wire_job())
        api.kube.put(resource, build(count))

        async def step() -> None:
            async with api.client.get(f"/v1/{path}/it") as answer:
                assert answer.status == 200, await answer.text()
                await answer.read()

        return step

    return prepare


def _of_others() -> Iterator[Row]:
    for kind, path, n, make in OTHERS:
        part = path.partition(".")[0]
        build = _object(kind, part, make, BASE[kind])
        row = Row(step="an event", things=f"{kind} {path}", n=n, prepare=event_of_other(kind, build), lists=(f"{kind}.{path}",))
        yield row
        if kind in PATHS:
            yield replace(row, step="a request", prepare=request_of_other(kind, build))


ROWS = (*_of_jobs(), *_of_others())
