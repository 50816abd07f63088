"""The local cluster's commands: start, stop, restart a component. Each holds the cluster's lock."""

import os
import platform
from contextlib import AbstractContextManager
from dataclasses import replace

from localcluster import addresses, build, packages, ports, processes, stopping, tools
from localcluster.addresses import host_routes
from localcluster.components.namespaces import hidden_by
from localcluster.errors import ClusterError
from localcluster.launcher import RENDER, Launcher, dead, obituary
from localcluster.locks import locked
from localcluster.nodes import NodeKind, Nodes
from localcluster.paths import cache_home, cluster_folder, clusters_home
from localcluster.progress import say
from localcluster.record import Record, every, find, save
from localcluster.starting import start

PROVIDER = "local"
LOCK_SECONDS = 300
RESTART_GRACE_SECONDS = 5


def up(name: str, *, kubernetes: str, nodes: Nodes, controller_flags: tuple[str, ...]) -> Record:
    """Start a cluster, or find it running. The remains of a crashed or killed start are removed first."""
    _check_folders(name, nodes.kind)
    prepare(kubernetes, nodes.kind)
    with _lock(name):
        if (running := _running(name, kubernetes=kubernetes, nodes=nodes)) is not None:
            return running
        record = _allocate(name, kubernetes=kubernetes, nodes=nodes)
        launcher = Launcher(record)
        try:
            start(launcher, controller_flags=controller_flags)
        except BaseException:
            say(f"the start of cluster {name} failed; its logs stay in {record.folder / 'logs'}")
            stopping.stop(name, launcher.record)
            raise
        return save(replace(launcher.record, ready=True))


def down(name: str) -> bool:
    """Stop a cluster and remove all of it; whether there was one."""
    with _lock(name):
        if not cluster_folder(name).exists():
            return False
        stopping.remove(name, find(name))
        return True


def restart(name: str, component: str, *, flags: tuple[str, ...]) -> None:
    """Stop one component and start it with `flags` after its own; wait until it is ready again."""
    with _lock(name):
        record = find(name)
        if record is None:
            raise ClusterError(f"there is no cluster {name}; start it first")
        running = record.component(component)
        if running is None or component == "namespaces":
            known = ", ".join(known.name for known in record.components if known.name != "namespaces")
            raise ClusterError(f"cluster {name} has no component {component} to restart; it has {known}")
        # Built again when the checkout has changed since the cluster was started.
        build.ensure(tools.needed(record.layout.nodes.kind, record.kubernetes))
        processes.stop([running.identity], grace=RESTART_GRACE_SECONDS)
        launcher = Launcher(record)
        launcher.run(component, flags)
        if RENDER[component](launcher.layout).health:
            launcher.wait_ready(component)


def prepare(kubernetes: str, kind: NodeKind) -> None:
    """Install and build what this kind of cluster needs."""
    if platform.system() != "Linux":
        raise ClusterError("a local cluster needs Linux; use CLUSTER=kind, or CLUSTER=current with a kubeconfig")
    packages.ensure(kind)
    build.ensure(tools.needed(kind, kubernetes))


def _running(name: str, *, kubernetes: str, nodes: Nodes) -> Record | None:
    """The cluster, if it runs as asked for. Removes what is left of one that does not run any more."""
    record = find(name)
    if record is None and not cluster_folder(name).exists():
        return None
    fallen = dead(record) if record is not None else []
    if record is None or not record.ready or fallen:
        reason = obituary(record, fallen[0]) if record and record.ready and fallen else "its start did not finish"
        say(f"removing what is left of cluster {name}: {reason}")
        stopping.remove(name, record)
        return None
    if (record.kubernetes, record.nodes) != (kubernetes, str(nodes)):
        found = f"Kubernetes {record.kubernetes} with nodes {record.nodes}"
        raise ClusterError(f"cluster {name} already runs, but {found}; stop it first, or use another --name")
    say(f"cluster {name} already runs")
    return record


def _allocate(name: str, *, kubernetes: str, nodes: Nodes) -> Record:
    with locked(clusters_home() / ".allocation.lock", purpose="choosing ports and addresses", seconds=LOCK_SECONDS):
        others = [record for record in every() if record.provider == PROVIDER]
        taken = {number for record in others for number in ports.numbers(record.ports)}
        slot = addresses.free(taken=[record.slot for record in others], routes=host_routes()).slot
        return save(Record(name, PROVIDER, kubernetes, str(nodes), slot=slot, ports=ports.free(taken=taken)))


def _check_folders(name: str, kind: NodeKind) -> None:
    for folder, variable in ((cluster_folder(name), "XDG_STATE_HOME"), (cache_home(), "XDG_CACHE_HOME")):
        if kind is NodeKind.REAL and (hidden := hidden_by(folder)):
            raise ClusterError(f"a real node has a {hidden} of its own and would not see {folder}; set {variable}")
        existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
        if not os.access(existing, os.W_OK):
            raise ClusterError(f"{folder} cannot be written; set {variable} to a folder of yours")


def _lock(name: str) -> AbstractContextManager[None]:
    cluster_folder(name)
    return locked(
        clusters_home() / f".{name}.lock", purpose=f"starting or stopping cluster {name}", seconds=LOCK_SECONDS
    )
