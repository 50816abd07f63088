"""DkronJobs, Jobs and pods that people create, edit, stop and delete while the operator is at work."""

from datetime import UTC, datetime, timedelta
from functools import partial
from operator import eq
from typing import Any

import pytest

from dkron_crds.base import rfc3339
from dkron_kube.paths import DKRON_JOBS, JOBS, PODS
from tests.support.jobs import at, dkron_job, simulated
from tests.support.kube import Kube, condition, finished, is_degraded, is_running
from tests.support.sites import Site

pytestmark = pytest.mark.cluster(nodes="kwok")

LONG = simulated(run_for="10m")
HOUR = simulated(run_for="1h")
ASKED = "2026-01-01T00:00:00Z by a test"
NOON = "2026-01-01T12:00:00Z"
SECOND = timedelta(seconds=1)
HOLD = 60 * SECOND


def once(delay: timedelta) -> str:
    return (datetime.now(UTC) + delay).strftime("@at %Y-%m-%dT%H:%M:%SZ")


def wait_running(kube: Kube, name: str) -> str:
    """Wait for a run whose Job was seen; the Job's name."""
    status = kube.wait_status(name, "to run", is_running)
    return str(status["active"][0]["job"])


def running_pod(kube: Kube, name: str) -> tuple[str, dict[str, Any]]:
    """The Job of the only attempt, and its pod, which runs."""
    status = kube.wait_status(name, "to run", is_running)
    (pod,) = kube.wait_for(
        "its pod to run", lambda: kube.all(PODS, f"dkron.io/job={name}"),
        lambda pods: [pod["status"].get("phase") for pod in pods] == ["Running"],
    )  # fmt: skip
    return status["active"][0]["job"], pod


def end(kube: Kube, pod: dict[str, Any], code: int) -> None:
    """The kubelet says that the container has ended, two seconds ago."""
    at = rfc3339(datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=2))
    over = {"exitCode": code, "reason": "Error" if code else "Completed", "startedAt": at, "finishedAt": at}
    containers = [
        {**each, "ready": False, "state": {"terminated": over}} for each in pod["status"]["containerStatuses"]
    ]
    status = {"phase": "Failed" if code else "Succeeded", "containerStatuses": containers}
    kube.patch(PODS, pod["metadata"]["name"], {"status": status}, subresource="status")


@pytest.fixture(scope="module", autouse=True)
def kept(module_site: Site) -> None:
    """Jobs whose Jobs are cleaned up after a minute, which passes while the other tests run."""
    limits = {"executions": 2, "successfulJobs": 1, "failedJobs": 0}
    module_site.kube.apply(
        dkron_job("kept", schedule="@every 5s", history=limits, jobTemplate=simulated()),
        dkron_job("kept-failed", run=["once"], history=limits, jobTemplate=simulated(exit_code=1)),
    )


def test_kubernetes_job_deleted_while_running_is_lost(shared_site: Site) -> None:
    kube = shared_site.kube
    kube.apply(dkron_job("lost", run=["once"], retries=2, jobTemplate=LONG))
    job = wait_running(kube, "lost")
    kube.delete(JOBS, job)
    status = kube.wait_status("lost", "its end", finished(1))
    (execution,) = status["executions"]
    assert (execution["job"], execution["state"], execution["reason"]) == (job, "Failed", "JobLost")
    assert (status["active"], status["status"], status["errorCount"]) == ([], "failed", 1)
    assert condition(status, "Degraded")["reason"] == "JobLost"
    kube.edit("lost", jobTemplate=simulated())
    kube.ask_run("lost", "again", NOON)
    status = kube.wait_status("lost", "a good run", lambda s: s.get("successCount"))
    assert condition(status, "Degraded")["status"] == "False", "a good run puts it right"


def test_a_job_that_is_deleted_takes_its_runs_along(shared_site: Site) -> None:
    kube, operator = shared_site.kube, shared_site.operator
    kube.apply(dkron_job("short-lived", schedule="@every 1s", jobTemplate=LONG))
    wait_running(kube, "short-lived")
    kube.delete(DKRON_JOBS, "short-lived")
    kube.wait_for("its Jobs to go", lambda: kube.jobs_of("short-lived"), lambda jobs: not jobs)
    kube.apply(dkron_job("next-one", run=["once"], jobTemplate=simulated()))
    kube.wait_status("next-one", "its run", finished(1))
    assert kube.jobs_of("short-lived") == [], "nothing is created for a job that is gone"
    operator.check()


