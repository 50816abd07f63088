"""The namespaces that a real node lives in: a network and mounts of its own.

Two kube-proxies in one network would undo each other's rules, and the kubelet, containerd and the CNI plugins leave
rules, interfaces and mounts behind. In namespaces of its own a node meets no other, and when the last of its processes
ends the kernel removes all of that. The process of this component keeps the namespaces open and does nothing else.
"""

from pathlib import Path

from localcluster.components.component import Component
from localcluster.layout import Layout

READY = Path("run/localcluster-ready")
# The kubelet, containerd, runc and the CNI plugins have paths in here built in; the node sees empty folders instead.
PRIVATE = ("/run", "/var/lib", "/var/log")

_SCRIPT = """\
set -eu
mount --make-rshared /
for folder in {private}; do
  mount -t tmpfs -o mode=0755 localcluster "$folder"
  mount --make-shared "$folder"
done
mkdir /var/lib/kubelet
mount --bind {kubelet} /var/lib/kubelet
mount --make-shared /var/lib/kubelet
ip link set lo up
echo 1 > /proc/sys/net/ipv4/ip_forward
: > /{ready}
exec sleep infinity
"""


def component(layout: Layout) -> Component:
    """Open the namespaces. Mounts of the host reach the node, mounts of the node stay there."""
    return Component(
        name="namespaces",
        argv=(
            "/usr/bin/unshare",
            "--net",
            "--mount",
            "--propagation=slave",
            "/bin/sh",
            str(layout.folder / "node" / "namespaces.sh"),
        ),
        files={
            "node/namespaces.sh": _SCRIPT.format(
                private=" ".join(PRIVATE),
                kubelet=layout.folder / "node" / "kubelet",
                ready=READY,
            ),
            "node/kubelet/.keep": "",
        },
    )


def hidden_by(folder: Path) -> str:
    """The private folder of a node that would hide this folder of the host from it, or nothing."""
    return next((private for private in PRIVATE if folder.is_relative_to(private)), "")


def entering(holder: int, argv: tuple[str, ...]) -> tuple[str, ...]:
    """A command line that runs `argv` inside the namespaces that process `holder` keeps."""
    return ("/usr/bin/nsenter", f"--target={holder}", "--net", "--mount", "--", *argv)
