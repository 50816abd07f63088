"""An attempt that is over keeps its outcome, whatever is asked of it a moment later; each refusal counts; a Job that
cannot start or go says so. The Job controller takes a second to tell what a pod tells at once.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dkron_crds.base import rfc3339
from dkron_kube.paths import DKRON_JOBS, JOBS, PODS
from tests.support.jobs import dkron_job, simulated
from tests.support.kube import Kube, condition, finished
from tests.support.sites import Site

pytestmark = pytest.mark.cluster(nodes="kwok")

ASKED = "2026-01-01T00:00:00Z by a test"
HOUR = simulated(run_for="1h")


def running(kube: Kube, name: str) -> tuple[str, dict[str, Any]]:
    """The Job of the only attempt, and its pod, which runs."""
    status = kube.wait_status(name, "to run", lambda s: [e for e in s.get("active", ()) if e.get("uid")])
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


@pytest.mark.parametrize("code", [0, 3])
@pytest.mark.parametrize("asked", ["stop", "newer"])
def test_what_is_over_keeps_its_outcome_whatever_is_asked_a_moment_later(
    shared_site: Site, code: int, asked: str
) -> None:
    kube, name = shared_site.kube, f"over-{asked}-{code}"
    kube.apply(dkron_job(name, jobTemplate=HOUR, run=["once"], concurrency="replace", retries=3))
    kube.apply(dkron_job(f"{name}-next", schedule="", parentJob=name))
    job, pod = running(kube, name)
    end(kube, pod, code)
    if asked == "stop":
        kube.ask_stop(name, job, ASKED)
    else:
        kube.ask_run(name, "again", ASKED)
    status = kube.wait_status(name, "its record", finished(1))
    (record,) = status["executions"]
    assert (record["job"], record["success"], record["exitCode"]) == (job, not code, code)
    assert record.get("reason", "") == ("Error" if code else "")
    assert [entry["attempt"] for entry in status.get("active", ())] == ([] if asked == "stop" else [1]), "no retry"
    if asked == "stop":
        (note,) = kube.wait_for("the Event", lambda: kube.events_of(name, "StopRefused"), bool)
        assert "already" in note
    if not code:
        kube.wait_status(f"{name}-next", "to run after it", finished(1))
    kube.delete(DKRON_JOBS, name)


def test_refused_requests_of_one_second_count_each(shared_site: Site) -> None:
    kube, count = shared_site.kube, 5
    kube.apply(dkron_job("closed", disabled=True, run=[f"r{number}" for number in range(count)]))
    kube.wait_for(
        "the requests to go", lambda: kube.get(DKRON_JOBS, "closed")["metadata"].get("annotations", {}),
        lambda notes: not [key for key in notes if key.startswith("run.")],
    )  # fmt: skip
    skipped = kube.status("closed")["skipped"]
    assert (skipped["count"], skipped["lastReason"]) == (count, "Disabled")
    kube.wait_for("the Events", lambda: kube.events_of("closed", "RunRefused"), lambda notes: len(notes) == count)


@pytest.mark.parametrize(
    ("name", "template", "words"),
    [
        ("suspended", {"spec": {"suspend": True}}, "spec.suspend"),
        ("without-pods", {"spec": {"parallelism": 0}}, "spec.parallelism"),
        ("elsewhere", {"spec": {"managedBy": "tests.dkron.io/another"}}, "spec.managedBy"),
        ("everlasting", {"metadata": {"finalizers": ["tests.dkron.io/kept"]}}, "metadata.finalizers"),
    ],
)
def test_a_template_of_a_job_that_never_starts_or_goes_is_refused(
    shared_site: Site, name: str, template: dict[str, Any], words: str
) -> None:
    kube = shared_site.kube
    kube.apply(dkron_job(name, schedule="@every 1s", jobTemplate=template))
    ready = condition(kube.wait_status(name, "to be judged", lambda s: condition(s, "Ready")), "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "InvalidTemplate")
    assert f"jobTemplate.{words}: " in ready["message"]
    assert kube.jobs_of(name) == []


def test_a_job_that_somebody_has_suspended_and_one_that_finalizers_keep_are_told(shared_site: Site) -> None:
    kube = shared_site.kube
    kube.apply(*(dkron_job(name, jobTemplate=HOUR, run=["once"]) for name in ("paused", "kept")))
    (paused, _), (stays, _) = running(kube, "paused"), running(kube, "kept")
    kube.patch(JOBS, paused, {"spec": {"suspend": True}})
    kube.patch(JOBS, stays, {"metadata": {"finalizers": ["tests.dkron.io/kept"]}})
    kube.ask_stop("kept", stays, ASKED)
    for name, job, reason in (("paused", paused, "Suspended"), ("kept", stays, "KeptByFinalizers")):
        degraded = kube.wait_status(
            name, "Degraded", lambda s: condition(s, "Degraded").get("status") == "True", seconds=60
        )
        assert condition(degraded, "Degraded")["reason"] == reason
        assert job in condition(degraded, "Degraded")["message"]
    kube.patch(JOBS, stays, {"metadata": {"finalizers": []}})
    (record,) = kube.wait_status("kept", "its record", finished(1))["executions"]
    assert record["reason"] == "Stopped"
    kube.patch(JOBS, paused, {"spec": {"suspend": False}})
    kube.wait_status("paused", "to run again", lambda s: condition(s, "Degraded").get("status") == "False", seconds=60)
