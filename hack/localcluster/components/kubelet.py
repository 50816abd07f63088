"""The kubelet of the real node."""

import json

from localcluster.components.component import Component
from localcluster.components.containerd import SOCKET
from localcluster.layout import NODE_NAME, Layout

HEALTH_PORT = 10248
PORT = 10250


def component(layout: Layout) -> Component:
    """Run the kubelet inside the node; only the host and the node's pods can reach it there."""
    node = str(layout.addresses.node)
    return Component(
        name="kubelet",
        argv=(
            layout.kubernetes_program("kubelet"),
            f"--kubeconfig={layout.node_kubeconfig}",
            f"--config={layout.folder / 'node' / 'kubelet.json'}",
            f"--hostname-override={NODE_NAME}",
            f"--node-ip={node}",
        ),
        port=PORT,
        health=f"http://{node}:{HEALTH_PORT}/healthz",
        files={"node/kubelet.json": json.dumps(configuration(layout), indent=2) + "\n"},
        in_node=True,
    )


def cgroup(name: str) -> str:
    """The control group that all pods of a cluster are in, from the root of the hierarchy."""
    return f"/localcluster-{name}"


def configuration(layout: Layout) -> dict[str, object]:
    """The KubeletConfiguration: nothing of the host's state (swap, disk space, cgroup version) keeps pods away."""
    node = str(layout.addresses.node)
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": node,
        "healthzBindAddress": node,
        "healthzPort": HEALTH_PORT,
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": cgroup(layout.name),
        "clusterDNS": [node],
        "clusterDomain": "cluster.local",
        "containerRuntimeEndpoint": f"unix://{SOCKET}",
        "evictionHard": {},
        "failCgroupV1": False,
        "failSwapOn": False,
        "maxPods": 500,
        "resolvConf": "",
    }