# --- what is asked of an attempt that is over -----------------------------------------------------------------------


def test_finished_attempt_keeps_its_outcome_despite_requests(shared_site: Site) -> None:
    """The Job controller takes a second to tell what a pod tells at once. All four happen side by side."""
    kube = shared_site.kube
    cases = {f"over-{asked}-{code}": (asked, code) for asked in ("stop", "newer") for code in (0, 3)}
    for name in cases:
        kube.apply(dkron_job(name, jobTemplate=HOUR, run=["once"], concurrency="replace", retries=3))
        kube.apply(dkron_job(f"{name}-next", schedule="", parentJob=name))
    attempts = {name: running_pod(kube, name) for name in cases}
    for name, (asked, code) in cases.items():
        job, pod = attempts[name]
        end(kube, pod, code)
        if asked == "stop":
            kube.ask_stop(name, job, ASKED)
        else:
            kube.ask_run(name, "again", ASKED)
    for name, (asked, code) in cases.items():
        status = kube.wait_status(name, "its record", finished(1))
        (record,) = status["executions"]
        state = "Failed" if code else "Succeeded"
        assert (record["job"], record["state"], record["exitCode"]) == (attempts[name][0], state, code)
        assert record.get("reason", "") == ("Error" if code else "")
        assert [entry["attempt"] for entry in status.get("active", ())] == ([] if asked == "stop" else [1]), "no retry"
        if asked == "stop":
            (note,) = kube.wait_for("the Event", partial(kube.events_of, name, "StopRefused"), bool)
            assert "already" in note
        if not code:
            kube.wait_status(f"{name}-next", "to run after it", finished(1))


def test_suspended_and_finalizer_blocked_jobs_are_reported(shared_site: Site) -> None:
    kube = shared_site.kube
    kube.apply(*(dkron_job(name, jobTemplate=HOUR, run=["once"]) for name in ("paused", "held")))
    (paused, _), (stays, _) = running_pod(kube, "paused"), running_pod(kube, "held")
    kube.patch(JOBS, paused, {"spec": {"suspend": True}})
    kube.patch(JOBS, stays, {"metadata": {"finalizers": ["tests.dkron.io/kept"]}})
    kube.ask_stop("held", stays, ASKED)
    for name, job, reason in (("paused", paused, "Suspended"), ("held", stays, "KeptByFinalizers")):
        degraded = kube.wait_status(name, "Degraded", is_degraded, seconds=60)
        assert condition(degraded, "Degraded")["reason"] == reason
        assert job in condition(degraded, "Degraded")["message"]
    kube.patch(JOBS, stays, {"metadata": {"finalizers": []}})
    (record,) = kube.wait_status("held", "its record", finished(1))["executions"]
    assert record["reason"] == "Stopped"
    kube.patch(JOBS, paused, {"spec": {"suspend": False}})
    kube.wait_status("paused", "to run again", lambda s: condition(s, "Degraded").get("status") == "False")


def test_jobs_are_deleted_after_their_retention_and_limit(shared_site: Site) -> None:
    kube = shared_site.kube
    kube.wait_for("the failed Job to go", lambda: kube.jobs_of("kept-failed"), lambda jobs: not jobs, seconds=90)
    (failed,) = kube.status("kept-failed")["executions"]
    assert datetime.now(UTC) - at(failed["finishedAt"]) >= HOLD, "a name outlives every doubt"
    kube.wait_for(
        "the oldest Jobs to go",
        lambda: len(kube.jobs_of("kept")),
        lambda there: kube.status("kept")["successCount"] > there + 1,
    )
    assert len(kube.status("kept")["executions"]) == 2
    gone = _counted_without_job(kube, "kept")
    kube.wait_for("their names to go", lambda: gone & _counted_without_job(kube, "kept"), partial(eq, set()))
    ended = [at(job["status"]["completionTime"]) for job in kube.jobs_of("kept") if "completionTime" in job["status"]]
    assert datetime.now(UTC) - min(ended) < HOLD + 20 * SECOND, "what may go goes soon"


def _counted_without_job(kube: Kube, name: str) -> set[str]:
    before, counted, after = kube.jobs_of(name), kube.status(name)["counted"], kube.jobs_of(name)
    return set(counted) - {job["metadata"]["name"] for job in (*before, *after)}
