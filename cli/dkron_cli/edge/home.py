"""What is in the namespace of the operator: the DkronCluster, and the pauses of all namespaces."""

from typing import TYPE_CHECKING, Any

from dkron_cli.edge.errors import readable
from dkron_cli.edge.kube_objects import ClusterObjects
from dkron_cli.edge.terminal import remark
from dkron_cli.errors import CliError, Code
from dkron_crds.lease import INSTALLATION
from dkron_kube.errors import NotFound, Rejected
from dkron_kube.paths import DKRON_CLUSTERS, DKRON_PAUSES

if TYPE_CHECKING:
    from dkron_kube.client import KubeClient

Object = dict[str, Any]
UNSEEN = (
    "pauses of all namespaces are not shown: the namespace of the operator is not known here, or you may not list "
    "dkronpauses in it; dkronctl get -o wide shows what pauses a job"
)


async def installation(kube: "KubeClient", namespace: str) -> Object | None:
    """Return the DkronCluster of the namespace, else the only one in the cluster, if it may be listed. Raises
    `KubeError`."""
    try:
        return await kube.get(DKRON_CLUSTERS, namespace, INSTALLATION)
    except NotFound:
        pass
    try:
        found = [raw async for raw in kube.list(DKRON_CLUSTERS, None)]
    except Rejected:
        return None
    return found[0] if len(found) == 1 else None


async def pauses_to_change(kube: "KubeClient", namespace: str, *, everywhere: bool) -> ClusterObjects:
    """Return the pauses of the namespace, or those of the operator's. Raises `CliError`."""
    if not everywhere:
        return ClusterObjects(kube, DKRON_PAUSES, namespace)
    with readable():
        found = await installation(kube, namespace)
    if found is None:
        raise CliError(Code.NOT_FOUND, "the namespace of the operator is not known; name it with -n")
    return ClusterObjects(kube, DKRON_PAUSES, found["metadata"]["namespace"])


async def pauses_that_hold(kube: "KubeClient", namespace: str, *, everywhere: bool) -> list[Object]:
    """Return the pauses of the namespace, and those of all namespaces, if the user may list them where the operator is.
    With `everywhere`, return the pauses of each namespace."""
    found = await ClusterObjects(kube, DKRON_PAUSES, namespace, everywhere=everywhere).all()
    if everywhere:
        return found
    try:
        with readable():
            cluster = await installation(kube, namespace)
        if cluster is not None:
            home = cluster["metadata"]["namespace"]
            others = [] if home == namespace else await ClusterObjects(kube, DKRON_PAUSES, home).all()
            return [*found, *(raw for raw in others if (raw.get("spec") or {}).get("allNamespaces") is True)]
    except CliError as error:
        if error.code is not Code.FORBIDDEN:
            raise
    remark(UNSEEN)
    return found
