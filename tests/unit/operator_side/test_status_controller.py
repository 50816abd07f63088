"""The DkronCluster in virtual time: what the jobs show arrives in its status, with or without rights."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, cast

import pytest

from dkron_crds.cluster import ClusterStatus
from dkron_crds.job import Day, JobStatus
from dkron_kube.client import KubeClient
from dkron_kube.errors import KubeError, NotFound, NotLeader, Rejected, Unavailable
from dkron_kube.paths import DKRON_CLUSTERS
from dkron_operator.cluster.status_controller import ClusterStatusController
from dkron_operator.kit.clock import Clock
from dkron_operator.leader.election import Leadership
from dkron_operator.leader.lease import Replica
from tests.support.builders import NOON, claim
from tests.support.edges import wall
from tests.support.fake_kube import FakeKube

pytestmark = pytest.mark.looptime
ME = Leadership(leader="me", held=True)
FORBIDDEN = Rejected('dkronclusters "dkron" is forbidden', status=403)


def day(success: int, failed: int = 0) -> Day:
    return Day(date=NOON.date(), success=success, failed=failed)


def shows(*days: Day, **fields: Any) -> JobStatus:
    return JobStatus(since=NOON, days=days, **fields)


@asynccontextmanager
async def running(kube: FakeKube, **jobs: JobStatus) -> AsyncIterator[ClusterStatusController]:
    """A process that finds these jobs; it ends without a farewell."""
    replica = Replica("me", "", "1.2.3")
    cluster_status = ClusterStatusController(cast("KubeClient", kube), replica, namespace="home", clock=Clock(wall))
    await cluster_status.read()
    for uid, status in jobs.items():
        cluster_status.upsert(uid, status)
    cluster_status.begin()
    tasks = [asyncio.create_task(part) for part in (cluster_status.workers[0].run(), cluster_status.look())]
    cluster_status.lead(ME)
    try:
        yield cluster_status
    finally:
        assert not [task for task in tasks if task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def stored(kube: FakeKube) -> ClusterStatus:
    return ClusterStatus.from_wire(kube.has(DKRON_CLUSTERS, "dkron").get("status") or {})


def change(kube: FakeKube, **status: Any) -> None:
    """Another writer changes the status."""
    kube.edit(DKRON_CLUSTERS, "dkron", lambda body: body["status"].update(status))


def wire_days(*days: Day) -> list[Any]:
    return [each.model_dump(mode="json") for each in days]


def writes(kube: FakeKube) -> int:
    return len([call for call in kube.calls if call.startswith("write")])


async def test_dkroncluster_is_created_with_totals() -> None:
    async with running(kube := FakeKube(), a=shows(day(2, 1), active=(claim(),)), b=shows(day(3))):
        await asyncio.sleep(1.5)
    assert kube.calls == [
        "get dkronclusters dkron", "list pods metadata.name=me", "get dkronclusters dkron",
        "create dkronclusters dkron", "write dkronclusters dkron",
    ]  # fmt: skip
    status = stored(kube)
    assert (status.jobs, status.active, status.days) == (2, 1, (day(5, 1),))
    assert (status.leader, status.replicas, status.version) == ("me", 1, "1.2.3")


async def test_dkroncluster_just_created_elsewhere_is_adopted() -> None:
    kube = FakeKube()
    theirs = {"metadata": {"name": "dkron", "generation": 7}, "spec": {"paused": True}}
    kube.meanwhile("create dkronclusters", lambda: kube.put(DKRON_CLUSTERS, theirs))
    async with running(kube):
        await asyncio.sleep(1.5)
    assert kube.has(DKRON_CLUSTERS, "dkron")["spec"] == {"paused": True}
    assert stored(kube).observed_generation == 7


async def test_many_changes_are_one_write_of_the_changed_fields() -> None:
    async with running(kube := FakeKube(), a=shows(day(1))) as cluster_status:
        await asyncio.sleep(5)
        for count in range(2, 50):
            cluster_status.upsert("a", shows(day(count)))
        await asyncio.sleep(2)
        assert writes(kube) == 2
        assert kube.bodies[-1]["status"].keys() == {"days"}
        cluster_status.upsert("a", shows(day(49)))
        await asyncio.sleep(5)
        assert writes(kube) == 2, "nothing new is nothing written"


@pytest.mark.parametrize("answered", [True, False])
async def test_orderly_stop_writes_the_rest_and_no_leader(*, answered: bool, caplog: pytest.LogCaptureFixture) -> None:
    async with running(kube := FakeKube(), a=shows(day(2))) as cluster_status:
        await asyncio.sleep(1.5)
        cluster_status.upsert("a", shows(day(3)))
    if not answered:
        kube.fail("write dkronclusters", Unavailable("no answer"))
    await cluster_status.close(ME.ended(stopped=True))
    assert ("no answer" in caplog.text) is not answered
    if answered:
        assert (stored(kube).days, stored(kube).leader, stored(kube).replicas) == ((day(3),), "", 0)
        assert stored(kube).conditions[0].reason == "Stopped"


@pytest.mark.parametrize(
    "leadership",
    [Leadership(leader="other"), Leadership(), Leadership(trouble="no answer")],
    ids=["another leads", "none leads", "no answer"],
)
async def test_standby_creates_and_writes_nothing(leadership: Leadership) -> None:
    async with running(kube := FakeKube(), a=shows(day(2))) as cluster_status:
        cluster_status.lead(leadership)
        await asyncio.sleep(100)
        await cluster_status.close(leadership.ended(stopped=True))
        assert set(kube.calls) == {"get dkronclusters dkron"}
    async with running(kube, a=shows(day(2))) as cluster_status:
        cluster_status.lead(leadership)
        await asyncio.sleep(100)
        cluster_status.lead(ME)
        await asyncio.sleep(1.5)
        assert stored(kube).days == (day(2),)


async def test_leaving_replica_writes_its_departure_and_nothing_else() -> None:
    async with running(kube := FakeKube(), a=shows(day(2))) as cluster_status:
        cluster_status.lead(replace(ME, left=True))
        await asyncio.sleep(1.5)
        assert (stored(kube).leader, stored(kube).replicas) == ("me", 1), "until it has given it back"
        await cluster_status.close(replace(ME, left=True).ended(stopped=False))
        assert (stored(kube).leader, stored(kube).replicas) == ("", 0)
        assert stored(kube).conditions[0].reason == "Left"
        change(kube, leader="other")
        cluster_status.upsert("a", shows(day(3)))
        await asyncio.sleep(100)
    assert stored(kube).leader == "other"


async def test_regained_leadership_reads_the_status_again() -> None:
    async with running(kube := FakeKube(), a=shows(day(2))) as cluster_status:
        await asyncio.sleep(1.5)
        cluster_status.lead(Leadership(leader="other"))
        change(kube, days=wire_days(day(9)), leader="other")
        kube.calls.clear()
        cluster_status.lead(replace(ME, term=2))
        await asyncio.sleep(1.5)
        assert kube.calls == ["get dkronclusters dkron", "write dkronclusters dkron"], "no write of an old version"
    assert (stored(kube).days, stored(kube).leader) == ((day(9),), "me")


async def test_refused_write_is_no_problem(caplog: pytest.LogCaptureFixture) -> None:
    kube = FakeKube()
    with caplog.at_level(logging.INFO):
        async with running(kube, a=shows(day(2))) as cluster_status:
            kube.fail("write dkronclusters", NotLeader("not now"))
            await asyncio.sleep(5)
            assert caplog.records == []
            cluster_status.upsert("a", shows(day(3)))
            await asyncio.sleep(1.5)
    assert stored(kube).days == (day(3),)


async def test_foreign_fields_and_larger_totals_are_kept() -> None:
    async with running(kube := FakeKube(), a=shows(day(2))) as cluster_status:
        await asyncio.sleep(1.5)
        kube.edit(DKRON_CLUSTERS, "dkron", lambda body: body.update(spec={"paused": True}))
        kube.edit(DKRON_CLUSTERS, "dkron", lambda body: body["metadata"].update(generation=2))
        change(kube, leader="another")
        cluster_status.upsert("a", shows(day(3)))
        await asyncio.sleep(1.5)
        assert kube.has(DKRON_CLUSTERS, "dkron")["spec"] == {"paused": True}
        assert (stored(kube).days, stored(kube).leader, stored(kube).observed_generation) == ((day(3),), "me", 2)
        change(kube, days=wire_days(day(9)))
        cluster_status.upsert("a", shows(day(4)))
        await asyncio.sleep(1.5)
    assert stored(kube).days == (day(9),)


async def test_a_change_by_hand_is_seen_though_nothing_runs() -> None:
    async with running(kube := FakeKube(), a=shows(day(2))):
        await asyncio.sleep(1.5)
        kube.edit(DKRON_CLUSTERS, "dkron", lambda body: body.update(status={}))
        await asyncio.sleep(40)
        assert stored(kube).days == (day(2),)
        kube.remove(DKRON_CLUSTERS, "dkron")
        await asyncio.sleep(40)
        assert stored(kube).days == (day(2),)


async def test_invalid_status_is_rewritten() -> None:
    kube = FakeKube()
    kube.put(DKRON_CLUSTERS, {"metadata": {"name": "dkron"}, "spec": {}, "status": {"days": "many", "leader": "x"}})
    async with running(kube, a=shows(day(2))):
        await asyncio.sleep(1.5)
    assert (stored(kube).days, stored(kube).leader) == ((day(2),), "me")


@pytest.mark.parametrize(
    ("call", "error"),
    [
        *(pytest.param(call, FORBIDDEN, id=f"without the right to {call}") for call in ("get", "create", "write")),
        pytest.param("create", NotFound("page not found", status=404), id="without the kind"),
    ],
)
async def test_failure_is_logged_once_and_retried_rarely(
    call: str, error: KubeError, caplog: pytest.LogCaptureFixture
) -> None:
    kube = FakeKube()
    kube.fail(f"{call} dkronclusters", *[error] * 4)
    with caplog.at_level(logging.INFO):
        async with running(kube, a=shows(day(1))) as cluster_status:
            for count in range(2, 80):
                cluster_status.upsert("a", shows(day(count)))
                await asyncio.sleep(1)
            assert [record.levelname for record in caplog.records] == ["WARNING"]
            assert str(error) in caplog.text
            assert len(kube.calls) <= 12
            await asyncio.sleep(61)
    assert stored(kube).days == (day(79),)
    assert caplog.messages[-1].endswith("works again")


async def test_outage_is_logged_once_and_totals_follow_later(caplog: pytest.LogCaptureFixture) -> None:
    kube = FakeKube()
    with caplog.at_level(logging.WARNING):
        async with running(kube, a=shows(day(1))) as cluster_status:
            await asyncio.sleep(1.5)
            kube.fail("write dkronclusters", Unavailable("no answer"))
            kube.fail("get dkronclusters", *[Unavailable("no answer")] * 3)
            cluster_status.upsert("a", shows(day(2)))
            await asyncio.sleep(22)
    assert stored(kube).days == (day(2),)
    assert len(caplog.records) == 1


async def test_unanswered_write_is_not_counted_twice() -> None:
    async with running(kube := FakeKube(), a=shows(day(1))) as cluster_status:
        await asyncio.sleep(1.5)
        kube.lose_answer("write dkronclusters")
        cluster_status.upsert("a", shows(day(2)))
        await asyncio.sleep(10)
    assert (stored(kube).days, stored(kube).departed) == ((day(2),), ())


async def test_totals_unreadable_at_the_start_are_added_later() -> None:
    kube = FakeKube()
    before = ClusterStatus(days=(day(5),), departed=(day(4),)).to_wire()
    kube.put(DKRON_CLUSTERS, {"metadata": {"name": "dkron"}, "spec": {}, "status": before})
    kube.fail("get dkronclusters", Unavailable("no answer"))
    async with running(kube, a=shows(day(1))) as cluster_status:
        cluster_status.upsert("a", shows(day(2)))
        await asyncio.sleep(40)
    assert (stored(kube).days, stored(kube).departed) == ((day(6),), (day(4),))


async def test_settling_writes_at_once() -> None:
    async with running(kube := FakeKube(), a=shows(day(3))) as cluster_status:
        await asyncio.sleep(5)
        cluster_status.upsert("a", shows(day(4)))
        await cluster_status.settle()
        assert stored(kube).days == (day(4),), "a job that goes now stays counted, whichever process dies"
        before = writes(kube)
        await cluster_status.settle()
        assert writes(kube) == before, "once is enough"


async def test_deletion_waits_for_the_totals_unless_forbidden() -> None:
    async with running(kube := FakeKube()) as cluster_status:
        await asyncio.sleep(5)
        cluster_status.upsert("a", shows(day(1)))
        kube.fail("write dkronclusters", Unavailable("down"))
        with pytest.raises(Unavailable):
            await cluster_status.settle()
        kube.fail("write dkronclusters", FORBIDDEN)
        await cluster_status.settle()
        before = len(kube.calls)
        await cluster_status.settle()
        assert len(kube.calls) == before
