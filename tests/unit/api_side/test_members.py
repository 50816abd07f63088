"""Members and leader as Dkron's clients see them, read from Nodes and the Lease (Dkron behaviour §1.3)."""

from datetime import datetime
from typing import Any

import pytest

from dkron_api.edge.keys import CLUSTERS, LEASES, NODES
from dkron_api.routes import cluster
from dkron_api.translate.members import Replica, holder, leader_of, members
from dkron_crds.base import rfc3339
from dkron_crds.lease import leave_annotation
from dkron_crds.node_tags import AgentTags
from dkron_kube.errors import Rejected
from dkron_kube.paths import LEASES as LEASES_PATH
from tests.support.api_app import Api, object_of, running_api
from tests.support.builders import NOON, after

ROUTES = (cluster.ROUTES,)

Object = dict[str, Any]
FIELDS = [
    *("Name", "Addr", "Port", "Tags", "Status", "ProtocolMin", "ProtocolMax", "ProtocolCur"),
    *("DelegateMin", "DelegateMax", "DelegateCur", "id", "statusText"),
]
REPLICA = Replica("replica-a", "10.0.0.9", "0.1.0")


def wire_lease(*, renewed: datetime = NOON, **spec: Any) -> Object:
    held = {"holderIdentity": "replica-a", "leaseDurationSeconds": 5, "renewTime": rfc3339(renewed)}
    notes = {"dkron.io/address": "10.0.0.9", "dkron.io/version": "0.1.0"}
    return object_of("dkron", spec={**held, **spec}, metadata={"annotations": notes})


