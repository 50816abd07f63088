"""Which kind of cluster a caller gets, and the same interface to each."""

import shlex
from enum import StrEnum

from localcluster import kind, local, versions
from localcluster.cluster import Cluster, LocalCluster, use
from localcluster.errors import ClusterError
from localcluster.nodes import NodeKind, parse
from localcluster.record import find


class Provider(StrEnum):
    """Who runs the cluster."""

    AUTO = "auto"
    KIND = "kind"
    LOCAL = "local"
    CURRENT = "current"


def up(
    name: str = "dkron",
    *,
    nodes: str = "real",
    kubernetes: str = "",
    provider: str = Provider.AUTO,
    controller_flags: str = "",
) -> Cluster:
    """Start a cluster, or find it running.

    `nodes` is none, kwok:N or real; `kubernetes` a version, `1.36` or `1.36.3`; `controller_flags` go to a local
    cluster's kube-controller-manager after its own.
    """
    wanted = parse(nodes)
    chosen = choose(provider, wanted.kind)
    if chosen is Provider.CURRENT:
        return use()
    _refuse_other_provider(name, chosen)
    if chosen is Provider.KIND:
        if controller_flags:
            raise ClusterError("only a local cluster accepts flags of the controller manager; use CLUSTER=local")
        return kind.up(name, kubernetes=versions.resolve(kubernetes) if kubernetes else "")
    record = local.up(
        name,
        kubernetes=versions.resolve(kubernetes),
        nodes=wanted,
        controller_flags=tuple(shlex.split(controller_flags)),
    )
    return LocalCluster(record)


def get(name: str = "dkron", *, provider: str = Provider.AUTO) -> Cluster:
    """A cluster that was started before."""
    if provider == Provider.CURRENT:
        return use()
    record = find(name)
    if record is None:
        raise ClusterError(f"there is no cluster {name}; start it with: hack/cluster up --name {name}")
    return kind.KindCluster(name) if record.provider == kind.PROVIDER else LocalCluster(record)


def choose(provider: str, node_kind: NodeKind) -> Provider:
    """Settle `auto`: kind for real nodes where a Docker engine answers, else local. Simulated nodes need no engine."""
    if provider not in list(Provider):
        raise ClusterError(f"CLUSTER={provider} is unknown; write auto, kind, local or current")
    if provider == Provider.KIND and node_kind is not NodeKind.REAL:
        raise ClusterError(f"kind has only real nodes; use CLUSTER=local for nodes {node_kind}")
    if provider != Provider.AUTO:
        return Provider(provider)
    return Provider.KIND if node_kind is NodeKind.REAL and kind.available() else Provider.LOCAL


def _refuse_other_provider(name: str, chosen: Provider) -> None:
    record = find(name)
    if record is not None and record.provider != chosen:
        raise ClusterError(f"cluster {name} already runs, by {record.provider}; stop it first, or use another --name")
