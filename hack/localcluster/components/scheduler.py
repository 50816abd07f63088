"""The scheduler."""

from localcluster.components.component import Component
from localcluster.layout import Layout


def component(layout: Layout) -> Component:
    """Run the scheduler."""
    return Component(
        name="scheduler",
        argv=(
            layout.kubernetes_program("kube-scheduler"),
            f"--kubeconfig={layout.kubeconfig}",
            f"--authentication-kubeconfig={layout.kubeconfig}",
            f"--authorization-kubeconfig={layout.kubeconfig}",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
            f"--secure-port={layout.ports.scheduler}",
        ),
        port=layout.ports.scheduler,
        health=f"https://127.0.0.1:{layout.ports.scheduler}/healthz",
    )
