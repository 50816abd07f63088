"""The controller manager. By default its client may send 20 queries a second, which throttles Jobs and CronJobs."""

from localcluster.components.component import Component
from localcluster.layout import Layout


def component(layout: Layout) -> Component:
    """Run the controller manager with upstream's defaults; load tests add flags of their own."""
    return Component(
        name="controller-manager",
        argv=(
            layout.kubernetes_program("kube-controller-manager"),
            f"--kubeconfig={layout.kubeconfig}",
            f"--authentication-kubeconfig={layout.kubeconfig}",
            f"--authorization-kubeconfig={layout.kubeconfig}",
            f"--service-account-private-key-file={layout.certificates.tokens}",
            f"--root-ca-file={layout.certificates.authority}",
            f"--cert-dir={layout.folder / 'certificates' / 'controller-manager'}",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
            f"--secure-port={layout.ports.controller_manager}",
        ),
        port=layout.ports.controller_manager,
        health=f"https://127.0.0.1:{layout.ports.controller_manager}/healthz",
    )
