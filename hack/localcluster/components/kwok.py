"""KWOK: nodes that exist in the API only, whose pods run for a while and end as their annotations say."""

from pathlib import Path

from localcluster.components.component import Component
from localcluster.layout import Layout

STAGES = Path(__file__).parent / "kwok-stages.yaml"
NODE_ANNOTATION = {"kwok.x-k8s.io/node": "fake"}


def component(layout: Layout) -> Component:
    """Run the simulator for every node of the cluster."""
    return Component(
        name="kwok",
        argv=(
            layout.kwok_program(),
            f"--kubeconfig={layout.kubeconfig}",
            f"--config={layout.folder / 'kwok-stages.yaml'}",
            "--manage-all-nodes=true",
            "--node-lease-duration-seconds=40",
            "--node-ip=127.0.0.1",
            f"--server-address=127.0.0.1:{layout.ports.kwok}",
        ),
        port=layout.ports.kwok,
        health=f"http://127.0.0.1:{layout.ports.kwok}/healthz",
        files={"kwok-stages.yaml": STAGES.read_text(encoding="utf-8")},
    )


def node(number: int) -> dict[str, object]:
    """The Node object of a simulated node."""
    name = f"kwok-{number}"
    labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "type": "kwok"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels, "annotations": NODE_ANNOTATION},
    }
