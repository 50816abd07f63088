"""The Helm chart, rendered without a cluster by either Helm."""

import copy
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
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
KNOWN = ("monitoring.coreos.com/v1", "gateway.networking.k8s.io/v1", "cert-manager.io/v1")
"""Resources of others that the cluster is said to have."""
SECONDS = 60
CLUSTER_WIDE = {
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
}


def helm(tool: Tool, arguments: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
    """Run it; all that it prints is in `stdout`. Without a kubeconfig, so that no cluster is asked."""
    command = [str(tool.program("helm")), *map(str, arguments)]
    return run_quietly(command, seconds=SECONDS, environment={"KUBECONFIG": "/dev/null"})


def template(
    values: Path | None,
    *,
    release: str = RELEASE,
    namespace: str = NAMESPACE,
    kubernetes: str = versions.KUBERNETES[0],
    served: Sequence[str] = (),
) -> tuple[str, ...]:
    """The arguments of Helm: what to render, and the cluster."""
    given = () if values is None else ("--values", str(values))
    known = [part for each in (*KNOWN, *served) for part in ("--api-versions", each)]
    where = ("--namespace", namespace, "--kube-version", kubernetes)
    return ("template", release, str(CHART), *where, *known, *given)


def rendered(
    values: Object | Path | None = None,
    *,
    tool: Tool | None = None,
    release: str = RELEASE,
    namespace: str = NAMESPACE,
    folder: Path | None = None,
    served: Sequence[str] = (),
) -> list[Object]:
    """All objects of the chart with these values, hooks among them. A map of values needs a `folder` to lie in.
    `served` are further API versions of the cluster."""
    path = _written(values, folder) if isinstance(values, Mapping) else values
    given = "" if path is None else path.read_text(encoding="utf-8")
    command = template(path, release=release, namespace=namespace, served=served)
    return copy.deepcopy(_objects(tool or HELMS["helm4"], command, given))


@cache
def _objects(tool: Tool, command: tuple[str, ...], given: str) -> list[Object]:  # noqa: ARG001 - what is in the file counts
    """What Helm renders; many tests look at the same."""
    result = helm(tool, command)
    assert result.returncode == 0, result.stdout
    return [document for document in yaml.load_all(result.stdout, Loader=yaml.CSafeLoader) if document]


def refusal(values: Object, folder: Path, *, tool: Tool | None = None) -> str:
    """What `helm template` says about values that it does not take."""
    result = helm(tool or HELMS["helm4"], template(_written(values, folder)))
    assert result.returncode != 0, f"these values are taken: {values}"
    return result.stdout


def of_kind(objects: Sequence[Object], kind: str) -> list[Object]:
    """The objects of a kind."""
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