def wire_node(name: str = "n1", *, ready: str = "True", **status: Any) -> Object:
    default = {
        "addresses": [{"type": "Hostname", "address": name}, {"type": "InternalIP", "address": "10.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        "conditions": [{"type": "DiskPressure", "status": "False"}, {"type": "Ready", "status": ready}],
    }
    return object_of(name, metadata={"labels": {"zone": "b", "dc": "eu"}}, status={**default, **status})


def names(found: list[Object]) -> list[str]:
    return [member["Name"] for member in found]


def test_node_is_a_member_with_the_fields_of_dkron_in_order() -> None:
    [member] = members([wire_node()], None)
    assert list(member) == FIELDS
    assert list(member["Tags"]) == ["dc", "region", "role", "server", "zone"]
    assert member == {
        "Name": "n1", "Addr": "10.0.0.1", "Port": 10250,
        "Tags": {"dc": "eu", "region": "global", "role": "dkron", "server": "true", "zone": "b"}, "Status": 1,
        "ProtocolMin": 1, "ProtocolMax": 5, "ProtocolCur": 2, "DelegateMin": 2, "DelegateMax": 5, "DelegateCur": 4,
        "id": "uid-of-n1", "statusText": "alive",
    }  # fmt: skip


def test_leader_precedes_the_nodes_sorted_by_name() -> None:
    found = members([wire_node("n2"), wire_node("n10"), wire_node("a")], REPLICA)
    assert names(found) == ["replica-a", "a", "n10", "n2"]
    assert list(found[0]) == FIELDS
    own = {"dc": "dc1", "region": "global", "role": "dkron", "server": "true"}
    assert found[0]["Tags"] == {**own, "version": "0.1.0"}
    assert found[0]["Addr"] == "10.0.0.9"


def test_a_node_that_takes_no_pods_is_leaving() -> None:
    node = wire_node()
    node["spec"] = {"unschedulable": True}
    [member] = members([node], None)
    assert (member["Status"], member["statusText"]) == (2, "leaving")


def test_members_have_the_dc_and_region_of_the_installation() -> None:
    found = members([object_of("n1", status=wire_node()["status"])], REPLICA, AgentTags("dc7", "moon"))
    assert [(member["Tags"]["dc"], member["Tags"]["region"]) for member in found] == [("dc7", "moon")] * 2


@pytest.mark.parametrize(
    "node",
    [
        pytest.param(wire_node(ready="False"), id="not ready"),
        pytest.param(wire_node(ready="Unknown"), id="not heard of"),
        pytest.param(wire_node(conditions=[]), id="without conditions"),
        pytest.param(object_of("n1"), id="that has just been created"),
    ],
)
def test_no_member_is_a_node(node: Object) -> None:
    assert members([node], None) == []


def test_first_of_several_internal_addresses_is_used() -> None:
    both = [{"type": "InternalIP", "address": "10.0.0.1"}, {"type": "InternalIP", "address": "fd00::1"}]
    assert members([wire_node(addresses=both)], None)[0]["Addr"] == "10.0.0.1"
    [member] = members([wire_node(addresses=None, daemonEndpoints=None)], None)
    assert (member["Addr"], member["Port"]) == ("", 0)


def test_replica_id_is_stable_and_a_leader_has_none() -> None:
    assert list(leader_of(REPLICA)) == FIELDS[:-2]
    ids = {members([], replica)[0]["id"] for replica in (REPLICA, REPLICA, Replica("replica-b", "", ""))}
    assert len(ids) == 2


@pytest.mark.parametrize(
    ("lease", "expected"),
    [
        pytest.param(wire_lease(), REPLICA, id="just renewed"),
        pytest.param(wire_lease(renewed=after(-15)), REPLICA, id="late, or by a clock that is behind"),
        pytest.param(wire_lease(renewed=after(-16)), None, id="not renewed in time"),
        pytest.param(wire_lease(renewed=after(-16), leaseDurationSeconds=60), REPLICA, id="taken for longer"),
        pytest.param(wire_lease(renewed=after(-16), leaseDurationSeconds=None), None, id="taken for an unknown time"),
        pytest.param(wire_lease(renewed=after(5)), REPLICA, id="renewed by a clock that is ahead"),
        pytest.param(wire_lease(holderIdentity=""), None, id="released"),
        pytest.param(wire_lease(holderIdentity=None), None, id="never held"),
        pytest.param(wire_lease(renewTime=None), None, id="held but never renewed"),
        pytest.param(wire_lease(renewTime="yesterday"), None, id="renewed at no time"),
        pytest.param(wire_lease(renewTime="2026-03-01T12:00:00"), None, id="renewed in no zone"),
        pytest.param(object_of("dkron"), None, id="an empty Lease"),
        pytest.param(None, None, id="no Lease"),
    ],
)
def test_the_holder_of(lease: Object | None, expected: Replica | None) -> None:
    assert holder(lease, NOON) == expected


def test_holder_without_annotations_has_an_empty_address() -> None:
    lease = wire_lease()
    del lease["metadata"]["annotations"]
    assert holder(lease, NOON) == Replica("replica-a", "", "")


async def test_missing_node_rights_leave_the_operator_as_sole_member(api: Api) -> None:
    api.app[NODES].watch.failed(Rejected("nodes is forbidden", status=403))
    api.know(LEASES, wire_lease())
    answer = await api.client.get("/v1/members")
    assert (answer.status, names(await answer.json())) == (200, ["replica-a"])
    api.know(NODES, wire_node("n1"), wire_node("n2"))
    answer = await api.client.get("/v1/members")
    assert answer.headers["X-Total-Count"] == "3"
    assert names(await answer.json()) == ["replica-a", "n1", "n2"]


async def test_unread_lease_is_503_for_leader_routes(api: Api) -> None:
    api.app[LEASES].watch.failed(Rejected("leases is forbidden", status=403))
    for path in ("/v1/leader", "/v1/isleader"):
        answer = await api.client.get(path)
        assert answer.status == 503
        assert "leases is forbidden" in await answer.text()


async def test_leave_is_written_to_the_lease_of_the_replica(api: Api) -> None:
    api.kube.put(LEASES_PATH, wire_lease())
    for _ in range(2):
        answer = await api.client.post("/v1/leave?force")
        assert (answer.status, await answer.json()) == (200, [])
    notes = api.kube.has(LEASES_PATH, "dkron")["metadata"]["annotations"]
    # The first 16 digits of the SHA-256 of `replica-a`.
    assert notes.pop("leave.dkron.io/63f963e071c0ffed") == "2026-03-01T12:00:00Z replica-a"
    assert notes == wire_lease()["metadata"]["annotations"]


async def test_leave_without_an_operator_beside_the_api_is_refused() -> None:
    async with running_api(cluster.ROUTES, beside_operator=False) as api:
        api.kube.put(LEASES_PATH, wire_lease())
        for path in ("/v1/leave", "/v1/leave?force"):
            answer = await api.client.post(path)
            assert answer.status == 409
            assert "no operator runs beside" in await answer.text()
        assert api.kube.calls == []


ALIVE, STALE, OTHER = wire_lease(), wire_lease(renewed=after(-60)), wire_lease(holderIdentity="replica-b")


@pytest.mark.parametrize(
    ("replicas", "lease", "status"),
    [
        pytest.param(1, ALIVE, 409, id="the only one"),
        pytest.param(0, ALIVE, 409, id="one that counts none"),
        pytest.param(None, ALIVE, 409, id="one without a count"),
        pytest.param(1, STALE, 409, id="one that does not lead"),
        pytest.param(2, ALIVE, 200, id="one of two"),
        pytest.param(2, STALE, 200, id="one of two, of which none leads"),
        pytest.param(1, OTHER, 200, id="one beside a leader"),
    ],
)
async def test_leave_without_force_is_for(api: Api, replicas: int | None, lease: Object, status: int) -> None:
    api.kube.put(LEASES_PATH, lease)
    api.know(LEASES, lease)
    counted = [] if replicas is None else [object_of("dkron", spec={}, status={"replicas": replicas})]
    api.know(CLUSTERS, *counted)
    answer = await api.client.post("/v1/leave")
    assert answer.status == status
    asked = "leave.dkron.io/63f963e071c0ffed" in api.kube.has(LEASES_PATH, "dkron")["metadata"].get("annotations", {})
    assert asked == (status == 200)
    if status == 409:
        assert "no other replica of the operator is active" in await answer.text()
        assert (await api.client.post("/v1/leave?force=true")).status == 200


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        pytest.param({}, 200, id="none"),
        pytest.param({"replica-b": 0}, 200, id="the leader"),
        pytest.param({"replica-a": 0, "replica-b": 0}, 200, id="the leader and this one"),
        pytest.param({"replica-b": 0, "replica-c": -119}, 409, id="both others"),
        pytest.param({"replica-b": 0, "replica-c": -121}, 200, id="both others, one of them long ago"),
    ],
)
async def test_last_of_three_replicas_stays_after_recent_leaves(api: Api, asked: dict[str, int], status: int) -> None:
    lease = wire_lease(holderIdentity="replica-b")
    notes = dict(leave_annotation(name, after(seconds)) for name, seconds in asked.items())
    lease["metadata"]["annotations"] |= notes | {"leave.dkron.io/odd": "x"}
    api.kube.put(LEASES_PATH, lease)
    api.know(LEASES, lease)
    api.know(CLUSTERS, object_of("dkron", spec={}, status={"replicas": 3}))
    assert (await api.client.post("/v1/leave")).status == status


async def test_leave_without_force_waits_for_the_replica_count(api: Api) -> None:
    api.know(LEASES, wire_lease())
    answer = await api.client.post("/v1/leave")
    assert (answer.status, "dkronclusters are still being read" in await answer.text()) == (503, True)
