"""DkronPools as watches tell of them, the jobs that a change concerns, and the statuses of the pools."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any, cast

import pytest

from dkron_crds.job import AttemptState, JobStatus
from dkron_kube.client import KubeClient
from dkron_kube.errors import KubeError, NotFound, Rejected, Unavailable
from dkron_kube.paths import DKRON_POOLS
from dkron_operator.act.status_sweep import DEBOUNCE, StatusSweep
from dkron_operator.cache.store import Store
from dkron_operator.kit.clock import Clock
from dkron_operator.plan.situation.cause import scheduled
from dkron_operator.plan.situation.pools import NO_POOLS
from dkron_operator.pools.informer import Pools
from dkron_operator.watch.followed import Scope
from tests.support.builders import NAMESPACE, NOON, after, job_view, wire_job
from tests.support.edges import until, wall
from tests.support.fake_kube import FakeKube
from tests.support.kstatus import kstatus
from tests.unit.operator_side.test_pool_places import wire_pool

pytestmark = pytest.mark.looptime
SHARED = job_view(uid="shared", name="shared", pools=["db"])
FORBIDDEN = Rejected('cannot list resource "dkronpools"', status=403)


class Scene:
    """A job with a pool and one without, in the operator's own namespace."""

    def __init__(self) -> None:
        self.kube, self.store = FakeKube(), Store()
        self.requeued: list[str] = []
        running = scheduled(after(minutes=1)).entry(uid="shared", name="shared", at=NOON)
        status = JobStatus(active=(running.model_copy(update={"state": AttemptState.RUNNING, "uid": "u"}),))
        self.store.upsert_job(wire_job(name="shared", uid="shared", pools=["db"], status=status))
        self.store.upsert_job(wire_job(name="other", uid="other"))
        clock = Clock(wall, lambda: asyncio.get_running_loop().time())
        client = cast("KubeClient", self.kube)
        self.pools = Pools(Scope(client, (NAMESPACE,), NAMESPACE, clock), self.store, requeue=self.requeued.append)
        self.statuses = StatusSweep(client, self.pools, may_act=lambda: True)
        self.pools.places.renew()

    def put(self, name: str, size: object = 1, **fields: Any) -> None:
        """A pool is there, and the watch tells it."""
        self.pools.informers[0].upsert(self.kube.put(DKRON_POOLS, wire_pool(name, size, **fields)))

    def told(self, name: str) -> dict[str, Any]:
        return cast("dict[str, Any]", self.kube.has(DKRON_POOLS, name).get("status") or {})

    async def run(self, stack: AsyncExitStack) -> None:
        for work in (self.pools.workers[0].run, self.statuses.run):
            stack.callback(asyncio.create_task(work()).cancel)


@pytest.mark.parametrize(
    ("error", "known", "exists"),
    [
        pytest.param(None, True, True, id="a list"),
        pytest.param(Unavailable("no answer"), False, False, id="no answer: wait"),
        pytest.param(FORBIDDEN, True, False, id="no right: no pool exists"),
        pytest.param(NotFound("no such kind"), True, False, id="no such kind: nor here"),
    ],
)
async def test_pools_known_at_the_start(error: KubeError | None, *, known: bool, exists: bool) -> None:
    scene = Scene()
    scene.kube.put(DKRON_POOLS, wire_pool("db"))
    if error is not None:
        scene.kube.fail("list dkronpools", error)
    assert scene.pools.places_of(SHARED) is None
    assert scene.pools.places_of(job_view(uid="other")) is NO_POOLS, "a job without pools asks for none"
    await scene.pools.read()
    places = scene.pools.places_of(SHARED)
    assert (places is not None, places is not None and places.problem is None) == (known, exists)


async def test_jobs_that_name_pools_are_looked_at() -> None:
    scene = Scene()
    async with AsyncExitStack() as stack:
        await scene.run(stack)
        assert scene.pools.places_of(SHARED) is None
        await scene.pools.read()
        await until(1)
        assert scene.requeued == ["shared"], "those that have waited for the list"
        scene.put("db")
        await until(2)
        scene.put("db", 3, version=2)
        await until(3)
        assert scene.requeued == ["shared"] * 3
        scene.put("db", 3, namespace="team")
        await until(4)
        assert scene.requeued == ["shared"] * 3, "another namespace's"


async def test_status_of_a_pool_follows_the_jobs() -> None:
    scene = Scene()
    await scene.pools.read()
    async with AsyncExitStack() as stack:
        await scene.run(stack)
        scene.put("db", 2)
        scene.put("bad", "?")
        scene.put("elsewhere", namespaces=["web"], namespace="team")
        await until(3 * DEBOUNCE)
        told = scene.told("db")
        assert (told["size"], told["running"], told["waiting"]) == (2, 1, 0)
        assert told["message"] == "1 of 2 in use; no run waits"
        assert scene.told("bad")["message"].startswith("the pool has no effect: spec.size: ")
        where = f"only in the namespace of the operator, {NAMESPACE}"
        remark = f"namespaces and perNamespace have no effect here, {where}"
        assert scene.told("elsewhere")["message"] == f"0 of 1 in use; no run waits; {remark}"
        assert scene.told("elsewhere")["running"] == 0, "kubectl shows it"
        states = {name: kstatus(scene.told(name)) for name in ("db", "bad", "elsewhere")}
        assert states == {"db": "Current", "bad": "Failed", "elsewhere": "Current"}
        for name in states:
            scene.pools.informers[0].upsert(scene.kube.has(DKRON_POOLS, name))
        calls = len(scene.kube.calls)
        await until(60)
        assert scene.kube.calls[calls:] == [], "only what has changed is written"
        scene.pools.places.observe("shared", None)
        await until(60 + 3 * DEBOUNCE)
        assert (scene.told("db").get("running", 0), len(scene.kube.calls)) == (0, calls + 1)
