"""kube-proxy: Services as iptables rules of the node."""

import json

from localcluster.components.component import Component
from localcluster.layout import NODE_NAME, Layout

HEALTH_PORT = 10256
METRICS_PORT = 10249


def component(layout: Layout) -> Component:
    """Run kube-proxy inside the node."""
    node = layout.addresses.node
    return Component(
        name="kube-proxy",
        argv=(layout.kubernetes_program("kube-proxy"), f"--config={layout.folder / 'node' / 'kube-proxy.json'}"),
        port=HEALTH_PORT,
        health=f"http://{node}:{HEALTH_PORT}/livez",
        files={"node/kube-proxy.json": json.dumps(configuration(layout), indent=2) + "\n"},
        in_node=True,
    )


def configuration(layout: Layout) -> dict[str, object]:
    """The KubeProxyConfiguration; the host's connection tracking limits stay as they are."""
    node = layout.addresses.node
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "clientConnection": {"kubeconfig": str(layout.node_kubeconfig)},
        "clusterCIDR": str(layout.addresses.pods),
        "conntrack": {"maxPerCore": 0, "min": 0},
        "healthzBindAddress": f"{node}:{HEALTH_PORT}",
        "metricsBindAddress": f"{node}:{METRICS_PORT}",
        "hostnameOverride": NODE_NAME,
    }
