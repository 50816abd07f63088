"""The parts of a cluster before anything runs: its folder, programs, ports and addresses.

Every component is rendered from this and nothing else.
"""

from dataclasses import dataclass
from pathlib import Path

from localcluster.addresses import Addresses
from localcluster.certificates import Certificates
from localcluster.nodes import NodeKind, Nodes
from localcluster.ports import Ports
from localcluster.tools import control_plane, coredns, kwok

NODE_NAME = "node-1"


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything that the configuration of a component depends on."""

    name: str
    folder: Path
    kubernetes: str
    nodes: Nodes
    addresses: Addresses
    ports: Ports

    @property
    def kubeconfig(self) -> Path:
        """For clients on the host."""
        return self.folder / "kubeconfig"

    @property
    def kubectl(self) -> Path:
        """The cluster's own kubectl, in a folder without the other programs, fit for PATH."""
        return self.folder / "bin" / "kubectl"

    @property
    def node_kubeconfig(self) -> Path:
        """For the node, whose loopback address is another one."""
        return self.folder / "node" / "kubeconfig"

    @property
    def certificates(self) -> Certificates:
        """Keys and certificates."""
        return Certificates(self.folder / "certificates")

    @property
    def token_file(self) -> Path:
        """The administrator's token, in the API server's format."""
        return self.folder / "tokens.csv"

    @property
    def real(self) -> bool:
        """Whether there is a real node."""
        return self.nodes.kind is NodeKind.REAL

    @property
    def server(self) -> str:
        """The API server's address for clients on the host."""
        return f"https://127.0.0.1:{self.ports.apiserver}"

    @property
    def node_server(self) -> str:
        """The API server's address for the node."""
        return f"https://{self.addresses.host}:{self.ports.apiserver}"

    def log(self, component: str) -> Path:
        """Where a component writes."""
        return self.folder / "logs" / f"{component}.log"

    def kubernetes_program(self, name: str) -> str:
        """A program of the control plane's binary."""
        return str(control_plane(self.kubernetes).program(name))

    def kwok_program(self) -> str:
        """The simulator of nodes."""
        return str(kwok().program("kwok"))

    def coredns_program(self) -> str:
        """The name server."""
        return str(coredns().program("coredns"))
