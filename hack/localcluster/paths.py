"""Where things live: built tools in the user's cache, clusters in the user's state. Nothing in the checkout."""

import os
import re
from pathlib import Path

from localcluster.errors import ClusterError

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")


def cache_home() -> Path:
    """The folder for what can be built again."""
    return _home("XDG_CACHE_HOME", ".cache")


def clusters_home() -> Path:
    """The folder that holds one folder for each cluster."""
    return _home("XDG_STATE_HOME", ".local/state") / "clusters"


def cluster_folder(name: str) -> Path:
    """The folder of a cluster; refuses names that could not be a host name or would leave the folder."""
    if _NAME.fullmatch(name) is None:
        raise ClusterError(
            f"'{name}' is no cluster name: up to 40 of a-z, 0-9 and '-', with a letter or digit at the ends"
        )
    return clusters_home() / name


def _home(variable: str, default: str) -> Path:
    configured = os.environ.get(variable, "")
    # The XDG base directory specification: a relative path is invalid and ignored.
    base = Path(configured) if configured.startswith("/") else Path.home() / default
    return base / "dkron-operator"
