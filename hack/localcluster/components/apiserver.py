"""The API server."""

from localcluster.components.component import Component
from localcluster.layout import Layout

EVERYWHERE = "0.0.0.0"  # noqa: S104 - with a real node it answers on 127.0.0.1 and on the link to the node
LOOPBACK = "127.0.0.1"


def component(layout: Layout) -> Component:
    """Run the API server; clients on the host use 127.0.0.1, the node the link, pods the Service."""
    certificates = layout.certificates
    return Component(
        name="apiserver",
        argv=(
            layout.kubernetes_program("kube-apiserver"),
            f"--etcd-servers=http://127.0.0.1:{layout.ports.etcd}",
            f"--bind-address={EVERYWHERE if layout.real else LOOPBACK}",
            f"--advertise-address={layout.addresses.host if layout.real else LOOPBACK}",
            f"--secure-port={layout.ports.apiserver}",
            # It would tell pods where the API server is. Without a node there are none, and the loopback is refused.
            f"--endpoint-reconciler-type={'lease' if layout.real else 'none'}",
            f"--tls-cert-file={certificates.serving}",
            f"--tls-private-key-file={certificates.serving_key}",
            f"--service-cluster-ip-range={layout.addresses.services}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-signing-key-file={certificates.tokens}",
            f"--service-account-key-file={certificates.tokens_public}",
            f"--token-auth-file={layout.token_file}",
            "--authorization-mode=Node,RBAC",
            "--allow-privileged=true",
            "--profiling=false",
            # Without it `kubectl logs` asks for the node by a name that only the node knows.
            "--kubelet-preferred-address-types=InternalIP",
        ),
        # With so little to hold, Go would collect garbage all the time, at a third of the CPU.
        environment={"GOGC": "400", "GOMEMLIMIT": "2GiB"},
        port=layout.ports.apiserver,
        health=f"{layout.server}/readyz",
    )
