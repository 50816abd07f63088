"""Members, leader and leave: what Dkron's serf and raft know is read from Nodes and the operator's Lease here.

Nodes are where jobs run, replicas of the operator are what starts them; both are members. A replica is known while it
holds the Lease, the others wait without a name.
"""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dkron_crds.lease import ADDRESS, LEASE_SECONDS, VERSION
from dkron_crds.node_tags import DKRONS, Agent, AgentTags, read_agent

Object = dict[str, Any]

ALIVE, LEAVING = (1, "alive"), (2, "leaving")
"""States of a member, as a number and in a word."""
PROTOCOL = {"ProtocolMin": 1, "ProtocolMax": 5, "ProtocolCur": 2, "DelegateMin": 2, "DelegateMax": 5, "DelegateCur": 4}
"""What every member of a Dkron cluster says (Dkron behaviour §1.3)."""
NO_PORT = 0
"""A replica listens for no other member."""


@dataclass(frozen=True, slots=True)
class Replica:
    """A process of the operator."""

    identity: str
    address: str
    version: str


def holder(lease: Object | None, now: datetime) -> Replica | None:
    """Who holds the Lease; None if nobody does, or if it was not renewed in time."""
    spec = {} if lease is None else lease.get("spec") or {}
    renewed = _instant(spec.get("renewTime"))
    if lease is None or renewed is None or not spec.get("holderIdentity"):
        return None
    # Of the two times the one that is compared may lie anywhere in the calendar.
    if now - renewed > timedelta(seconds=spec.get("leaseDurationSeconds") or LEASE_SECONDS):
        return None
    notes = lease["metadata"].get("annotations") or {}
    return Replica(spec["holderIdentity"], notes.get(ADDRESS, ""), notes.get(VERSION, ""))


def members(nodes: Iterable[Object], leader: Replica | None, own: AgentTags = DKRONS) -> list[Object]:
    """All members as GET /v1/members shows them: the replica that leads, then the ready Nodes by their names, with the
    tags by which jobs find them. `own` are those that a node has without a label."""
    servers = [] if leader is None else [replica_member(leader, own)]
    agents = ((read_agent(node, own), node) for node in nodes)
    ready = sorted((each for each in agents if each[0].ready), key=lambda each: each[0].name)
    return [*servers, *(_node_member(agent, node) for agent, node in ready)]


def remaining(leader: Replica | None, leaving: str, own: AgentTags = DKRONS) -> list[Object]:
    """The replicas that are left when one has gone, as POST /v1/leave answers."""
    return [] if leader is None or leader.identity == leaving else [replica_member(leader, own)]


def leader_of(leader: Replica, own: AgentTags = DKRONS) -> Object:
    """The leader as GET /v1/leader shows it: a member without what Dkron adds to a list (Dkron behaviour §1.3)."""
    shown = replica_member(leader, own)
    del shown["id"], shown["statusText"]
    return shown


def replica_member(replica: Replica, own: AgentTags = DKRONS) -> Object:
    """A replica of the operator as a member."""
    tags = {**own.own, "version": replica.version}
    key = uuid.uuid5(uuid.NAMESPACE_DNS, f"{replica.identity}.replica.dkron.io")
    return _member(replica.identity, replica.address, NO_PORT, tags=tags, uid=str(key))


def _node_member(agent: Agent, node: Object) -> Object:
    metadata, status = node["metadata"], node.get("status") or {}
    addresses = {entry["type"]: entry["address"] for entry in reversed(status.get("addresses") or ())}
    port = ((status.get("daemonEndpoints") or {}).get("kubeletEndpoint") or {}).get("Port", NO_PORT)
    address = addresses.get("InternalIP", "")
    state = ALIVE if agent.available else LEAVING
    return _member(agent.name, address, port, tags=agent.tags, uid=metadata["uid"], state=state)


def _member(
    name: str, address: str, port: int, *, tags: Mapping[str, str], uid: str, state: tuple[int, str] = ALIVE
) -> Object:
    number, word = state
    own = {"Name": name, "Addr": address, "Port": port, "Tags": dict(sorted(tags.items())), "Status": number}
    return {**own, **PROTOCOL, "id": uid, "statusText": word}


def _instant(text: str | None) -> datetime | None:
    """None for what the operator would not write: the Lease is then as good as not held."""
    try:
        instant = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return instant if instant.tzinfo is not None else None
