"""Executions that are stopped: the Job controller and the garbage collector do their part.

A finalizer of the test's own is the grace period of a pod: it is over when the test says so.
"""

from typing import Any

import pytest

from dkron_kube.paths import DKRON_JOBS, JOBS, PODS
from tests.support.jobs import dkron_job
from tests.support.kube import Kube, finished, is_running
from tests.support.sites import Site

pytestmark = pytest.mark.cluster(nodes="kwok")

HOLD = "tests.dkron.io/grace"
RETRIES: dict[str, Any] = {"retries": 3, "retryBackoff": {"initial": "1s", "factor": 1, "max": "1s"}}
ASKED = "2026-01-01T00:00:00Z by a test"
MESSAGE = "asked for at 2026-01-01T00:00:00Z by a test"


def lasting(name: str, **spec: Any) -> dict[str, Any]:
    """A job whose pod runs for an hour."""
    template = {"spec": {"template": {"metadata": {"annotations": {"kwok.dkron.io/run-for": "1h"}}}}}
    return dkron_job(name, **{"run": ["once"], **RETRIES, "jobTemplate": template, **spec})


def running(kube: Kube, name: str, *, held: bool = True) -> dict[str, Any]:
    """The first attempt that runs, as status has it. Its pod takes as long to end as the test wants."""
    status = kube.wait_status(name, "to run", is_running)
    kube.wait_for("its pod to run", lambda: pods(kube, name), lambda found: _phases(found) == ["Running"])
    for pod in pods(kube, name) if held else ():
        kube.patch(PODS, pod["metadata"]["name"], {"metadata": {"finalizers": [HOLD]}})
    entry: dict[str, Any] = status["active"][0]
    return entry


def pods(kube: Kube, name: str) -> list[dict[str, Any]]:
    return kube.all(PODS, f"dkron.io/job={name}")


def reap(kube: Kube, name: str) -> None:
    """The grace period is over, and with it the pod and the Job."""
    kube.wait_for(
        "its pods to be deleted", lambda: pods(kube, name),
        lambda found: all("deletionTimestamp" in pod["metadata"] for pod in found),
    )  # fmt: skip
    for pod in pods(kube, name):
        kube.patch(PODS, pod["metadata"]["name"], {"metadata": {"finalizers": None}})
    kube.wait_for("its Job to go", lambda: kube.jobs_of(name), lambda jobs: not jobs)


def wishes(kube: Kube, name: str) -> list[str]:
    """The annotations that ask for something; others stay."""
    notes = kube.get(DKRON_JOBS, name)["metadata"].get("annotations", {})
    return [key for key in notes if key.startswith(("stop.", "run."))]


def assert_stopped_once(kube: Kube, name: str) -> None:
    """The record is there and stays the only one; the wish is gone."""
    kube.wait_for("the wish to go", lambda: wishes(kube, name), lambda found: not found)
    status = kube.status(name)
    (record,) = status["executions"]
    assert (record["state"], record["reason"], record["message"]) == ("Failed", "Stopped", MESSAGE)
    assert (status.get("active", []), status["errorCount"], status["status"]) == ([], 1, "failed")
    assert kube.jobs_of(name) == []


def test_stopped_execution_is_active_until_its_pod_ends(shared_site: Site) -> None:
    kube = shared_site.kube
    kube.apply(lasting("stopped"))
    entry = running(kube, "stopped")
    kube.ask_stop("stopped", entry["job"], ASKED)
    kube.wait_for(
        "its Job to be deleted", lambda: kube.get(JOBS, entry["job"])["metadata"], lambda m: "deletionTimestamp" in m
    )
    assert [e["id"] for e in kube.status("stopped")["active"]] == [entry["id"]]
    reap(kube, "stopped")
    kube.wait_status("stopped", "its record", finished(1))
    assert_stopped_once(kube, "stopped")
    assert kube.wait_for("the Event", lambda: kube.events_of("stopped", "ExecutionStopped"), bool) == [
        f"{entry['job']}: attempt 1 was stopped: {MESSAGE}"
    ]


def _phases(found: list[dict[str, Any]]) -> list[str]:
    return [pod["status"].get("phase", "") for pod in found]
