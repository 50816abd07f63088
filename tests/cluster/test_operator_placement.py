"""Placement by tags on simulated nodes that are labelled, cordoned, tainted, added and removed."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from dkron_kube.paths import PODS
from tests.support.jobs import KEEP_ALL, dkron_job, simulated
from tests.support.kube import NODES, Kube, Object, condition, finished, is_ready
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


def test_too_few_nodes_run_one_member_each_with_an_event(shared_site: Site, fleet: Fleet) -> None:
    kube, (a, b, *_) = shared_site.kube, fleet.names
    fleet.label(a, b)
    kube.apply(placed("few", fleet, "eu:3", jobTemplate=LONG))
    assert on_nodes(kube, "few", 2) == sorted([a, b])
    (note,) = kube.wait_for("an Event", lambda: kube.events_of("few", "FewerNodes"), bool)
    assert (note.startswith("only 2 "), fleet.key in note) == (True, True), note


def test_a_node_that_a_label_takes_out_is_no_server(shared_site: Site, fleet: Fleet) -> None:
    kube, only = shared_site.kube, fleet.names[3]
    away = [name for name in fleet.names if name != only]
    try:
        for name in away:
            kube.patch(NODES, name, {"metadata": {"labels": {"dkron.io/server": "false"}}})
        every: Object = {"schedule": "@every 2s", "history": KEEP_ALL, "jobTemplate": simulated()}
        kube.apply(dkron_job("first", tags={"server": "true:9"}, **every))
        kube.apply(dkron_job("away", tags={"server": "false:9"}, **every))
        # The operator learns of the labels by a watch, and its first runs may come before that.
        kube.wait_status("first", "a slot only on that node", lambda status: {only} in _nodes_of_slots(kube, status))
        kube.wait_status("away", "a slot on the others", lambda status: {*away} in _nodes_of_slots(kube, status))
    finally:
        for name in away:
            kube.patch(NODES, name, {"metadata": {"labels": {"dkron.io/server": None}}})


def _nodes_of_slots(kube: Kube, status: Object) -> list[set[str]]:
    """Where the scheduler put the pods of each slot of which every member has ended."""
    unfinished = {entry["group"] for entry in status.get("active", ())}
    groups: dict[int, set[str]] = {}
    for execution in status.get("executions", ()):
        if execution["group"] not in unfinished:
            groups.setdefault(execution["group"], set()).add(execution["job"])
    nodes = {
        pod["metadata"]["labels"].get("batch.kubernetes.io/job-name"): pod["spec"].get("nodeName", "")
        for pod in kube.all(PODS)
    }
    return [{nodes.get(job, "") for job in jobs} for jobs in groups.values()]


def test_slots_are_skipped_while_no_node_matches(shared_site: Site, fleet: Fleet) -> None:
    kube = shared_site.kube
    kube.apply(placed("nowhere", fleet, run=[], schedule="@every 1s"))
    kube.apply(placed("asked", fleet))
    status = kube.wait_status("nowhere", "to skip a slot", lambda status: status.get("skipped"))
    assert status["skipped"]["lastReason"] == "NoMatchingNode"
    assert is_ready(status)
    assert fleet.key in kube.wait_for("an Event", lambda: kube.events_of("nowhere", "SlotSkipped"), bool)[0]
    assert fleet.key in kube.wait_for("an Event", lambda: kube.events_of("asked", "RunRefused"), bool)[0]
    assert kube.jobs_of("nowhere") == []
    name = fleet.add(value="eu")
    status = kube.wait_status("nowhere", "to run on the new node", finished(1))
    assert {one["nodeName"] for one in status["executions"]} == {name}
    kube.edit("nowhere", disabled=True)


def test_failed_member_is_retried_on_its_node(shared_site: Site, fleet: Fleet) -> None:
    kube, (a, b, *_) = shared_site.kube, fleet.names
    fleet.label(a, b)
    backoff = {"initial": "1s", "factor": 1, "max": "1s"}
    kube.apply(placed("stubborn", fleet, retries=1, retryBackoff=backoff, jobTemplate=simulated(run_for="15s")))
    on_nodes(kube, "stubborn", 2)
    for attempt in ("1", "2"):
        pod = kube.wait_for(f"attempt {attempt} on {b}", partial(pod_of, kube, "stubborn", attempt, b), bool)
        kube.delete(PODS, pod["metadata"]["name"])
    status = kube.wait_status("stubborn", "to end", ended(3), seconds=45)
    told = sorted((one["nodeName"], one["attempt"], one["success"]) for one in status["executions"])
    assert told == [(a, 1, True), (b, 1, False), (b, 2, False)]
    assert (status["status"], status["successCount"], status["errorCount"]) == ("partially_failed", 1, 2)


def pod_of(kube: Kube, name: str, attempt: str, node: str) -> Object:
    """The pod of this attempt on this node; empty if it is not there."""
    jobs = {job["metadata"]["name"] for job in kube.jobs_of(name) if noted(job, "attempt") == attempt}
    pods = kube.all(PODS, f"dkron.io/job={name}")
    of_attempt = (pod for pod in pods if pod["metadata"]["labels"]["batch.kubernetes.io/job-name"] in jobs)
    return next((pod for pod in of_attempt if pod["spec"].get("nodeName") == node), {})


def test_tainted_node_keeps_its_member_pending_and_degraded(shared_site: Site, fleet: Fleet) -> None:
    kube, (a, b, *_) = shared_site.kube, fleet.names
    fleet.label(a, b)
    fleet.taint(b)
    kube.apply(placed("kept-out", fleet))
    status = kube.wait_status("kept-out", "to be degraded", _is_degraded, seconds=40)
    assert condition(status, "Degraded")["reason"] == "Unschedulable"
    assert [entry["nodeName"] for entry in status["active"]] == [b]
    fleet.taint(b, on=False)
    assert kube.wait_status("kept-out", "to end", ended(2))["status"] == "success"


def _is_degraded(status: Object) -> bool:
    return bool(condition(status, "Degraded").get("status") == "True")


def test_member_of_a_removed_node_fails(shared_site: Site, fleet: Fleet) -> None:
    kube = shared_site.kube
    fleet.label(fleet.names[0])
    name = fleet.add(value="eu")
    fleet.taint(name)
    kube.apply(placed("stranded", fleet, retries=3))
    kube.wait_status("stranded", "to be degraded", _is_degraded, seconds=40)
    fleet.remove(name)
    status = kube.wait_status("stranded", "to end", ended(2))
    assert [(one["nodeName"], one["reason"]) for one in status["executions"] if not one["success"]] == [
        (name, "NodeGone")
    ]
    assert status["status"] == "partially_failed"
    kube.wait_for("its Job to go", lambda: len(kube.jobs_of("stranded")), lambda count: count == 1)


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
    assert (failed["nodeName"], failed["success"], failed["reason"]) == (gone, False, "PodLost")
    assert [entry["nodeName"] for entry in status["active"]] == [there], "the others go on"
