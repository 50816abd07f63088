"""The chart as a package: packed by Helm, then settled, so that the same chart gives the same bytes."""

import subprocess
from pathlib import Path

from charttools import programs
from localcluster import build
from release import tarballs
from release.errors import ReleaseError

CHART = Path("charts", "dkron-operator")
PACK_SECONDS = 120


def package(root: Path, folder: Path, *, version: str, app_version: str, epoch: int) -> Path:
    """Pack the chart of a checkout into a folder; Helm is built first if it is not there."""
    helm = programs.helm()
    build.ensure([helm])
    options = [f"--version={version}", f"--app-version={app_version}", f"--destination={folder}"]
    command = [str(helm.program("helm")), "package", str(root / CHART), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PACK_SECONDS, check=False)
    if done.returncode != 0:
        raise ReleaseError(f"Helm cannot pack {CHART}: {done.stderr.strip() or done.stdout.strip()}")
    packed = folder / f"{CHART.name}-{version}.tgz"
    tarballs.settle(packed, epoch=epoch)
    return packed
