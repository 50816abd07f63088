"""The nodes as a watch tells of them, and the jobs that are queued for a change."""

from collections.abc import Mapping
from typing import Any

import pytest

from dkron_kube.errors import Rejected, Unavailable
from dkron_kube.paths import DKRON_JOBS, JOBS
from tests.support.builders import after, claim, wire_job
from tests.support.edges import Edges, begin, until
from tests.support.watching import listed

pytestmark = pytest.mark.looptime
Object = dict[str, Any]
FORBIDDEN = Rejected('nodes is forbidden: User "limited" cannot list resource "nodes"', status=403)


def wire_node(name: str, labels: Mapping[str, str] | None = None, **fields: Any) -> Object:
    metadata = {"name": name, "uid": f"uid-of-{name}", "labels": {"dc": "eu"} if labels is None else dict(labels)}
    return {"metadata": metadata, "status": {"conditions": [{"type": "Ready", "status": "True"}]}, **fields}


def known(edges: Edges, *names: str) -> None:
    """The nodes are listed, and their watch has begun."""
    informer = edges.parts.nodes.informer
    listed(informer, map(wire_node, names))
    informer.alive()
    informer.alive()


def pinned_jobs(edges: Edges) -> list[str]:
    notes = [edges.kube.has(JOBS, name)["metadata"]["annotations"] for name in edges.kube.names(JOBS)]
    return sorted(note["dkron.io/node"] for note in notes)


def ready(edges: Edges) -> tuple[str, str]:
    (condition,) = (one for one in edges.status().conditions if one.type == "Ready")
    return condition.status, condition.reason


async def test_slot_waits_for_the_nodes_and_then_runs_on_each() -> None:
    edges = begin(tags={"dc": "eu"})
    async with edges.running():
        await until(65)
        assert edges.kube.names(JOBS) == []
        assert edges.status().skipped is None
        known(edges, "n1", "n2")
        await until(66)
        assert pinned_jobs(edges) == ["n1", "n2"]
        assert sorted(entry.node_name for entry in edges.status().active) == ["n1", "n2"]
        assert edges.status().last_schedule_time == after(60)


async def test_node_changes_apply_to_the_next_slot() -> None:
    edges = begin(tags={"dc": "eu"})
    nodes = edges.parts.nodes.informer
    async with edges.running():
        await until(50)
        known(edges, "n1", "n2", "n3")
        nodes.upsert(wire_node("n4"))
        nodes.upsert(wire_node("n1", spec={"unschedulable": True}))
        nodes.upsert(wire_node("n2", {"dc": "us"}))
        nodes.remove(wire_node("n3"))
        await until(61)
        assert pinned_jobs(edges) == ["n4"]


async def test_a_list_without_a_watch_is_not_enough() -> None:
    nodes = begin(tags={"dc": "eu"}).parts.nodes
    for _ in range(2):
        listed(nodes.informer, [wire_node("n1")])
        nodes.informer.alive()
        nodes.informer.failed(FORBIDDEN)
    assert nodes.view is None
    assert nodes.problem is not None


async def test_outage_keeps_known_nodes_and_a_revoked_right_shows() -> None:
    edges = begin(tags={"dc": "eu"})
    async with edges.running():
        await until(1)
        known(edges, "n1")
        edges.parts.nodes.informer.failed(Unavailable("no answer"))
        await until(61)
        assert pinned_jobs(edges) == ["n1"]
        assert ready(edges)[0] == "True"
        edges.parts.nodes.informer.failed(FORBIDDEN)
        await until(65)
        assert ready(edges) == ("False", "NodesForbidden")


async def test_only_a_changed_node_queues_jobs() -> None:
    edges = begin(tags={"dc": "eu"})
    nodes = edges.parts.nodes.informer
    async with edges.running():
        await until(1)
        known(edges, "n1")
        await until(3)
        assert edges.status().conditions[0].message == ""
        queue = edges.parts.jobs
        nodes.upsert(wire_node("n1"))
        listed(nodes, [wire_node("n1")])
        assert len(queue) == 0, "a heartbeat"
        nodes.upsert(wire_node("n1", {"dc": "us"}))
        assert len(queue) == 1
        await until(5)
        assert "dc=eu" in edges.status().conditions[0].message


async def test_nodes_are_not_looked_at_before_a_job_has_tags() -> None:
    edges = begin()
    async with edges.running():
        edges.parts.nodes.informer.failed(FORBIDDEN)
        await until(61)
        assert edges.kube.names(JOBS) == [claim(after(60)).job]
        assert ready(edges)[0] == "True"
        assert "follow nodes" not in edges.kube.calls
        edges.kube.put(DKRON_JOBS, wire_job(tags={"dc": "eu"}, generation=2))
        edges.watch()
        await until(62)
        assert "follow nodes" in edges.kube.calls


async def test_a_call_without_a_pod_reaches_no_node() -> None:
    call = {"method": "GET", "url": "http://93.184.0.7:1/", "inline": "true"}
    edges = begin(inline_calls=1, executor="http", executorConfig=call)
    node = wire_node("n1")
    node["status"]["addresses"] = [{"type": "InternalIP", "address": "93.184.0.7"}, {"type": "Hostname"}]
    nodes = edges.parts.nodes
    listed(nodes.informer, [node, wire_node("n2")])
    async with edges.running():
        await until(66)
        (record,) = edges.status().executions
        assert "the operator calls only public addresses outside the cluster, not 93.184.0.7" in record.output
    assert [nodes.have(each) for each in ("93.184.0.7", "93.184.0.8")] == [True, False]
    nodes.informer.remove(node)
    assert not nodes.have("93.184.0.7")
