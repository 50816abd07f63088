"""etcd: one member, and without fsync, since what it holds may be lost with the machine."""

from localcluster.components.component import Component
from localcluster.layout import Layout


def component(layout: Layout) -> Component:
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
