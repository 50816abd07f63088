"""Kueue outside of a pod: the manager that admits suspended Jobs, at a real API server, without its webhooks.

It needs no webhook for Jobs that are created suspended. It is built with two changes: the folders of its certificates,
which are fixed in it, become relative to the working directory.

The API server asks its visibility server for places in line as if it ran in the cluster: a Service without an address
of its own leads to the loopback.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from localcluster.certificates import create_for_loopback
from localcluster.paths import cache_home
from localcluster.servers.running import HOST, free_ports, running
from localcluster.tools import Tool, module_folder
from localcluster.versions import KUEUE

MODULE = "sigs.k8s.io/kueue"
NAMESPACE = "kueue-system"
VISIBILITY, VERSION = "visibility.kueue.x-k8s.io", "v1beta2"
FIXED, FOLDER = '"/etc/kueue/metrics/certs"', "certificates"
SECOND_FOLDER = f"{MODULE}/pkg/visibility.certDir={FOLDER}"
"""The variable with the other folder, and its value."""
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
        flags = ["-mod=mod", "-trimpath", "-ldflags", f"-s -w -X {SECOND_FOLDER}"]
        return ["build", "-C", str(target), *flags, "-o", "kueue", "."], environment

    return Tool("kueue", KUEUE, cache_home() / "tools" / f"kueue-{KUEUE}-visible", command)


def _sources() -> Path:
    return module_folder(f"{MODULE}@v{KUEUE}")


def definitions() -> Path:
    """The folder with its custom resource definitions."""
    return _sources() / "config" / "components" / "crd" / "bases"


@contextmanager
def kueue(kubeconfig: Path, folder: Path, *, kubectl: Callable[..., object]) -> Iterator[None]:
    """Have Jobs with a queue admitted, as an administrator, in all namespaces. Its output is in the folder. The cluster
    knows its definitions, and has its namespace. With `kubectl` the API server is told of the visibility server, for as
    long as it answers: no namespace can be deleted while one does not."""
    probes, webhook, visibility = free_ports(3)
    certificates = folder / FOLDER
    certificates.mkdir()
    create_for_loopback(certificates / "tls.key", certificates / "tls.crt")
    configuration = folder / "configuration.json"
    configuration.write_text(json.dumps(_configuration(probes, webhook, certificates)), encoding="utf-8")
    registration = folder / "registration.json"
    registration.write_text(json.dumps(_registration(visibility)), encoding="utf-8")
    options = ("--kubeconfig", kubeconfig, "--config", configuration, f"--visibility-server-port={visibility}")
    with running([program().program("kueue"), *options], port=probes, folder=folder):
        kubectl("apply", "--filename", str(registration))
        try:
            kubectl("wait", "--for=condition=Available", "--timeout=60s", f"apiservice/{VERSION}.{VISIBILITY}")
            yield
        finally:
            kubectl("delete", "--filename", str(registration))


def _registration(port: int) -> dict[str, object]:
    service = {"name": "visibility-server", "namespace": NAMESPACE}
    items: list[dict[str, object]] = [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": service,
            "spec": {"type": "ExternalName", "externalName": "localhost"},
        },
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": f"{VERSION}.{VISIBILITY}"},
            "spec": {
                "group": VISIBILITY,
                "version": VERSION,
                "service": {**service, "port": port},
                "insecureSkipTLSVerify": True,
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
            },
        },
    ]
    return {"apiVersion": "v1", "kind": "List", "items": items}


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
