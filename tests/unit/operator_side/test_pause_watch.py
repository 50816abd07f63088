"""DkronPauses as watches tell of them, the jobs that a change concerns, and the statuses of the pauses."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from dkron_crds.base import rfc3339
from dkron_kube.client import KubeClient
from dkron_kube.errors import Expired, KubeError, NotFound, Rejected, Unavailable
from dkron_kube.paths import DKRON_PAUSES
from dkron_operator.act.status_sweep import DEBOUNCE, MOST_AT_ONCE, SLICE, StatusSweep
from dkron_operator.cache.store import Store
from dkron_operator.kit.clock import Clock
from dkron_operator.pauses.informer import Pauses
from dkron_operator.plan.situation.view import JobView
from dkron_operator.watch.followed import MOST_SILENT, Scope
from dkron_operator.watch.followed import SLICE as TAKEN_IN_AT_ONCE
from tests.support.builders import NAMESPACE, after, job_view, wire_job
from tests.support.edges import until, wall
from tests.support.fake_kube import FakeKube
from tests.support.kstatus import kstatus

pytestmark = pytest.mark.looptime
FORBIDDEN = Rejected('cannot list resource "dkronpauses"', status=403)


def wire_pause(name: str, *, namespace: str = NAMESPACE, created: float = 0, **spec: Any) -> dict[str, Any]:
    metadata = {
        "name": name, "namespace": namespace, "uid": f"uid-of-{name}", "generation": 1, "resourceVersion": "1",
        "creationTimestamp": rfc3339(after(created)),
    }  # fmt: skip
    return {"metadata": metadata, "spec": spec}


@dataclass
class Scene:
    """Pauses of one namespace and of the operator's, beside a store with two jobs."""

    kube: FakeKube = field(default_factory=FakeKube)
    store: Store = field(default_factory=Store)
    requeued: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name in ("backup", "other"):
            self.store.upsert_job(wire_job(name=name, uid=name))
        clock = Clock(wall, lambda: asyncio.get_running_loop().time())
        client = cast("KubeClient", self.kube)
        self.pauses = Pauses(Scope(client, (NAMESPACE,), NAMESPACE, clock), self.store, requeue=self.requeued.append)
        self.statuses = StatusSweep(client, self.pauses, may_act=lambda: True, look=self.pauses.look)

    def put(self, name: str, **spec: Any) -> None:
        """A pause is there, and the watch tells it."""
        self.pauses.informers[0].upsert(self.kube.put(DKRON_PAUSES, wire_pause(name, **spec)))

    def said(self, name: str) -> tuple[str, int]:
        """The reason of its condition, and how many jobs it holds."""
        status = self.kube.has(DKRON_PAUSES, name).get("status") or {"conditions": [{"reason": ""}]}
        return status["conditions"][0]["reason"], status.get("jobs", 0)

    def is_ready(self, name: str) -> str:
        """The state of the pause for tools that go by kstatus."""
        return kstatus(self.kube.has(DKRON_PAUSES, name).get("status"))

    def names(self, job: JobView | None = None) -> list[str] | None:
        found = self.pauses.selecting(job or job_view(uid="backup"))
        return None if found is None else [pause.name for pause in found]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(work()) for work in (self.pauses.workers[0].run, self.statuses.run)]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(None, ["p"], id="a list"),
        pytest.param(Unavailable("no answer"), None, id="no answer: wait"),
        pytest.param(Expired("the token is too old", status=410), None, id="half a list: wait"),
        pytest.param(FORBIDDEN, [], id="no right: as if there were none"),
        pytest.param(NotFound("no such kind"), [], id="no such kind: there is none"),
    ],
)
async def test_pauses_known_at_the_start(error: KubeError | None, expected: list[str] | None) -> None:
    scene = Scene()
    scene.kube.put(DKRON_PAUSES, wire_pause("p"))
    if error is not None:
        scene.kube.fail("list dkronpauses", error)
    assert scene.names() is None
    await scene.pauses.read()
    assert scene.names() == expected


async def test_jobs_are_requeued_when_pauses_are_known_again() -> None:
    scene = Scene()
    async with scene.running():
        assert scene.names() is None
        await scene.pauses.read()
        await until(1)
        assert sorted(scene.requeued) == ["backup", "other"]
        await until(MOST_SILENT)
        assert scene.names() == []
        await until(MOST_SILENT + 1)
        assert scene.names() is None, "it was silent for too long"
        scene.requeued.clear()
        scene.pauses.informers[0].alive()
        await until(MOST_SILENT + 2)
        assert (scene.names(), sorted(scene.requeued)) == ([], ["backup", "other"])


