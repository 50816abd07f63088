"""Where the demo lives: its cluster, namespace and folder. A cluster of our own, or the caller's (CLUSTER=current)."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import localcluster
from demo import DemoError, last_line
from demo.farewell import Whereabouts
from demo.programs import Programs
from localcluster.cluster import CurrentCluster, use
from localcluster.errors import ClusterError
from localcluster.launcher import dead
from localcluster.paths import cluster_folder, clusters_home
from localcluster.provider import Provider
from localcluster.record import find

DEFAULT_NAME = "demo"
GUEST_NAMESPACE = "dkron-demo"
REQUEST_TIMEOUT = "--request-timeout=5s"


@dataclass(frozen=True, slots=True)
class Target:
    """A running cluster and the demo's place in it."""

    cluster: localcluster.Cluster
    name: str

    @property
    def guest(self) -> bool:
        """Whether the cluster is the caller's: then we keep to a namespace of our own and never stop it."""
        return isinstance(self.cluster, CurrentCluster)

    @property
    def namespace(self) -> str:
        """Where the examples go."""
        return GUEST_NAMESPACE if self.guest else "default"

    @property
    def programs(self) -> Programs:
        """The demo's operator and REST API."""
        return Programs(folder(self.name, guest=self.guest))

    def kubectl(self, *arguments: str) -> str:
        """Run kubectl in the demo's namespace; raises ClusterError with what it said when it fails."""
        return self.cluster.kubectl("--namespace", self.namespace, *arguments)

    def require_answer(self) -> None:
        """Raise `DemoError` if the cluster does not answer; what kubectl says to a dead one fills a screen."""
        try:
            self.cluster.kubectl("get", "--raw", "/readyz", REQUEST_TIMEOUT)
        except (ClusterError, subprocess.TimeoutExpired) as error:
            raise DemoError(f"the cluster of {self.cluster.kubeconfig} does not answer: {last_line(error)}") from None

    def fallen(self) -> list[str]:
        """Names of the cluster's components that have died."""
        record = None if self.guest else find(self.name)
        return [] if record is None else [running.name for running in dead(record)]

    def whereabouts(self) -> Whereabouts:
        """The facts that a person needs to go on."""
        own = self.cluster.kubeconfig.parent / "bin"
        needs_own = shutil.which("kubectl") is None and (own / "kubectl").exists()
        settings = (" CLUSTER=current" if self.guest else "") + (
            "" if self.name == DEFAULT_NAME else f" DEMO_NAME={self.name}"
        )
        return Whereabouts(
            kubeconfig=self.cluster.kubeconfig,
            log=self.programs.operator.log,
            api=self.programs.api_url,
            namespace=self.namespace,
            make_arguments=settings,
            kubectl_folder=own if needs_own else None,
            dkronctl=Path(sys.executable).with_name("dkronctl"),
        )


def folder(name: str, *, guest: bool) -> Path:
    """The folder that the demo writes into: the cluster's own, which goes with it; beside it for a cluster that is not
    ours."""
    return clusters_home().parent / "demos" / name if guest else cluster_folder(name)


def up(name: str, *, provider: str, kubernetes: str) -> Target:
    """Start the cluster with a real node, or find it. Raises ClusterError."""
    return Target(localcluster.up(name, nodes="real", kubernetes=kubernetes, provider=provider), name)


def running(name: str, *, provider: str) -> Target:
    """The demo's place in the cluster that was started before. Raises ClusterError without one."""
    return Target(localcluster.get(name, provider=provider), name)


def current(name: str) -> Target:
    """The demo's place in the caller's cluster."""
    return Target(use(), name)


def is_current(provider: str) -> bool:
    """Whether the caller named a cluster of their own."""
    return provider == Provider.CURRENT
