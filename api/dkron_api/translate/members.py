"""Members, leader and leave: Dkron gets them from serf and raft, this API from Nodes and the operator's Lease.

Jobs run on Nodes, and replicas of the operator start them; both are members. A replica is visible while it holds the
Lease; waiting replicas are not.
"""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from dkron_api.translate.record import Object
from dkron_crds.lease import ADDRESS, LEAVE, VERSION
from dkron_crds.node_tags import DKRONS, Agent, AgentTags, read_agent
from dkron_reports.installation import holder_of

ALIVE, LEAVING = (1, "alive"), (2, "leaving")
"""States of a member, as a number and a word."""
PROTOCOL = {"ProtocolMin": 1, "ProtocolMax": 5, "ProtocolCur": 2, "DelegateMin": 2, "DelegateMax": 5, "DelegateCur": 4}
"""The protocol versions of every member of a Dkron cluster (Dkron behaviour §1.3)."""
STILL_COUNTED = timedelta(minutes=2)
"""How long the DkronCluster may count a replica that was asked to leave: until its pod is seen not to be ready."""
NO_PORT = 0
"""A replica has no port for other members."""


@dataclass(frozen=True, slots=True)
class Replica:
    """A process of the operator."""

    identity: str
    address: str
    version: str


def holder(lease: Object | None, now: datetime) -> Replica | None:
    """Return the holder of the Lease; None if there is none, or if it did not renew the Lease in time."""
    identity = holder_of(lease, now)
    if lease is None or not identity:
        return None
    notes = lease["metadata"].get("annotations") or {}
    return Replica(identity, notes.get(ADDRESS, ""), notes.get(VERSION, ""))


def members(nodes: Iterable[Object], leader: Replica | None, own: AgentTags = DKRONS) -> list[Object]:
    """Return all members as GET /v1/members shows them: the leading replica, then the ready Nodes by name, with the
    tags by which jobs select them. `own` are the tags that a node has without a label."""
    servers = [] if leader is None else [replica_member(leader, own)]
    agents = ((read_agent(node, own), node) for node in nodes)
    ready = sorted((each for each in agents if each[0].ready), key=lambda each: each[0].name)
    return [*servers, *(_node_member(agent, node) for agent, node in ready)]


def remaining(leader: Replica | None, leaving: str, own: AgentTags = DKRONS) -> list[Object]:
    """Return the replicas left after one has gone, as in the response of POST /v1/leave."""
    return [] if leader is None or leader.identity == leaving else [replica_member(leader, own)]


def leaving(lease: Object | None, now: datetime) -> set[str]:
    """Return the replicas that were asked to leave so lately that they may still be counted, or hold the Lease."""
    notes = {} if lease is None else lease["metadata"].get("annotations") or {}
    asked = [str(text).partition(" ") for key, text in notes.items() if key.startswith(LEAVE)]
    times = [(identity, _instant(at)) for at, _, identity in asked]
    return {identity for identity, at in times if at is not None and now - at <= STILL_COUNTED}


def leader_of(leader: Replica, own: AgentTags = DKRONS) -> Object:
    """Return the leader as GET /v1/leader shows it: without the fields that lists add (Dkron behaviour §1.3)."""
    shown = replica_member(leader, own)
    del shown["id"], shown["statusText"]
    return shown


def replica_member(replica: Replica, own: AgentTags = DKRONS) -> Object:
    """Return a replica of the operator as a member."""
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
    """Return None for a text that the operator would not write; the Lease then counts as not held."""
    try:
        instant = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return instant if instant.tzinfo is not None else None
