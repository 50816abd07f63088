"""A Job that Kueue has given up, with an operator that dies at each of its writes: the next one records why."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from dkron_crds.job import Attempt
from dkron_crds.job_metadata import KUEUE_QUEUE
from dkron_kube.errors import Unavailable
from dkron_kube.paths import DKRON_JOBS, JOBS, LOCAL_QUEUES, WORKLOADS, Resource
from dkron_operator.plan.steps.kueue import JOB_UID
from tests.support.builders import UID, Object, claim, wire_job, wire_run
from tests.support.edges import Edges
from tests.support.fake_kube import FakeKube

QUEUE = "team-a"
ENTRY = claim()
GIVEN_UP = {"type": "Evicted", "status": "True", "reason": "DeactivatedDueToMaximumExecutionTimeExceeded"}
SPEC: Object = {"schedule": "@manually", "retries": 1, "retryBackoff": {"initial": "1h", "max": "1h"}}
LOOKED, OVER = 15.0, 90.0
"""Seconds until the queue was looked at, and until another process has ended the attempt."""


@dataclass
class Mortal(FakeKube):
    """The client of a process that dies at one of its status writes and deletions: before or after its effect."""

    dies_at: int = 0
    done: bool = False
    writes: int = 0
    dead: bool = False

    async def patch_status(self, *args: Any, **kwargs: Any) -> Object:
        self._begin()
        answer = await super().patch_status(*args, **kwargs)
        self._end()
        return answer

    async def delete(self, resource: Resource, _namespace: str | None, name: str, **preconditions: Any) -> None:
        self._begin()
        await super().delete(resource, _namespace, name, **preconditions)
        if resource == JOBS:
            # Kubernetes deletes what the Job owns.
            self.remove(WORKLOADS, f"job-{name}")
        self._end()

    def _arrive(self, verb: str, resource: Resource, name: str, body: Object | None = None) -> None:
        if self.dead:
            raise Unavailable("the process is dead")
        super()._arrive(verb, resource, name, body)

    def _begin(self) -> None:
        self.writes += 1
        self._die(done=False)

    def _end(self) -> None:
        self._die(done=True)

    def _die(self, *, done: bool) -> None:
        if self.writes == self.dies_at and self.done is done:
            self.dead = True
        if self.dead:
            raise Unavailable("the process is dead")


def waiting(kube: FakeKube, **status: Any) -> None:
    """A Job waits whose Workload was deactivated."""
    job = wire_run(ENTRY) | {"spec": {"suspend": True}}
    job["metadata"]["labels"] = {KUEUE_QUEUE: QUEUE}
    uid = kube.put(JOBS, job)["metadata"]["uid"]
    owners = [{"uid": uid, "controller": True}]
    about = {"name": f"job-{ENTRY.job}", "labels": {JOB_UID: uid}, "ownerReferences": owners}
    kube.put(WORKLOADS, {"metadata": about, "spec": {"active": False}, "status": {"conditions": [GIVEN_UP]}})
    kube.put(LOCAL_QUEUES, {"metadata": {"name": QUEUE}})
    kube.put(DKRON_JOBS, wire_job(**SPEC) | ({"status": status} if status else {}))


async def live(kube: FakeKube, second: float) -> Edges:
    """A process lives until this second. Its watch brings each second what has changed."""
    edges = Edges(kube)
    known: dict[str, Object] = {}
    edges.watch()
    async with edges.running():
        while asyncio.get_running_loop().time() < second:
            there = {name: kube.has(JOBS, name) for name in kube.names(JOBS)}
            for name in known.keys() - there.keys():
                edges.handlers.feed_attempt("DELETED", known[name])
            known = there
            edges.watch()
            await asyncio.sleep(1)
    return edges


@pytest.mark.looptime
@pytest.mark.promise
@pytest.mark.parametrize("done", [False, True], ids=["before it", "after it"])
@pytest.mark.parametrize("dies_at", [1, 2, 3, 4])
async def test_given_up_attempt_keeps_its_reason_after_a_death(dies_at: int, done: bool) -> None:
    first = Mortal(dies_at=dies_at, done=done)
    waiting(first)
    await live(first, LOOKED)
    assert first.dead, "the process has fewer writes"
    edges = await live(Mortal(world=first.world), OVER)
    (record,), (retry,) = edges.status().executions, edges.status().active
    assert (record.reason, record.success, record.attempt) == ("MaximumExecutionTimeExceeded", False, 1)
    assert record.message.startswith("its Workload in Kueue was deactivated")
    assert (retry.attempt, retry.uid, edges.status().error_count) == (2, "", 1)
    assert edges.kube.names(JOBS) == []
    assert UID in edges.store.places()


@pytest.mark.looptime
async def test_noted_reason_goes_if_the_workload_may_go_on() -> None:
    kube = FakeKube()
    waiting(kube)
    mortal = Mortal(world=kube.world, dies_at=3)
    await live(mortal, LOOKED)
    assert [each.given_up for each in noted(kube)] == ["MaximumExecutionTimeExceeded"]
    kube.edit(WORKLOADS, f"job-{ENTRY.job}", lambda body: body["spec"].update(active=True))
    edges = await live(FakeKube(world=kube.world), LOOKED + 15)
    assert [(each.given_up, each.queue) for each in edges.status().active] == [("", QUEUE)]
    assert kube.names(JOBS) == [ENTRY.job]


def noted(kube: FakeKube) -> list[Attempt]:
    return [Attempt.from_wire(each) for each in kube.has(DKRON_JOBS, "backup")["status"]["active"]]
