"""The four components of a control plane.

etcd has one member, and no fsync, since what it holds may be lost with the machine. By default the client of the
controller manager may send 20 queries a second, which throttles Jobs and CronJobs.
"""

from localcluster.certificates import AGGREGATOR
from localcluster.components.component import Component
from localcluster.layout import Layout


def etcd(layout: Layout) -> Component:
    """Run etcd on the loopback address."""
    client = f"http://127.0.0.1:{layout.ports.etcd}"
    peer = f"http://127.0.0.1:{layout.ports.etcd_peer}"
    return Component(
        name="etcd",
        argv=(
            layout.kubernetes_program("etcd"),
            f"--data-dir={layout.folder / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        ),
        port=layout.ports.etcd,
        health=f"{client}/health",
    )


EVERYWHERE = "0.0.0.0"  # noqa: S104 - with a real node it answers on 127.0.0.1 and on the link to the node
LOOPBACK = "127.0.0.1"


def apiserver(layout: Layout) -> Component:
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
            # API servers of others, to which an APIService leads, believe it who the user is.
            f"--proxy-client-cert-file={certificates.aggregator}",
            f"--proxy-client-key-file={certificates.aggregator_key}",
            f"--requestheader-client-ca-file={certificates.authority}",
            f"--requestheader-allowed-names={AGGREGATOR}",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
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


def controller_manager(layout: Layout) -> Component:
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


def scheduler(layout: Layout) -> Component:
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
