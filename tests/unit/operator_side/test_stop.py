"""The stop of a Job around a fake API server: what is asked, in which order, and what becomes of it."""

import asyncio
from functools import partial
from typing import Any

import pytest

from dkron_crds.job import Attempt, JobStatus
from dkron_crds.names import ACCEPTED
from dkron_kube.errors import KubeError, Rejected, Unavailable
from dkron_kube.paths import DKRON_JOBS, EVENTS, JOBS, PODS
from tests.support.builders import NAME, NOON, UID, claim, ended, job_view, seen, terminated, wire_pod, wire_run
from tests.support.edges import Edges, begin
from tests.support.fake_kube import FakeKube

pytestmark = pytest.mark.looptime
ENTRY = claim()
RUNNING: dict[str, Any] = {"running": {"startedAt": "2026-03-01T12:00:01Z"}}
KEY = f"stop.dkron.io/{ENTRY.job}"
WISH = {ENTRY.job: "2026-03-01T12:00:05Z by ada"}


def running(*, log: bytes | KubeError = b"hello\n", deleting: bool = False, written: bool = True) -> Edges:
    """A DkronJob with one attempt that runs, and a request that it stops."""
    kube = FakeKube()
    kube.put(JOBS, wire_run(ENTRY, status={"ready": 1}, deleting=deleting))
    kube.put(PODS, wire_pod(states={"job": RUNNING}, of=ENTRY.job))
    kube.logs["pod"] = log
    fingerprint = job_view(schedule="@manually").fingerprint
    status = JobStatus(since=NOON, fingerprint=fingerprint, active=(seen(ENTRY),) if written else ())
    return begin(kube, schedule="@manually", status=status, stops=WISH)


def pod_ends(edges: Edges, state: dict[str, Any], *, phase: str = "") -> None:
    """Its container has ended, and kubelet and garbage collector do their work a moment later."""
    status = {"containerStatuses": [{"name": "job", "state": state}]} | ({"phase": phase} if phase else {})
    edges.kube.edit(PODS, "pod", lambda pod: pod["status"].update(status))


async def reap(edges: Edges) -> Attempt:
    """The garbage collector removes the Job and its pod after a second; what is recorded then."""
    await asyncio.sleep(1)
    edges.kube.remove(PODS, "pod")
    edges.handlers.feed_attempt("DELETED", edges.kube.remove(JOBS, ENTRY.job))
    await asyncio.sleep(1)
    (record,) = edges.status().executions
    return record


def events(edges: Edges) -> list[tuple[str, str]]:
    return [(body["reason"], body["note"]) for body in edges.kube.bodies if body.get("kind") == "Event"]


def end(edges: Edges, kind: str = "Complete") -> None:
    edges.kube.edit(JOBS, ENTRY.job, lambda job: job.update(status=ended(kind)))


def order(edges: Edges) -> list[str]:
    wanted = ("write dkronjobs", "delete jobs", "log pods", "follow pods", "patch dkronjobs")
    return [call.rsplit(" ", 1)[0] for call in edges.kube.calls if call.startswith(wanted)]


def wishes(edges: Edges) -> list[str]:
    return [key for key in edges.kube.has(DKRON_JOBS, NAME)["metadata"].get("annotations", {}) if key != ACCEPTED]


async def test_a_stop_from_the_wish_to_the_record() -> None:
    edges = running()
    async with edges.running():
        await asyncio.sleep(1)
        assert "deletionTimestamp" in edges.kube.has(JOBS, ENTRY.job)["metadata"]
        assert [entry.job for entry in edges.status().active] == [ENTRY.job], "active until its pod is over"
        assert wishes(edges) == [KEY]
        pod_ends(edges, terminated(143, reason="Error"))
        record = await reap(edges)
        assert (record.reason, record.exit_code, record.output) == ("Stopped", 143, "hello\n")
        assert record.message == "asked for at 2026-03-01T12:00:05Z by ada"
        assert (edges.status().active, wishes(edges)) == ((), [])
        assert [call for call in order(edges) if call != "write dkronjobs"] == [
            "log pods", "follow pods", "delete jobs", "patch dkronjobs"
        ], "the log is read before its pod goes, and the wish is removed last"  # fmt: skip
        assert order(edges)[-2:] == ["write dkronjobs", "patch dkronjobs"]


async def test_attempt_recorded_while_its_log_opens_is_not_deleted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    edges = running()

    async def recorded(_: object) -> None:
        edges.entry().observed.final_output.clear()

    monkeypatch.setattr(edges.parts.effects._stopper, "_await_watch", recorded)
    async with edges.running():
        await edges.parts.effects._stopper._stop((UID, ENTRY.job))
        assert "delete jobs" not in order(edges)
    assert "Traceback" not in caplog.text


