"""The end of a cluster: clients first, then the node, the API server and etcd; then everything they left.

The API server would drain its clients' watches for a minute, so they go before it; everything has a deadline.
"""

import shutil
from pathlib import Path

from localcluster import cgroups, link, processes
from localcluster.paths import cluster_folder
from localcluster.record import Record
from localcluster.waiting import wait_for

# (components, seconds between SIGTERM and SIGKILL)
ORDER: tuple[tuple[tuple[str, ...], float], ...] = (
    (("kubelet", "kube-proxy", "coredns", "kwok", "scheduler", "controller-manager"), 2),
    (("containerd", "namespaces"), 0),
    (("apiserver",), 3),
    (("etcd",), 2),
)
CLEAN_SECONDS = 10


def stop(name: str, record: Record | None) -> None:
    """End all processes of a cluster and remove its network and control groups; its folder stays."""
    for names, grace in ORDER:
        if record is not None:
            started = [running.identity for running in record.components if running.name in names]
            processes.stop(started, grace=grace)
    folder = cluster_folder(name)
    wait_for(f"the processes of cluster {name} to end", seconds=CLEAN_SECONDS, missing=lambda: _end_rest(name, folder))
    if record is not None:
        link.remove(record.layout.addresses)
    wait_for(f"the control groups of cluster {name} to go", seconds=CLEAN_SECONDS, missing=lambda: _end_groups(name))


def remove(name: str, record: Record | None) -> None:
    """Stop a cluster and remove its folder."""
    stop(name, record)
    folder = cluster_folder(name)
    if folder.exists():
        shutil.rmtree(folder)


def _end_rest(name: str, folder: Path) -> str:
    """End what is not written down: shims, containers, and what was started a moment before a crash."""
    cgroups.kill(name)
    family = processes.with_descendants(processes.marked(folder))
    processes.stop(family, grace=0)
    return " ".join(f"process {identity.pid} is left" for identity in processes.marked(folder))


def _end_groups(name: str) -> str:
    cgroups.kill(name)
    cgroups.remove(name)
    return cgroups.left(name)
