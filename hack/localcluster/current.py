"""The caller's own cluster, used only when named and never started, changed in size or stopped by us."""

import os
from pathlib import Path

from localcluster.cluster import Cluster
from localcluster.errors import ClusterError


class CurrentCluster(Cluster):
    """Whatever the caller's kubeconfig points at."""

    def load_image(self, archive: Path) -> None:
        """Refused: only its owner knows where its nodes find images."""
        raise ClusterError(f"CLUSTER=current: push the image of {archive.name} to a registry that the cluster reads")

    def down(self) -> None:
        """Leave the cluster alone."""


def use() -> CurrentCluster:
    """The cluster of $KUBECONFIG, or of ~/.kube/config."""
    configured = os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    if os.pathsep in configured or not Path(configured).exists():
        raise ClusterError(f"CLUSTER=current needs one kubeconfig file, and KUBECONFIG says '{configured}'")
    return CurrentCluster("current", Path(configured))
