"""kind: the cluster where a Docker engine runs. Only what `kind` documents: create, delete, load an archive."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

from localcluster import build, tools
from localcluster.cluster import Cluster
from localcluster.errors import ClusterError
from localcluster.paths import cluster_folder
from localcluster.ports import Ports
from localcluster.record import Record, find, save

PROVIDER = "kind"
PROBE_SECONDS = 10
COMMAND_SECONDS = 900
NODE_IMAGE = "kindest/node"


class KindCluster(Cluster):
    """One node in a Docker container."""

    def __init__(self, name: str) -> None:
        super().__init__(name, cluster_folder(name) / "kubeconfig")

    def load_image(self, archive: Path) -> None:
        """Load the image into the node."""
        _kind("load", "image-archive", str(archive), "--name", self.name)

    def down(self) -> None:
        """Delete the cluster."""
        _kind("delete", "cluster", "--name", self.name, "--kubeconfig", str(self.kubeconfig))
        shutil.rmtree(self.kubeconfig.parent, ignore_errors=True)


def available() -> bool:
    """Whether a Docker engine answers."""
    if shutil.which("docker") is None:
        return False
    command = ["docker", "version", "--format", "{{.Server.Version}}"]
    try:
        return subprocess.run(command, capture_output=True, timeout=PROBE_SECONDS, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def up(name: str, *, kubernetes: str) -> KindCluster:
    """Create a cluster with one node, or find it; an empty version means the one that kind brings."""
    if not available():
        raise ClusterError("CLUSTER=kind needs a Docker engine, and none answers; use CLUSTER=local")
    cluster = KindCluster(name)
    known = find(name)
    if known is not None and known.ready:
        return cluster
    if known is not None:
        cluster.down()  # what a start that did not finish has left
    none = Ports(0, 0, 0, 0, 0, 0)
    record = save(Record(name, PROVIDER, kubernetes, "real", slot=-1, ports=none))
    image = ("--image", f"{NODE_IMAGE}:v{kubernetes}") if kubernetes else ()
    _kind("create", "cluster", "--name", name, "--kubeconfig", str(cluster.kubeconfig), "--wait", "180s", *image)
    save(replace(record, ready=True))
    return cluster


def _kind(*arguments: str) -> None:
    result = subprocess.run([_program(), *arguments], stdin=subprocess.DEVNULL, timeout=COMMAND_SECONDS, check=False)
    if result.returncode != 0:
        raise ClusterError(f"'kind {' '.join(arguments)}' failed, see above")


def _program() -> str:
    if (on_path := shutil.which("kind")) is not None:
        return on_path
    tool = tools.kind()
    build.ensure([tool])
    return str(tool.program("kind"))
