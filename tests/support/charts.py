"""The Helm chart, rendered without a cluster by either Helm."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from charttools import programs
from localcluster import versions
from localcluster.quiet import run_quietly
from localcluster.tools import Tool

Object = dict[str, Any]

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "dkron-operator"
CASES = sorted((CHART / "ci").glob("*-values.yaml"))
"""Sets of values that everything is tried with."""
HELMS = {"helm3": programs.helm_old(), "helm4": programs.helm()}
RELEASE, NAMESPACE = "dkron", "dkron-system"
KNOWN = ("monitoring.coreos.com/v1", "gateway.networking.k8s.io/v1")
"""Resources of others that the cluster is said to have."""
SECONDS = 60
CLUSTER_WIDE = {"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"}


def helm(
    tool: Tool, arguments: Sequence[str | Path], *, folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run it; all that it prints is in `stdout`. Without a kubeconfig, so that no cluster is asked."""
    environment = {"KUBECONFIG": "/dev/null"} | ({} if folder is None else {"HELM_CACHE_HOME": str(folder)})
    return run_quietly([str(tool.program("helm")), *map(str, arguments)], seconds=SECONDS, environment=environment)


def arguments(values: Path | None, *, kubernetes: str = versions.KUBERNETES[0]) -> list[str]:
    """How `helm template` is told what to render, and for which cluster."""
    given = [] if values is None else ["--values", str(values)]
    known = [part for each in KNOWN for part in ("--api-versions", each)]
    return [RELEASE, str(CHART), "--namespace", NAMESPACE, "--kube-version", kubernetes, *known, *given]


def rendered(
    values: Object | Path | None = None,
    *,
    tool: Tool | None = None,
    release: str = RELEASE,
    namespace: str = NAMESPACE,
    kubernetes: str = versions.KUBERNETES[0],
    folder: Path | None = None,
) -> list[Object]:
    """All objects of the chart with these values, hooks among them. A map of values needs a `folder` to lie in."""
    path = _written(values, folder) if isinstance(values, Mapping) else values
    command = ["template", *arguments(path, kubernetes=kubernetes), "--namespace", namespace]
    command[1] = release
    result = helm(tool or HELMS["helm4"], command)
    assert result.returncode == 0, result.stdout
    return [document for document in yaml.safe_load_all(result.stdout) if document]


def refusal(values: Object, folder: Path, *, tool: Tool | None = None) -> str:
    """What `helm template` says about values that it does not take."""
    result = helm(tool or HELMS["helm4"], ["template", *arguments(_written(values, folder))])
    assert result.returncode != 0, f"these values are taken: {values}"
    return result.stdout


def of_kind(objects: Sequence[Object], kind: str) -> list[Object]:
    """Those of a kind."""
    return [each for each in objects if each["kind"] == kind]


def key(item: Object) -> tuple[str, str, str]:
    """What tells objects of a cluster apart."""
    metadata = item["metadata"]
    return item["kind"], metadata.get("namespace", ""), metadata["name"]


def _written(values: Mapping[str, Any], folder: Path | None) -> Path:
    assert folder is not None, "a folder is needed for values that are no file"
    path = folder / "values.yaml"
    path.write_text(yaml.safe_dump(dict(values)), encoding="utf-8")
    return path
