"""Jobs in a queue of Kueue at the edges: what is asked about them, and which of them are deleted."""

from typing import cast

import pytest

from dkron_crds.job import AttemptState
from dkron_crds.job_metadata import KUEUE_QUEUE
from dkron_kube.client import KubeClient
from dkron_kube.errors import Conflict, NotFound, Rejected
from dkron_kube.paths import JOBS, LOCAL_QUEUES, WORKLOADS
from dkron_operator.act.kueue import Queues
from dkron_operator.plan.situation.view import AttemptJob, PodProblem
from dkron_operator.plan.steps.kueue import JOB_UID
from tests.support.builders import NAMESPACE, UID, Object, claim, run, wire_run
from tests.support.edges import Edges, begin
from tests.support.fake_kube import FakeKube

QUEUE = "team-a"
ENTRY = claim()
JOB: AttemptJob = run(ENTRY, AttemptState.QUEUED, queue=QUEUE)
MISSING = PodProblem("QueueNotFound", f"LocalQueue team-a does not exist in namespace {NAMESPACE}")
FORBIDDEN = Rejected("forbidden")


def workload(uid: str = JOB.uid, *, active: bool = True) -> Object:
    owners = [{"uid": uid, "controller": True}]
    metadata = {"name": f"job-{uid}", "labels": {JOB_UID: uid}, "ownerReferences": owners}
    return {"metadata": metadata, "spec": {"active": active}}


def there(*workloads: Object, queue: bool = True) -> FakeKube:
    kube = FakeKube()
    for each in workloads:
        kube.put(WORKLOADS, each)
    if queue:
        kube.put(LOCAL_QUEUES, {"metadata": {"name": QUEUE}})
    return kube


def queues(kube: FakeKube) -> Queues:
    return Queues(cast("KubeClient", kube))


@pytest.mark.parametrize(
    ("kube", "expected"),
    [
        pytest.param(there(), None, id="Kueue has yet to see it"),
        pytest.param(
            there(workload(), workload("another", active=False)), None, id="it waits, and another is given up"
        ),
        pytest.param(there(workload(active=False)), "Deactivated", id="it is given up"),
        pytest.param(there(workload(active=False), queue=False), "Deactivated", id="given up, and its queue is gone"),
        pytest.param(there(workload(), queue=False), "QueueNotFound", id="its queue does not exist"),
    ],
)
async def test_queues_tell_why_a_job_waits_in_vain(kube: FakeKube, expected: str | None) -> None:
    found = await queues(kube).problem(JOB)
    assert (None if found is None else found.reason) == expected
    assert found != MISSING or expected == "QueueNotFound"


async def test_cluster_without_kueue_is_told() -> None:
    kube = there()
    kube.fail("list workloads", NotFound("the server could not find the requested resource"))
    text = "it is for LocalQueue team-a, and the API server serves no LocalQueues: is Kueue installed?"
    assert await queues(kube).problem(JOB) == PodProblem("QueueNotFound", text)


@pytest.mark.parametrize("call", ["list workloads", "get localqueues"])
async def test_unreadable_queues_are_no_problem(call: str, caplog: pytest.LogCaptureFixture) -> None:
    kube = there()
    kube.fail(call, FORBIDDEN, FORBIDDEN)
    reader = queues(kube)
    assert [await reader.problem(JOB) for _ in range(2)] == [None, None]
    assert len([each for each in caplog.records if "Kueue" in each.getMessage()]) == 1


# --- the deletion --------------------------------------------------------------------------------------------------


def put_job(kube: FakeKube, *, suspended: bool = True) -> Object:
    body = wire_run(ENTRY) | {"spec": {"suspend": suspended}}
    body["metadata"]["labels"] = {KUEUE_QUEUE: QUEUE}
    return kube.put(JOBS, body)


async def delete(edges: Edges) -> None:
    await edges.parts.effects._job_deleter._delete((UID, ENTRY.job))


@pytest.mark.looptime
async def test_a_job_that_still_waits_is_deleted() -> None:
    kube = FakeKube()
    put_job(kube)
    edges = begin(kube)
    await delete(edges)
    assert kube.names(JOBS) == []
    assert edges.entry().observed.attempts[ENTRY.job].deleting


@pytest.mark.looptime
async def test_job_that_was_admitted_since_is_not_deleted() -> None:
    kube = FakeKube()
    put_job(kube)
    edges = begin(kube)
    put_job(kube, suspended=False)
    await delete(edges)
    assert kube.names(JOBS) == [ENTRY.job]
    assert edges.entry().observed.attempts[ENTRY.job].pending, "it is read again"
    kube.calls.clear()
    await delete(edges)
    assert (edges.asked("delete"), kube.names(JOBS)) == (0, [ENTRY.job])


@pytest.mark.looptime
async def test_deletion_survives_a_job_that_is_gone() -> None:
    kube = FakeKube()
    put_job(kube)
    edges = begin(kube)
    kube.meanwhile("delete jobs", lambda: kube.remove(JOBS, ENTRY.job))
    await delete(edges)
    assert edges.entry().observed.attempts[ENTRY.job].gone
    kube.fail("delete jobs", Conflict("changed since"))
    await delete(edges)


@pytest.mark.looptime
async def test_problem_of_a_queue_ends_with_the_wait() -> None:
    kube = FakeKube()
    put_job(kube)
    edges = begin(kube)
    edges.entry().observed.pod_problems[ENTRY.job] = MISSING
    edges.handlers.feed_attempt("MODIFIED", put_job(kube, suspended=False))
    assert edges.entry().observed.pod_problems == {}


@pytest.mark.looptime
@pytest.mark.parametrize("admitted", [False, True])
async def test_answer_about_a_job_counts_while_it_waits(*, admitted: bool) -> None:
    kube = there(workload(active=False))
    put_job(kube)
    edges = begin(kube)
    if admitted:
        kube.meanwhile(
            "list workloads", lambda: edges.handlers.feed_attempt("MODIFIED", put_job(kube, suspended=False))
        )
    await edges.parts.effects._observer._start((UID, ENTRY.job))
    assert list(edges.entry().observed.pod_problems) == ([] if admitted else [ENTRY.job])
