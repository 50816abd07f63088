"""The one thing asked of containerd from outside: take this image."""

import subprocess
from pathlib import Path

from localcluster.components.containerd import SOCKET
from localcluster.components.namespaces import entering
from localcluster.errors import ClusterError

IMPORT_SECONDS = 300


def import_image(holder: int, archive: Path) -> None:
    """Import an OCI or Docker archive into the node; read here, since the node may not see its folder."""
    argv = ("ctr", f"--address={SOCKET}", "--namespace=k8s.io", "images", "import", "-")
    with archive.open("rb") as content:
        result = subprocess.run(
            entering(holder, argv),
            stdin=content,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=IMPORT_SECONDS,
            check=False,
        )
    if result.returncode != 0:
        raise ClusterError(f"containerd could not import {archive}: {result.stdout.strip()}")
