"""containerd, with Debian's runc and CNI plugins. No registry: images are imported."""

import json
import shutil
import subprocess
from pathlib import Path

from localcluster.components.component import Component
from localcluster.components.namespaces import entering
from localcluster.errors import ClusterError
from localcluster.layout import Layout
from localcluster.packages import cni_folder

SOCKET = "/run/containerd/containerd.sock"
PAUSE_IMAGE = "localhost/pause:1"
METRICS_PORT = 1338
IMPORT_SECONDS = 300

_CONFIG = """\
version = 2
root = "{root}"
state = "/run/containerd"
[grpc]
  address = "{socket}"
[metrics]
  address = "{metrics}"
[plugins."io.containerd.grpc.v1.cri"]
  # Without CAP_SYS_RESOURCE runc may not lower an OOM score: "can't get final child's PID from pipe".
  restrict_oom_score_adj = true
  sandbox_image = "{pause}"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{plugins}"
    conf_dir = "{cni}"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
"""


def component(layout: Layout) -> Component:
    """Run containerd inside the node."""
    folder = layout.folder / "node"
    metrics = f"{layout.addresses.node}:{METRICS_PORT}"
    config = _CONFIG.format(
        root=folder / "containerd",
        socket=SOCKET,
        metrics=metrics,
        pause=PAUSE_IMAGE,
        plugins=cni_folder(),
        cni=folder / "cni",
    )
    return Component(
        name="containerd",
        argv=(shutil.which("containerd") or "containerd", f"--config={folder / 'containerd.toml'}"),
        port=METRICS_PORT,
        health=f"http://{metrics}/v1/metrics",
        files={"node/containerd.toml": config, "node/cni/10-pods.conflist": network(layout)},
        in_node=True,
    )


def network(layout: Layout) -> str:
    """The CNI configuration: a point-to-point link for each pod, so that pods reach each other through routes only.

    On a bridge, the answer of a Service's pod to its neighbour would bypass the rules that translate its address
    back, unless the kernel has br_netfilter.
    """
    pods = {
        "type": "ptp",
        "ipMasq": True,
        "ipam": {
            "type": "host-local",
            "ranges": [[{"subnet": str(layout.addresses.pods)}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return json.dumps({"cniVersion": "1.0.0", "name": "pods", "plugins": [pods, ports]}, indent=2) + "\n"


def import_image(holder: int, archive: Path) -> None:
    """Import an OCI or Docker archive into the node; read here, since the node may not see its folder."""
    argv = ("ctr", f"--address={SOCKET}", "--namespace=k8s.io", "images", "import", "-")
    with archive.open("rb") as content:
        result = subprocess.run(
            entering(holder, argv),
            stdin=content,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=IMPORT_SECONDS,
            check=False,
        )
    if result.returncode != 0:
        raise ClusterError(f"containerd could not import {archive}: {result.stdout.strip()}")