async def test_output_during_the_grace_period_is_kept() -> None:
    edges = running()
    edges.kube.meanwhile("follow pods", lambda: edges.kube.logs.update(pod=b"hello\nbye\n"))
    async with edges.running():
        record = await reap(edges)
    assert (record.output, record.exit_code) == ("hello\nbye\n", None), "its exit code was not seen in time"


@pytest.mark.parametrize(
    "error", [Unavailable("the kubelet is gone"), Rejected("not allowed", status=403)], ids=["silent", "forbidden"]
)
async def test_a_log_that_cannot_be_read_does_not_keep_it(error: KubeError) -> None:
    edges = running(log=error)
    async with edges.running():
        record = await reap(edges)
    assert (record.reason, record.output) == ("Stopped", "")


async def test_operator_after_a_crash_reads_the_log_of_a_deleted_job() -> None:
    edges = running(deleting=True)
    async with edges.running():
        record = await reap(edges)
    assert (record.reason, record.output) == ("Stopped", "hello\n")
    assert "delete jobs" not in order(edges)


async def test_job_that_ends_before_its_deletion_ended_by_itself() -> None:
    edges = running()
    edges.kube.meanwhile("delete jobs", partial(end, edges))
    edges.kube.edit(PODS, "pod", lambda pod: pod["status"].update(containerStatuses=[]))
    async with edges.running():
        await asyncio.sleep(2)
        (record,) = edges.status().executions
        assert (record.success, record.reason, wishes(edges)) == (True, "", [])
        assert "deletionTimestamp" not in edges.kube.has(JOBS, ENTRY.job)["metadata"]
        assert "StopRefused" in dict(events(edges))


@pytest.mark.parametrize(
    ("phase", "code"), [pytest.param("Succeeded", 0, id="succeeded"), pytest.param("Failed", 3, id="failed")]
)
@pytest.mark.parametrize("moment", ["before", "while its log is read", "while its output is followed"])
async def test_attempt_with_an_ended_pod_keeps_its_outcome(phase: str, code: int, moment: str) -> None:
    edges = running()

    def over() -> None:
        pod_ends(edges, terminated(code, reason="Error" if code else "Completed"), phase=phase)

    if moment == "before":
        over()
    else:
        edges.kube.meanwhile("log pods" if "log" in moment else "follow pods", over)
    async with edges.running():
        await asyncio.sleep(3)
        assert "deletionTimestamp" not in edges.kube.has(JOBS, ENTRY.job)["metadata"]
        assert (len(edges.status().active), wishes(edges)) == (1, [KEY]), "its Job has the word"
        calls = len(edges.kube.calls)
        await asyncio.sleep(9)
        assert len(edges.kube.calls) == calls, "and is waited for in silence"
        kind = "Failed" if code else "Complete"
        end(edges, kind)
        edges.watch()
        await asyncio.sleep(2)
        (record,) = edges.status().executions
        assert (record.success, record.reason, record.exit_code) == (not code, "Error" if code else "", code)
        assert (edges.status().active, wishes(edges)) == ((), [])
        assert "StopRefused" in dict(events(edges))


async def test_job_already_gone_is_recorded_as_stopped() -> None:
    edges = running()
    edges.kube.meanwhile("delete jobs", partial(edges.kube.remove, JOBS, ENTRY.job))
    async with edges.running():
        await asyncio.sleep(2)
        assert [record.reason for record in edges.status().executions] == ["Stopped"]


@pytest.mark.parametrize("delay", [0.5, 0.9], ids=str)
async def test_job_ended_and_deleted_elsewhere_keeps_its_outcome(delay: float) -> None:
    edges = running()

    def vanish() -> None:
        end(edges)
        edges.kube.remove(PODS, "pod")
        last = edges.kube.remove(JOBS, ENTRY.job)
        asyncio.get_running_loop().call_later(delay, edges.handlers.feed_attempt, "DELETED", last)

    edges.kube.meanwhile("delete jobs", vanish)
    async with edges.running():
        await asyncio.sleep(3)
        (record,) = edges.status().executions
        assert (record.success, record.reason, wishes(edges)) == (True, "", [])
        assert "StopRefused" in dict(events(edges))
        assert order(edges).count("delete jobs") == 1, "it waits for the watch without asking again"


async def test_refused_deletion_is_reported_and_retried() -> None:
    edges = running()
    edges.kube.fail("delete jobs", Rejected("says the policy", status=403))
    async with edges.running():
        await asyncio.sleep(10)
        assert edges.kube.has(JOBS, ENTRY.job)["metadata"]["deletionTimestamp"]
    told = [edges.kube.has(EVENTS, name) for name in edges.kube.names(EVENTS)]
    (note,) = [event["note"] for event in told if event["reason"] == "WriteRefused"]
    assert note == f"{ENTRY.job}: the API server refuses to delete this Job: says the policy"
