"""Cert-manager outside of a pod, which makes the chart's Certificate a Secret at a real API server."""

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from localcluster.paths import cache_home
from localcluster.servers.running import HOST, free_ports, running
from localcluster.tools import Tool, module_folder
from localcluster.versions import CERT_MANAGER

MODULE = "github.com/cert-manager/cert-manager"
SOURCE = Path(__file__).parent / "cert-manager" / "main.go"
GO_MOD = f"""module dkron-operator.local/cert-manager

go 1.26

require {MODULE} v{CERT_MANAGER}
"""


def program() -> Tool:
    """The controllers, see cert-manager/main.go."""
    source = hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:8]

    def command(target: Path, environment: Mapping[str, str]) -> tuple[list[str], Mapping[str, str]]:
        shutil.copy(SOURCE, target)
        (target / "go.mod").write_text(GO_MOD, encoding="utf-8")
        flags = ["-mod=mod", "-trimpath", "-ldflags", "-s -w"]
        return ["build", "-C", str(target), *flags, "-o", "cert-manager", "."], environment

    folder = cache_home() / "tools" / f"cert-manager-{CERT_MANAGER}-{source}"
    return Tool("cert-manager", CERT_MANAGER, folder, command)


def definitions() -> Path:
    """The folder with its custom resource definitions."""
    return module_folder(f"{MODULE}@v{CERT_MANAGER}") / "deploy" / "crds"


@contextmanager
def cert_manager(kubeconfig: Path, namespace: str, folder: Path) -> Iterator[None]:
    """Have Certificates of this namespace issued, as an administrator. Its output is in the folder."""
    (port,) = free_ports(1)
    options = ("--kubeconfig", kubeconfig, "--namespace", namespace, "--address", f"{HOST}:{port}")
    with running([program().program("cert-manager"), *options], port=port, folder=folder):
        yield
