"""A real Kubernetes on one machine, for tests and demonstrations: `localcluster.up(name=…, nodes=…)`."""

from localcluster.cluster import Cluster
from localcluster.errors import ClusterError
from localcluster.provider import get, up

__all__ = ["Cluster", "ClusterError", "get", "up"]
