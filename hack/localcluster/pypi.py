"""Packages of PyPI that are tools and no dependencies: each in a folder of the cache, by its version."""

import shutil
import subprocess
import sys
from pathlib import Path

from localcluster.errors import ClusterError
from localcluster.locks import locked
from localcluster.paths import cache_home
from localcluster.progress import say

INSTALL_SECONDS = 600


def installed(package: str, version: str) -> Path:
    """Return the folder with only this package, without what it depends on; installs it where it is not yet. Raises
    `ClusterError`."""
    target = cache_home() / f"{package}-{version}"
    with locked(target.with_name(f"{target.name}.lock"), purpose=f"installing {package}", seconds=INSTALL_SECONDS):
        if not target.exists():
            _install(target, f"{package}=={version}")
    return target


def _install(target: Path, package: str) -> None:
    say(f"installing {package}")
    partial = target.with_name(f"{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    result = subprocess.run(
        [*command, "--target", str(partial), package],
        capture_output=True,
        text=True,
        timeout=INSTALL_SECONDS,
        check=False,
    )
    if result.returncode != 0:
        reason = (result.stderr or result.stdout).strip().splitlines()[-1:]
        raise ClusterError(f"pip could not install {package} ({' '.join(reason)})")
    partial.rename(target)
