"""Observe, check and events: what is asked about Jobs and specs, and what is said about them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from dkron_crds.base import rfc3339
from dkron_crds.job_metadata import KUEUE_QUEUE
from dkron_kube.errors import AlreadyExists, KubeError, NotFound, QuotaExceeded, Rejected, Unavailable
from dkron_kube.paths import EVENTS, JOBS, PODS
from dkron_operator.act.events import build_event
from dkron_operator.cache.ended_pods import MOST
from dkron_operator.plan.actions import Report, Severity
from dkron_operator.plan.situation.view import Outcome
from tests.support.builders import (
    UID,
    Object,
    after,
    claim,
    ended,
    job_view,
    of_job,
    terminated,
    wire_job,
    wire_pod,
    wire_run,
)
from tests.support.edges import Edges, begin
from tests.support.fake_kube import FakeKube

pytestmark = pytest.mark.looptime
ENTRY = claim()
OVER = wire_run(ENTRY, status=ended("Failed", reason="BackoffLimitExceeded"))


def with_pod(edges: Edges, pod: Object | None = None, *, log: bytes | KubeError = b"") -> None:
    pod = pod or wire_pod(states={"job": terminated(3, reason="Error")})
    edges.kube.put(PODS, of_job(pod, ENTRY.job))
    edges.kube.logs[pod["metadata"]["name"]] = log


async def end(edges: Edges) -> None:
    await edges.parts.effects._observer._end((UID, ENTRY.job))


def over(**spec: Any) -> Edges:
    kube = FakeKube()
    kube.put(JOBS, OVER)
    return begin(kube, **spec)


def there(*events: Object, body: Object | None = None) -> Edges:
    """The Job is there, and these Events."""
    kube = FakeKube()
    kube.put(JOBS, body or wire_run(ENTRY))
    for event in events:
        kube.put(EVENTS, event)
    return begin(kube)


def outcome(edges: Edges) -> Outcome:
    return edges.entry().observed.outcomes[ENTRY.job]


def trouble(edges: Edges) -> tuple[str, str] | None:
    """The reason why it does not start, and the message about it."""
    found = edges.entry().observed.pod_problems.get(ENTRY.job)
    return None if found is None else (found.reason, found.message)


def running() -> Object:
    return wire_pod(states={"job": {"running": {}}}, of=ENTRY.job)


def waiting(reason: str, **more: Any) -> Object:
    return wire_pod(states={"job": {"waiting": {"reason": reason, **more}}}, phase="Pending", of=ENTRY.job)


# --- ends ----------------------------------------------------------------------------------------------------------


async def test_finished_job_is_read_from_its_pod_and_log() -> None:
    edges = over(history={"outputBytes": 4})
    with_pod(edges, log=b"hello")
    await end(edges)
    found = edges.entry().observed.outcomes[ENTRY.job]
    assert (found.exit_code, found.reason, found.output, found.output_truncated) == (3, "Error", "ello", True)
    assert len(edges.parts.jobs) == 1, "the job is planned again"


@dataclass(frozen=True)
class LogRead:
    """How often a log is asked for, of a Job whose output has so much room."""

    asked: int
    room: int = 4
    pod: Object | None = None
    log: bytes | KubeError = b"hello"
    reason: str = "Error"


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(LogRead(0, room=0), id="no output is kept"),
        pytest.param(
            LogRead(0, pod=waiting("ImagePullBackOff"), reason="ImagePullBackOff"), id="the container never ran"
        ),
        pytest.param(LogRead(2, log=Unavailable("kubelet is gone")), id="no answer: it is asked once more"),
        pytest.param(LogRead(1, log=NotFound("rotated away")), id="it is not there"),
    ],
)
async def test_outcome_does_not_wait_for_a_log(case: LogRead) -> None:
    edges = over(history={"outputBytes": case.room})
    with_pod(edges, case.pod, log=case.log)
    await end(edges)
    assert (outcome(edges).reason, outcome(edges).output) == (case.reason, "")
    assert edges.asked("log") == case.asked


async def test_newest_pod_of_a_job_decides_its_outcome() -> None:
    edges = over()
    with_pod(edges, wire_pod(name="old", states={"job": terminated(1, reason="Error")}))
    with_pod(edges, wire_pod(name="new", states={"job": terminated(9, reason="Error")}, created=after(5)))
    await end(edges)
    assert outcome(edges).exit_code == 9


@dataclass(frozen=True)
class Watched:
    """Pods that a watch has shown before the Job ended with 3, the executor's template, and the exit code that is
    recorded. A pod of the list has 3."""

    pods: Sequence[Object]
    code: int
    listed: int = 0
    template: Object | None = None


def failed(code: int, **fields: Any) -> Object:
    return of_job(wire_pod(states={"job": terminated(code, reason="Error")}, phase="Failed", **fields), ENTRY.job)


def running_one() -> Object:
    return of_job(wire_pod(states={"job": {"running": {}}}, phase="Running"), ENTRY.job)


def elsewhere(pod: Object) -> Object:
    pod["metadata"]["namespace"] = "elsewhere"
    return pod


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Watched([failed(7)], 7), id="it has ended: it is not listed"),
        pytest.param(Watched([failed(7, created=after(5)), failed(8)], 7), id="the newest decides"),
        pytest.param(Watched([], 3, listed=1), id="none"),
        pytest.param(Watched([running_one()], 3, listed=1), id="it runs"),
        pytest.param(Watched([elsewhere(failed(7))], 3, listed=1), id="of another namespace"),
        pytest.param(Watched([of_job(failed(7), ENTRY.job, uid="another")], 3, listed=1), id="of an older Job"),
        pytest.param(
            Watched([of_job(failed(7), "other", uid=f"uid-of-{ENTRY.job}")], 3, listed=1), id="of another Job"
        ),
        pytest.param(
            Watched([failed(7, reason="Evicted", message="x" * 20_000)], 3, listed=1), id="it is too long to be kept"
        ),
        pytest.param(
            Watched([of_job(wire_pod(states={"job": terminated(0)}, phase="Succeeded"), ENTRY.job)], 3, listed=1),
            id="it ended in another way than its Job",
        ),
        pytest.param(Watched([failed(7)], 3, listed=1, template={"backoffLimit": 1}), id="of a Job of several pods"),
    ],
)
async def test_watched_pod_saves_a_list(case: Watched) -> None:
    edges = over(**({"jobTemplate": {"spec": case.template}} if case.template else {}))
    with_pod(edges)
    for pod in case.pods:
        pod["metadata"].setdefault("namespace", edges.entry().job.namespace)
        edges.store.ended_pods.upsert(pod)
    await end(edges)
    assert (outcome(edges).exit_code, edges.asked("list pods")) == (case.code, case.listed)


async def test_kept_pods_are_bounded_and_the_oldest_goes() -> None:
    edges = over()
    for number in range(MOST + 1):
        pod = of_job(wire_pod(states={"job": terminated(3)}, phase="Failed"), f"job-{number}")
        pod["metadata"]["namespace"] = "ns"
        edges.store.ended_pods.upsert(pod)
    runs = [
        replace(edges.entry().observed.attempts[ENTRY.job], namespace="ns", name=name, uid=f"uid-of-{name}")
        for name in ("job-0", "job-1", f"job-{MOST}")
    ]
    assert [edges.store.ended_pods.get(run) is not None for run in runs] == [False, True, True]
    edges.store.ended_pods.clear()
    assert edges.store.ended_pods.get(runs[-1]) is None


async def test_pods_of_one_namespace_leave_others_theirs() -> None:
    edges = over()
    for number in range(2 * MOST):
        pod = of_job(wire_pod(states={"job": terminated(3)}, phase="Failed"), f"job-{number}")
        pod["metadata"]["namespace"] = "loud" if number else "quiet"
        edges.store.ended_pods.upsert(pod)
    run = edges.entry().observed.attempts[ENTRY.job]
    quiet, loud = (
        replace(run, namespace=namespace, name=name, uid=f"uid-of-{name}")
        for namespace, name in (("quiet", "job-0"), ("loud", "job-1"))
    )
    assert edges.store.ended_pods.get(quiet) is not None
    assert edges.store.ended_pods.get(loud) is None


def owned(**fields: Any) -> Object:
    reference = {"apiVersion": "batch/v1", "kind": "Job", "name": ENTRY.job, "uid": f"uid-of-{ENTRY.job}"}
    return {"ownerReferences": [{**reference, "controller": True, **fields}]}


FORGED = [
    pytest.param({"ownerReferences": None}, id="without an owner"),
    pytest.param(owned(controller=False), id="without a controller"),
    pytest.param(owned(uid="another"), id="of an older Job of that name"),
    pytest.param(owned(name="another"), id="of another Job"),
    pytest.param(owned(kind="ReplicaSet", apiVersion="apps/v1"), id="of another kind"),
    pytest.param(owned(apiVersion="batch.volcano.sh/v1alpha1"), id="of another group"),
]


@pytest.mark.parametrize("forged", FORGED)
async def test_foreign_pod_with_the_job_labels_decides_nothing(forged: Object) -> None:
    fake = of_job(wire_pod(name="zz", states={"job": terminated(0)}, phase="Succeeded", created=after(5)), ENTRY.job)
    fake["metadata"] |= forged
    edges = over()
    with_pod(edges, log=b"true")
    edges.kube.put(PODS, fake)
    edges.kube.logs["zz"] = b"forged"
    await end(edges)
    assert (outcome(edges).exit_code, outcome(edges).output) == (3, "true")
    stuck = there()
    stuck.kube.put(PODS, fake)
    run = stuck.entry().observed.attempts[ENTRY.job]
    assert not await stuck.parts.effects._observer.is_over(stuck.entry(), run)
    assert [words async for words in stuck.parts.effects._observer.final_output(stuck.entry(), run)] == []


async def test_error_of_the_runtime_takes_no_room_of_the_output() -> None:
    pod = wire_pod(states={"job": terminated(0)}, phase="Succeeded")
    pod["status"]["containerStatuses"][0]["containerID"] = f"containerd://{'5d' * 32}"
    error = f'rpc error: code = NotFound desc = when try to find container "{"5d" * 32}": not found'
    edges = over(history={"outputBytes": 20})
    with_pod(edges, pod, log=b"first line\nlast line\n" + error.encode())
    run = edges.entry().observed.attempts[ENTRY.job]
    found = [each async for each in edges.parts.effects._observer.final_output(edges.entry(), run)]
    assert {(each.output, each.output_truncated) for each in found} == {("irst line\nlast line\n", True)}


async def test_lost_pod_gives_an_outcome_that_is_read_once() -> None:
    edges = over()
    await end(edges)
    assert outcome(edges).reason == "PodLost"
    edges.kube.calls.clear()
    await end(edges)
    assert edges.kube.calls == []


@pytest.mark.parametrize(
    ("body", "lost"),
    [
        pytest.param(wire_run(ENTRY), False, id="is there"),
        pytest.param(None, True, id="is not there"),
        pytest.param({"metadata": {"name": ENTRY.job, "uid": "x"}}, True, id="lost its annotations"),
        pytest.param(wire_run(ENTRY, owner="another"), True, id="belongs to another"),
    ],
)
async def test_job_unknown_to_the_watch_is_looked_up_and(body: Object | None, *, lost: bool) -> None:
    edges = begin()
    if body is not None:
        edges.kube.put(JOBS, body)
    await end(edges)
    assert [found.lost for found in edges.entry().observed.outcomes.values()] == [True] * lost
    assert list(edges.entry().observed.attempts) == ([] if lost else [ENTRY.job])


@pytest.mark.parametrize(
    ("pod", "expected"),
    [
        pytest.param(
            wire_pod(states={"job": terminated(0)}, phase="Succeeded"), (True, False), id="that was over ended as that"
        ),
        pytest.param(running(), (False, True), id="that ran is lost"),
        pytest.param(None, (False, True), id="without one is lost"),
    ],
)
async def test_a_job_that_was_deleted_with_a_pod(pod: Object | None, expected: tuple[bool, bool]) -> None:
    edges = there()
    if pod is not None:
        with_pod(edges, pod)
    edges.handlers.feed_attempt("DELETED", edges.kube.remove(JOBS, ENTRY.job))
    await end(edges)
    assert (outcome(edges).success, outcome(edges).lost) == expected


# --- starts --------------------------------------------------------------------------------------------------------


async def start(edges: Edges) -> None:
    await edges.parts.effects._observer._start((UID, ENTRY.job))


async def test_pending_pod_is_asked_why_until_it_starts() -> None:
    edges = there()
    with_pod(edges, waiting("ErrImagePull", message="404"))
    await start(edges)
    assert trouble(edges) == ("ErrImagePull", "404")
    assert ENTRY.job in edges.entry().observed.probed
    with_pod(edges, running())
    await start(edges)
    assert trouble(edges) is None


def told(name: str, *, reason: str = "FailedCreate", uid: str = "", at: str = "12:00:00", note: str = "") -> Object:
    """An Event about the Job, or about another object."""
    meta = {"name": name, "creationTimestamp": f"2026-01-01T{at}Z"}
    regarding = {"uid": uid or wire_run(ENTRY)["metadata"]["uid"]}
    return {"metadata": meta, "regarding": regarding, "reason": reason, "note": note}


async def test_of_a_job_without_a_pod_its_events_tell_why() -> None:
    edges = there(
        told("other", uid="another", note="not ours"),
        told("before", note="quota"),
        told("newest", at="12:00:09", note="forbidden: violates PodSecurity"),
        told("harmless", reason="Suspended", at="12:00:10"),
    )
    await start(edges)
    assert trouble(edges) == ("FailedCreate", "forbidden: violates PodSecurity")
    with_pod(edges, running())
    await start(edges)
    assert trouble(edges) is None, "there is a pod after all"


def mounts(note: str, *, at: str, kind: str = "Warning", reason: str = "FailedMount") -> Object:
    """An Event of a kubelet about the pod."""
    event = told(f"{reason}-{at}", uid="uid-of-pod", reason=reason, note=note, at=at)
    return event | {"type": kind, "deprecatedLastTimestamp": f"2026-03-01T{at}Z"}


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([], None, id="nothing is said of it"),
        pytest.param(
            [mounts("older", at="12:00:05"), mounts('secret "db" not found', at="12:00:09")],
            ("FailedMount", 'secret "db" not found'),
            id="a Secret is missing",
        ),
        pytest.param(
            [mounts("older", at="12:00:05"), mounts("pulling", at="12:00:09", kind="Normal", reason="Pulling")], None,
            id="it has gone on since",
        ),
    ],
)  # fmt: skip
async def test_creating_pod_is_explained_by_its_newest_event(
    events: list[Object], expected: tuple[str, str] | None
) -> None:
    edges = there(*events)
    pod = waiting("ContainerCreating")
    pod["metadata"]["uid"] = "uid-of-pod"
    with_pod(edges, pod)
    await start(edges)
    assert trouble(edges) is None, "for a while it may be slow"
    await asyncio.sleep(16)
    await start(edges)
    assert trouble(edges) == expected


@pytest.mark.parametrize(
    ("spec", "seconds", "expected"),
    [
        pytest.param({}, 59, None, id="for a minute its controller may take its time"),
        pytest.param({}, 61, "NoPod", id="then it is told"),
        pytest.param({"suspend": True}, 14, None, id="suspended for a moment"),
        pytest.param({"suspend": True}, 16, "Suspended", id="suspended by a webhook"),
        pytest.param({"parallelism": 0}, 16, "NoParallelism", id="scaled to nothing"),
        pytest.param({"managedBy": "a/b"}, 16, "ManagedElsewhere", id="given to another controller"),
    ],
)
async def test_job_without_a_pod_and_events_is_explained_by_itself(
    spec: Object, seconds: float, expected: str | None
) -> None:
    edges = there(body=wire_run(ENTRY) | {"spec": spec})
    await asyncio.sleep(seconds)
    await start(edges)
    assert (trouble(edges) or (None,))[0] == expected


async def test_job_of_a_queue_has_its_minute_from_the_admission() -> None:
    job = wire_run(ENTRY) | {"spec": {"suspend": False}, "status": {"startTime": rfc3339(after(100))}}
    job["metadata"]["labels"] = {KUEUE_QUEUE: "reports"}
    edges = there(body=job)
    await asyncio.sleep(159)
    await start(edges)
    assert trouble(edges) is None
    await asyncio.sleep(2)
    await start(edges)
    found = edges.entry().observed.pod_problems[ENTRY.job]
    assert found.reason == "NoPod"
    assert found.message.startswith(f"it was admitted at {rfc3339(after(100))}, has no pod")


async def test_pod_ignored_by_every_scheduler_names_its_scheduler() -> None:
    edges = there()
    pod = wire_pod(phase="Pending", of=ENTRY.job, node="")
    pod["spec"]["schedulerName"] = "moon"
    with_pod(edges, pod)
    await asyncio.sleep(30)
    await start(edges)
    assert edges.entry().observed.pod_problems == {}
    await asyncio.sleep(31)
    await start(edges)
    found = edges.entry().observed.pod_problems[ENTRY.job]
    assert (found.reason, found.message) == (
        "NotScheduled", "no scheduler has processed its pod; check whether moon is running"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("of_job", "of_pod", "expected"),
    [
        pytest.param(["foregroundDeletion"], ["batch.kubernetes.io/job-tracking"], None, id="finalizers of Kubernetes"),
        pytest.param(["a/b", "foregroundDeletion"], [], "it has the finalizer a/b", id="one of the Job"),
        pytest.param(["foregroundDeletion"], ["a/b"], "its pod has the finalizer a/b", id="one of its pod"),
    ],
)
async def test_deleted_job_that_stays_is_explained_by_finalizers(
    of_job: list[str], of_pod: list[str], expected: str | None
) -> None:
    body, pod = wire_run(ENTRY, deleting=True, status={"ready": 1}), running()
    body["metadata"]["finalizers"], pod["metadata"]["finalizers"] = of_job, of_pod
    edges = there(body=body)
    with_pod(edges, pod)
    await start(edges)
    found = trouble(edges)
    assert (None if found is None else found[1].partition(";")[0]) == expected


async def test_events_that_may_not_be_read_are_gone_without(caplog: pytest.LogCaptureFixture) -> None:
    edges = there()
    for _ in range(2):
        edges.kube.fail("list events", Rejected('cannot list resource "events"', status=403))
        await start(edges)
    assert edges.entry().observed.pod_problems == {}
    assert len([each for each in caplog.records if "cannot list" in each.getMessage()]) == 1, "it is said once"


async def test_ended_job_is_not_asked_why_it_does_not_start() -> None:
    edges = over()
    await start(edges)
    assert (edges.kube.calls, edges.entry().observed.pod_problems) == ([], {})


# --- checks --------------------------------------------------------------------------------------------------------


async def check(edges: Edges) -> None:
    await edges.parts.effects._dry_run._check(UID)


def refusal(edges: Edges) -> str | None:
    found = edges.entry().remembered.refusal
    return None if found is None else found.message


async def test_a_spec_is_tried_without_creating_anything() -> None:
    edges = begin(generation=3)
    await check(edges)
    assert [call.split()[0] for call in edges.kube.calls] == ["try"]
    assert (edges.entry().remembered.checked, edges.entry().remembered.refusal, edges.kube.names(JOBS)) == (3, None, [])
    await check(edges)
    assert len(edges.kube.calls) == 1, "once for each generation"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        pytest.param(
            Rejected('Job.batch "backup-1-a" is invalid: spec.template: Required value', status=422),
            "spec.template: Required value",
            id="of an invalid Job, without the name that it never had",
        ),
        pytest.param(Rejected("admission webhook said no", status=403), "admission webhook said no", id="of a webhook"),
        pytest.param(QuotaExceeded("exceeded quota: pods=3"), None, id="of a quota says nothing about tonight"),
        pytest.param(AlreadyExists("there"), None, id="of a taken name says nothing"),
        pytest.param(NotFound("no namespace"), None, id="of a namespace that goes says nothing"),
    ],
)
async def test_a_refusal(error: KubeError, message: str | None) -> None:
    edges = begin()
    edges.kube.fail("try jobs", error)
    await check(edges)
    assert (refusal(edges), edges.entry().remembered.checked) == (message, 1)


async def test_without_an_answer_the_question_stays_open() -> None:
    edges = begin()
    edges.kube.fail("try jobs", Unavailable("down"))
    with pytest.raises(Unavailable):
        await check(edges)
    assert edges.entry().remembered.checked == -1


async def test_dry_run_of_an_older_spec_does_not_count_for_a_newer() -> None:
    edges = begin()

    def edit() -> None:
        edges.edit_job(lambda body: body.update(wire_job(command="", generation=2)))
        edges.watch()
        raise Rejected("Job is invalid: old")

    edges.kube.meanwhile("try jobs", edit)
    await check(edges)
    assert (edges.entry().remembered.checked, refusal(edges)) == (-1, None)
    edges.kube.calls.clear()
    await check(edges)
    assert edges.kube.calls == []


async def test_refused_spec_is_tried_again_later() -> None:
    edges = begin()
    edges.kube.fail("try jobs", Rejected("Job is invalid: image"))
    async with edges.running():
        await asyncio.sleep(10)
        assert edges.entry().remembered.refusal is not None
        assert any(c.reason == "InvalidTemplate" for c in edges.status().conditions)
        await asyncio.sleep(600)
        assert edges.entry().remembered.refusal is None
        ready = next(c for c in edges.status().conditions if c.type == "Ready")
        assert ready.status == "True"


# --- events --------------------------------------------------------------------------------------------------------


def said(edges: Edges) -> list[str]:
    return [edges.kube.has(EVENTS, name)["note"] for name in edges.kube.names(EVENTS)]


def warning(message: str, subject: str = "") -> Report:
    return Report(Severity.WARNING, "JobLost", message, subject)


async def test_same_event_is_sent_once_a_minute_and_others_at_once() -> None:
    edges = begin(schedule="@manually")
    async with edges.running():
        for _ in range(5):
            edges.events.report(edges.entry().job, warning("lost"))
            await asyncio.sleep(1)
        assert said(edges) == ["lost"]
        for report in (warning("b"), warning("lost", "job-1"), Report(Severity.NORMAL, "Other", "lost")):
            edges.events.report(edges.entry().job, report)
        await asyncio.sleep(1)
        assert sorted(said(edges)) == ["b", "job-1: lost", "lost", "lost"]
        await asyncio.sleep(60)
        edges.events.report(edges.entry().job, warning("lost"))
        await asyncio.sleep(1)
        assert said(edges).count("lost") == 3


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        pytest.param(Unavailable("down"), 2, id="without an answer it is said again"),
        pytest.param(Rejected("not allowed"), 1, id="a refusal is accepted"),
        pytest.param(AlreadyExists("said"), 1, id="another replica may have said it"),
    ],
)
async def test_an_event_that_fails(error: KubeError, tries: int) -> None:
    edges = begin(schedule="@manually")
    edges.kube.fail("create events", error)
    async with edges.running():
        edges.events.report(edges.entry().job, warning("lost"))
        await asyncio.sleep(5)
    assert edges.asked("create events") == tries


def test_event_refers_to_its_job_with_microseconds() -> None:
    body = build_event(job_view(), warning("m" * 2000, "s"), at="2026-03-01T12:00:00.5Z", identity="i" * 300)
    assert body["regarding"]["uid"] == UID
    assert body["eventTime"] == "2026-03-01T12:00:00.500000Z"
    assert len(body["note"].encode()) == 1024
    assert body["note"].startswith("s: mmm")
    assert len(body["reportingInstance"]) == 128
