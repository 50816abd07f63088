"""The chart's hook, which applies the value `cluster` to the DkronCluster, at a real API server with its own rights."""

import os
import subprocess
import sys
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from dkron_crds.names import API_VERSION
from dkron_kube.paths import DKRON_CLUSTERS
from tests.support.charts import CHART, of_kind, rendered
from tests.support.kube import SERVICE_ACCOUNTS, Kube, Object
from tests.support.rights import ROLE_BINDINGS, ROLES

pytestmark = pytest.mark.cluster(nodes="none")

SCRIPT = CHART / "files" / "apply_cluster.py"
NAME = "dkron-cluster"
RECEIVERS = {"syslog": {"address": "udp://syslog.example:514"}}
DAYS = [{"date": "2026-01-01", "success": 3, "failed": 1}]

Apply = Callable[[Object], tuple[int, str]]


@pytest.fixture
def apply(kube: Kube, tmp_path: Path) -> Apply:
    """Run what the hook's pod runs, as its service account."""
    for item in rendered({"cluster": {"paused": True}}, namespace=kube.namespace, folder=tmp_path):
        if item["metadata"]["name"] == NAME and item["kind"] != "Job":
            resources = {"ServiceAccount": SERVICE_ACCOUNTS, "Role": ROLES, "RoleBinding": ROLE_BINDINGS}
            kube.create(resources[item["kind"]], item)
    access = yaml.safe_load(kube.kubeconfig.read_text(encoding="utf-8"))["clusters"][0]["cluster"]
    (tmp_path / "token").write_text(kube.token_of(NAME), encoding="utf-8")
    (tmp_path / "ca.crt").write_bytes(b64decode(access["certificate-authority-data"]))
    server = urlsplit(access["server"])

    def applied(spec: Object) -> tuple[int, str]:
        environment = {
            "CLUSTER": _as_rendered(spec, tmp_path),
            "NAMESPACE": kube.namespace,
            "KUBERNETES_SERVICE_HOST": str(server.hostname),
            "KUBERNETES_SERVICE_PORT": str(server.port),
        }
        command = [sys.executable, str(SCRIPT), str(tmp_path)]
        result = subprocess.run(
            command, capture_output=True, text=True, timeout=90, check=False, env={**os.environ, **environment}
        )
        return result.returncode, result.stdout

    return applied


def _as_rendered(spec: Object, folder: Path) -> str:
    """The spec as it comes out of the chart, and out of the kubelet."""
    (job,) = of_kind(rendered({"cluster": spec}, folder=folder), "Job")
    (container,) = job["spec"]["template"]["spec"]["containers"]
    return str({item["name"]: item.get("value") for item in container["env"]}["CLUSTER"]).replace("$$", "$")


def test_it_is_made_where_there_is_none(kube: Kube, apply: Apply) -> None:
    text = '{"text": "{{ job_name }} on $(NODE)"}'
    notifications = [{"name": "chat", "url": "http://chat.example", "payload": text}]
    assert apply({"receivers": RECEIVERS, "notifications": notifications}) == (0, "applied\n")
    spec = kube.get(DKRON_CLUSTERS, "dkron")["spec"]
    assert spec["receivers"]["syslog"]["address"] == "udp://syslog.example:514"
    assert spec["notifications"][0]["payload"] == text


def test_upgrade_keeps_foreign_fields_and_removes_dropped_values(kube: Kube, apply: Apply) -> None:
    paused = {
        "apiVersion": API_VERSION,
        "kind": "DkronCluster",
        "metadata": {"name": "dkron"},
        "spec": {"paused": True},
    }
    kube.create(DKRON_CLUSTERS, paused)
    kube.patch(DKRON_CLUSTERS, "dkron", {"status": {"days": DAYS}}, subresource="status")
    assert apply({"receivers": RECEIVERS})[0] == 0
    assert apply({"notifications": [{"name": "chat", "url": "http://chat.example"}]})[0] == 0
    found = kube.get(DKRON_CLUSTERS, "dkron")
    assert found["spec"]["paused"] is True
    assert not found["spec"].get("receivers", {}).get("syslog")
    assert [item["name"] for item in found["spec"]["notifications"]] == ["chat"]
    assert found["status"]["days"][0]["success"] == DAYS[0]["success"]


def test_refusal_by_the_api_server_is_printed(kube: Kube, apply: Apply) -> None:
    code, said = apply({"notifications": [{"name": "chat"}]})
    assert code == 1
    assert said.startswith(f"the value cluster cannot be applied to DkronCluster {kube.namespace}/dkron: ")
    assert "a webhook has either url or urlFrom" in said
    assert kube.find(DKRON_CLUSTERS, "dkron") is None