async def test_jobs_that_a_change_concerns_are_looked_at() -> None:
    scene = Scene()
    await scene.pauses.read()
    async with scene.running():
        await until(1)
        scene.requeued.clear()
        scene.put("p", jobs=["backup"])
        await until(2)
        assert scene.requeued == ["backup"]
        scene.put("q", selector={"no": "job"})
        await until(3)
        assert scene.requeued == ["backup"] * 2


async def test_list_replaces_pauses_and_a_missing_crd_clears_them() -> None:
    scene = Scene()
    scope = scene.pauses.informers[0]
    await scope.replace([wire_pause("p"), wire_pause("q")], 1)
    await scope.replace([wire_pause("q")], 2)
    assert scene.names() == ["q"]
    scope.failed(Unavailable("no answer"))
    scope.failed(FORBIDDEN)
    assert scene.names() == ["q"]
    scope.failed(NotFound("no such kind"))
    assert scene.names() == []


@pytest.mark.parametrize("restored", [False, True])
async def test_jobs_never_see_a_part_of_a_long_list(restored: bool) -> None:
    scene = Scene()
    scope = scene.pauses.informers[0]
    before, after_it = wire_pause("before", created=-2), wire_pause("after", created=-1)
    before["metadata"]["resourceVersion"] = "9"
    await scope.replace([before], 9)
    if restored:
        scope.went_back()
    many = [wire_pause(f"other-{number}", jobs=["other"]) for number in range(TAKEN_IN_AT_ONCE)]
    taking_in = asyncio.create_task(scope.replace([*many, after_it], 10))
    await asyncio.sleep(0)
    assert (scene.names(), taking_in.done()) == (None if restored else ["before"], False)
    await taking_in
    assert scene.names() == ["after"]


async def test_status_names_held_jobs_or_why_there_are_none() -> None:
    scene = Scene()
    await scene.pauses.read()
    async with scene.running():
        scene.put("all")
        scene.put("one", jobs=["backup", "missing"])
        scene.put("ends", until=rfc3339(after(10)))
        scene.put("bad", jobs="?")
        scene.pauses.informers[0].upsert(
            scene.kube.put(DKRON_PAUSES, wire_pause("elsewhere", namespace="team", allNamespaces=True))
        )
        scene.pauses.on_change()
        await until(3 * DEBOUNCE)
        said = {name: scene.said(name) for name in scene.kube.names(DKRON_PAUSES)}
        assert said == {
            "all": ("Paused", 2), "one": ("Paused", 1), "ends": ("Paused", 2), "bad": ("Invalid", 0),
            "elsewhere": ("NotAllowed", 0),
        }  # fmt: skip
        assert {name: scene.is_ready(name) for name in said} == {
            "all": "Current", "one": "Current", "ends": "Current", "bad": "Failed", "elsewhere": "Failed",
        }  # fmt: skip
        for name in said:
            scene.pauses.informers[0].upsert(scene.kube.has(DKRON_PAUSES, name))
        calls = len(scene.kube.calls)
        await until(60)
        assert [call for call in scene.kube.calls[calls:] if "ends" not in call] == [], "only what has changed"
        assert (scene.said("ends"), scene.is_ready("ends")) == (("Expired", 0), "Current")


@pytest.mark.parametrize(
    ("namespace", "said"),
    [
        pytest.param(NAMESPACE, "; forced runs are refused", id="in the operator's namespace"),
        pytest.param(
            "team", f"; enforce has no effect here, only in the namespace of the operator, {NAMESPACE}", id="elsewhere"
        ),
    ],
)
async def test_status_says_whether_enforce_applies(namespace: str, said: str) -> None:
    scene = Scene()
    await scene.pauses.read()
    async with scene.running():
        body = scene.kube.put(DKRON_PAUSES, wire_pause("freeze", namespace=namespace, enforce=True))
        scene.pauses.informers[0].upsert(body)
        await until(3 * DEBOUNCE)
    status = scene.kube.has(DKRON_PAUSES, "freeze")["status"]
    assert (status["conditions"][0]["status"], status["message"].endswith(said)) == ("True", True), status["message"]


async def test_namespace_with_many_pauses_takes_turns_with_others() -> None:
    scene = Scene()
    for number in range(3 * MOST_AT_ONCE):
        scene.put(f"many-{number}")
    body = scene.kube.put(DKRON_PAUSES, wire_pause("quiet", namespace="team"))
    scene.pauses.informers[0].upsert(body)
    async with scene.running():
        await until(DEBOUNCE / 2)
    written = [call.split()[-1] for call in scene.kube.calls]
    assert len(written) == MOST_AT_ONCE
    assert "quiet" in written


async def test_sweep_of_many_pauses_lets_others_have_their_turn() -> None:
    scene, turns = Scene(), 0
    for number in range(4 * SLICE):
        scene.put(f"many-{number}")

    async def take_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(take_turns())
    assert sum(map(len, (await scene.statuses._due()).values())) == 4 * SLICE
    other.cancel()
    assert turns >= 4
