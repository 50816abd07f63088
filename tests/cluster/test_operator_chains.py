"""Chains and ephemeral jobs in a real cluster: what runs after what, and what goes."""

from functools import partial
from typing import Any

import pytest

from dkron_kube.paths import DKRON_CLUSTERS, DKRON_JOBS
from tests.support.jobs import dkron_job, simulated
from tests.support.kube import Kube, finished, is_ready
from tests.support.sites import Site

pytestmark = [pytest.mark.cluster(nodes="kwok"), pytest.mark.promise]

NOON = "2026-01-01T12:00:00Z"


def after(name: str, parent: str, **spec: Any) -> dict[str, Any]:
    """A job that runs after another one."""
    return dkron_job(name, schedule="", parentJob=parent, **{"jobTemplate": simulated(), **spec})


def wait_settled(kube: Kube, name: str) -> None:
    kube.wait_status(name, "its dependents to have noted it", lambda status: not status.get("ended"))


def runs(kube: Kube, name: str) -> list[str]:
    """The triggers of the executions of a job, the newest first."""
    return [execution["trigger"] for execution in kube.status(name)["executions"]]


def test_a_tree_runs_down_from_its_root_each_job_once(shared_site: Site) -> None:
    kube = shared_site.kube
    kube.apply(
        dkron_job("tree", jobTemplate=simulated()),
        after("tree-left", "tree"),
        after("tree-right", "tree", jobTemplate=simulated(exit_code=1)),
        after("tree-leaf", "tree-left"),
        after("tree-never", "tree-right"),
    )
    for name in ("tree-left", "tree-right", "tree-leaf", "tree-never"):
        kube.wait_status(name, "to be ready", is_ready)
    kube.ask_run("tree", "go", NOON)
    leaf = kube.wait_status("tree-leaf", "its run", finished(1))
    kube.wait_status("tree-right", "its run", finished(1))
    for name in ("tree", "tree-left", "tree-right", "tree-leaf"):
        wait_settled(kube, name)
    assert [runs(kube, name) for name in ("tree-left", "tree-right")] == [["dependent"]] * 2
    assert leaf["executions"][0]["slot"] == kube.status("tree-left")["executions"][0]["finishedAt"]
    assert kube.status("tree")["dependentJobs"] == ["tree-left", "tree-right"]
    assert kube.jobs_of("tree-never") == []


def test_ephemeral_chain_is_deleted_and_stays_in_the_totals(shared_site: Site) -> None:
    kube = shared_site.kube

    def total() -> int:
        found = kube.find(DKRON_CLUSTERS, "dkron") or {}
        return sum(day["success"] + day["failed"] for day in (found.get("status") or {}).get("days", ()))

    kube.apply(
        dkron_job("mayfly", ephemeral=True, jobTemplate=simulated()),
        after("mayfly-kid", "mayfly", ephemeral=True),
        after("mayfly-heir", "mayfly-kid"),
        dkron_job("mayfly-failed", ephemeral=True, run=["once"], jobTemplate=simulated(exit_code=1)),
    )
    for name in ("mayfly-kid", "mayfly-heir"):
        kube.wait_status(name, "to be ready", is_ready)
    kube.wait_status("mayfly-failed", "its run", finished(1))
    before = kube.wait_for("the totals", total, lambda count: count > 0)
    kube.ask_run("mayfly", "go", NOON)
    kube.wait_status("mayfly-heir", "its run", finished(1))
    for name in ("mayfly", "mayfly-kid"):
        kube.wait_for(f"{name} to go", partial(kube.find, DKRON_JOBS, name), lambda found: found is None)
        kube.wait_for(f"the Jobs of {name} to go", partial(kube.jobs_of, name), lambda jobs: not jobs)
    kube.wait_for("the totals", total, lambda count: count >= before + 3)
    assert kube.find(DKRON_JOBS, "mayfly-failed") is not None
