"""Placement by tags on simulated nodes that are labelled, cordoned, tainted, added and removed."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dkron_kube.paths import PODS
from tests.support.jobs import KEEP_ALL, dkron_job, simulated
from tests.support.kube import Kube, Object, condition, finished, is_degraded
from tests.support.nodes import Fleet, fleet_of
from tests.support.sites import Site

pytestmark = [pytest.mark.cluster(nodes="kwok:5"), pytest.mark.promise]

LONG = simulated(run_for="1h")


@pytest.fixture
def fleet(module_site: Site) -> Iterator[Fleet]:
    """The five nodes of the cluster."""
    with fleet_of(module_site.kube) as found:
        yield found


def placed(name: str, fleet: Fleet, tag: str = "eu", **spec: Any) -> Object:
    fields = {"run": ["once"], "history": KEEP_ALL, "jobTemplate": simulated(), **spec}
    return dkron_job(name, tags={fleet.key: tag}, **fields)


def noted(job: Object, what: str) -> str:
    return str(job["metadata"]["annotations"].get(f"dkron.io/{what}", ""))


def nodes_of(kube: Kube, name: str) -> list[str]:
    """Where the pods of a job are."""
    return sorted(pod["spec"].get("nodeName", "") for pod in kube.all(PODS, f"dkron.io/job={name}"))


def on_nodes(kube: Kube, name: str, count: int) -> list[str]:
    def scheduled(nodes: list[str]) -> bool:
        return len(nodes) == count and all(nodes)

    return kube.wait_for(f"{count} pods of {name} on nodes", lambda: nodes_of(kube, name), scheduled)


def ended(count: int) -> Callable[[Object], bool]:
    return lambda status: len(status.get("executions", ())) == count and not status.get("active")


@pytest.fixture(scope="module", autouse=True)
def vanished(module_site: Site) -> tuple[str, str]:
    """A node that runs a member of `orphan` and one that vanishes under another, at the beginning: the controllers of
    Kubernetes let a node be gone for most of a minute, in which the other tests run, before they delete its pods."""
    kube = module_site.kube
    with fleet_of(kube) as fleet:
        fleet.label(fleet.names[0])
        name = fleet.add(value="eu")
        kube.apply(placed("orphan", fleet, jobTemplate=LONG))
        on_nodes(kube, "orphan", 2)
    return fleet.names[0], name


def test_every_matching_schedulable_node_gets_one_job(shared_site: Site, fleet: Fleet) -> None:
    kube, (a, b, c, *_) = shared_site.kube, fleet.names
    fleet.label(a, b)
    fleet.label(c, value="us")
    fleet.label(fleet.names[3], prefix="dkron.io/")
    fleet.label(fleet.names[4])
    fleet.cordon(fleet.names[4])
    kube.apply(placed("everywhere", fleet))
    status = kube.wait_status("everywhere", "to end on three nodes", ended(3))
    wanted = sorted([a, b, fleet.names[3]])
    assert nodes_of(kube, "everywhere") == wanted
    assert sorted(one["nodeName"] for one in status["executions"]) == wanted
    assert sorted(one["member"] for one in status["executions"]) == wanted
    assert len({one["group"] for one in status["executions"]}) == 1
    assert (status["status"], status["successCount"]) == ("success", 3)


def test_tainted_node_keeps_its_member_pending_and_degraded(shared_site: Site, fleet: Fleet) -> None:
    kube, (a, b, *_) = shared_site.kube, fleet.names
    fleet.label(a, b)
    fleet.taint(b)
    kube.apply(placed("kept-out", fleet))
    status = kube.wait_status("kept-out", "to be degraded", is_degraded, seconds=40)
    assert condition(status, "Degraded")["reason"] == "Unschedulable"
    assert [entry["nodeName"] for entry in status["active"]] == [b]
    fleet.taint(b, on=False)
    assert kube.wait_status("kept-out", "to end", ended(2))["status"] == "success"


def test_scheduler_spreads_a_count_over_consecutive_runs(shared_site: Site, fleet: Fleet) -> None:
    kube = shared_site.kube
    fleet.label(*fleet.names[1:])
    kube.apply(placed("again", fleet, "eu:2", run=["a", "b"], jobTemplate=simulated(run_for="3s")))
    status = kube.wait_status("again", "to end twice", ended(4))
    by_group: dict[int, list[str]] = {}
    for one in status["executions"]:
        by_group.setdefault(one["group"], []).append(one["nodeName"])
    assert [len(set(nodes)) for nodes in by_group.values()] == [2, 2]
    assert set().union(*by_group.values()) <= set(fleet.names[1:])
    assert {noted(job, "node") for job in kube.jobs_of("again")} == {""}, "the scheduler chooses"
    assert kube.events_of("again", "FewerNodes") == []


@pytest.mark.timeout(600)
def test_member_whose_node_vanishes_is_recorded_as_failed(shared_site: Site, vanished: tuple[str, str]) -> None:
    status = shared_site.kube.wait_status("orphan", "to be recorded", finished(1), seconds=150)
    (failed,) = status["executions"]
    there, gone = vanished
    assert (failed["nodeName"], failed["state"], failed["reason"]) == (gone, "Failed", "PodLost")
    assert [entry["nodeName"] for entry in status["active"]] == [there], "the others go on"
