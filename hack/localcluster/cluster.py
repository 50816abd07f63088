"""A cluster as its user sees it, of any provider."""

import os
import shlex
import shutil
import subprocess
from abc import ABC, abstractmethod
from pathlib import Path

from localcluster import local
from localcluster.components.containerd import import_image
from localcluster.errors import ClusterError
from localcluster.launcher import Launcher, dead, obituary
from localcluster.record import Record, find

KUBECTL_SECONDS = 120


class Cluster(ABC):
    """A running cluster: its name and the kubeconfig of an administrator."""

    def __init__(self, name: str, kubeconfig: Path) -> None:
        self.name = name
        self.kubeconfig = kubeconfig

    def kubectl(self, *arguments: str, input: str | None = None) -> str:  # noqa: A002 - as in subprocess.run
        """Run kubectl and return its standard output; raises ClusterError with what it said when it fails."""
        result = subprocess.run(
            [self.kubectl_program(), *arguments],
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True,
            text=True,
            timeout=KUBECTL_SECONDS,
            check=False,
            env={**os.environ, "KUBECONFIG": str(self.kubeconfig)},
        )
        if result.returncode != 0:
            raise ClusterError(f"kubectl {' '.join(arguments)}: {(result.stderr or result.stdout).strip()}")
        return result.stdout

    def kubectl_program(self) -> str:
        """The kubectl to use: the one on PATH."""
        program = shutil.which("kubectl")
        if program is None:
            raise ClusterError("there is no kubectl on PATH; install it, or use CLUSTER=local, which brings its own")
        return program

    def obituaries(self) -> list[str]:
        """For each component that has died, its name and the end of its log."""
        return []

    @abstractmethod
    def load_image(self, archive: Path) -> None:
        """Make an image of an OCI or Docker archive available to pods."""

    def restart(self, component: str, flags: str | tuple[str, ...] = ()) -> None:
        """Restart a component with other flags."""
        raise ClusterError(f"{component} cannot be restarted with {flags or 'its flags'} here; use CLUSTER=local")

    @abstractmethod
    def down(self) -> None:
        """Stop the cluster and remove all of it."""


class LocalCluster(Cluster):
    """Built from Go modules and run as processes of this machine."""

    def __init__(self, record: Record) -> None:
        super().__init__(record.name, record.layout.kubeconfig)
        self._kubectl = record.layout.kubectl

    def kubectl_program(self) -> str:
        """The kubectl of the cluster's own version."""
        return str(self._kubectl)

    def obituaries(self) -> list[str]:
        """For each component that has died, its name and the end of its log."""
        record = find(self.name)
        return [] if record is None else [obituary(record, running) for running in dead(record)]

    def load_image(self, archive: Path) -> None:
        """Import the image into the real node."""
        record = find(self.name)
        if record is None or not record.layout.real:
            raise ClusterError(f"cluster {self.name} has no real node that could run an image")
        import_image(Launcher(record).holder, archive)

    def restart(self, component: str, flags: str | tuple[str, ...] = ()) -> None:
        """Restart a component with `flags` after its own; without them it has its own only."""
        local.restart(self.name, component, flags=tuple(shlex.split(flags)) if isinstance(flags, str) else flags)

    def down(self) -> None:
        """Stop the cluster and remove all of it."""
        local.down(self.name)


class CurrentCluster(Cluster):
    """Whatever the caller's kubeconfig points at."""

    def load_image(self, archive: Path) -> None:
        """Refused: only its owner knows where its nodes find images."""
        raise ClusterError(f"CLUSTER=current: push the image of {archive.name} to a registry that the cluster reads")

    def down(self) -> None:
        """Leave the cluster as it is."""


def use() -> CurrentCluster:
    """The cluster of $KUBECONFIG, or of ~/.kube/config."""
    configured = os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    if os.pathsep in configured or not Path(configured).exists():
        raise ClusterError(f"CLUSTER=current needs one kubeconfig file, and KUBECONFIG says '{configured}'")
    return CurrentCluster("current", Path(configured))
