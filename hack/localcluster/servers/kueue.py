"""Kueue outside of a pod: the manager that admits suspended Jobs, at a real API server, without its webhooks.

It needs no webhook for Jobs that are created suspended. Its main program is built with one change: the folder of its
certificates, which is fixed there, becomes relative to the working directory.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from localcluster.certificates import create_for_loopback
from localcluster.paths import cache_home
from localcluster.servers.running import HOST, free_ports, running
from localcluster.tools import Tool, module_folder
from localcluster.versions import KUEUE

MODULE = "sigs.k8s.io/kueue"
NAMESPACE = "kueue-system"
FIXED, FOLDER = '"/etc/kueue/metrics/certs"', "certificates"
GATES = "VisibilityOnDemand=false"
"""The server that tells places in line keeps its certificates in another fixed folder."""
GO_MOD = f"""module dkron-operator.local/kueue

go 1.26

require {MODULE} v{KUEUE}
"""


def program() -> Tool:
    """The manager."""

    def command(target: Path, environment: Mapping[str, str]) -> tuple[list[str], Mapping[str, str]]:
        main = (_sources() / "cmd" / "kueue" / "main.go").read_text(encoding="utf-8")
        (target / "main.go").write_text(main.replace(FIXED, f'"{FOLDER}"'), encoding="utf-8")
        (target / "go.mod").write_text(GO_MOD, encoding="utf-8")
        flags = ["-mod=mod", "-trimpath", "-ldflags", "-s -w"]
        return ["build", "-C", str(target), *flags, "-o", "kueue", "."], environment

    return Tool("kueue", KUEUE, cache_home() / "tools" / f"kueue-{KUEUE}", command)


def _sources() -> Path:
    return module_folder(f"{MODULE}@v{KUEUE}")


def definitions() -> Path:
    """The folder with its custom resource definitions."""
    return _sources() / "config" / "components" / "crd" / "bases"


@contextmanager
def kueue(kubeconfig: Path, folder: Path) -> Iterator[None]:
    """Have Jobs with a queue admitted, as an administrator, in all namespaces. Its output is in the folder. The cluster
    knows its definitions, and has its namespace."""
    probes, webhook = free_ports(2)
    certificates = folder / FOLDER
    certificates.mkdir()
    create_for_loopback(certificates / "tls.key", certificates / "tls.crt")
    configuration = folder / "configuration.json"
    configuration.write_text(json.dumps(_configuration(probes, webhook, certificates)), encoding="utf-8")
    options = ("--kubeconfig", kubeconfig, "--config", configuration, f"--feature-gates={GATES}")
    with running([program().program("kueue"), *options], port=probes, folder=folder):
        yield


def _configuration(probes: int, webhook: int, certificates: Path) -> dict[str, object]:
    return {
        "apiVersion": "config.kueue.x-k8s.io/v1beta2",
        "kind": "Configuration",
        "namespace": NAMESPACE,
        "health": {"healthProbeBindAddress": f"{HOST}:{probes}"},
        "metrics": {"bindAddress": "0"},
        "webhook": {"host": HOST, "port": webhook, "certDir": str(certificates)},
        "leaderElection": {"leaderElect": False},
        "internalCertManagement": {"enable": False},
        "integrations": {"frameworks": ["batch/job"]},
    }
