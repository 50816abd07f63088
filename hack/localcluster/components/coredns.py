"""CoreDNS, the cluster's name server, as a process of the node instead of a pod."""

from localcluster.components.component import Component
from localcluster.layout import Layout

READY_PORT = 8181

_COREFILE = """\
.:53 {{
  bind {node}
  errors
  ready {node}:{ready}
  kubernetes cluster.local in-addr.arpa ip6.arpa {{
    kubeconfig {kubeconfig}
  }}
}}
"""


def component(layout: Layout) -> Component:
    """Run CoreDNS inside the node; pods are told its address by the kubelet."""
    node = layout.addresses.node
    corefile = _COREFILE.format(node=node, ready=READY_PORT, kubeconfig=layout.node_kubeconfig)
    return Component(
        name="coredns",
        argv=(layout.coredns_program(), "-conf", str(layout.folder / "node" / "Corefile")),
        port=53,
        health=f"http://{node}:{READY_PORT}/ready",
        files={"node/Corefile": corefile},
        in_node=True,
    )
