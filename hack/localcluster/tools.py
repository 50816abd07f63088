"""The programs that a cluster runs and how each is built: its version, and the kinds of nodes that need it."""

import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from localcluster import gotoolchain, versions
from localcluster.errors import ClusterError
from localcluster.nodes import NodeKind
from localcluster.paths import cache_home

CONTROL_PLANE_SOURCE = Path(__file__).parent / "control-plane" / "main.go"
COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl")
DOWNLOAD_SECONDS = 600
_DIRECTIVE = re.compile(r"^(?:go|godebug) .+$", re.MULTILINE)
_STAGING = re.compile(r"^\s*(?:replace )?(k8s\.io/[a-z0-9-]+) => \./staging/", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Tool:
    """A program built from Go modules into a folder of the cache that its name, version and source name."""

    name: str
    version: str
    folder: Path
    command: Callable[[Path, Mapping[str, str]], tuple[list[str], Mapping[str, str]]]

    def program(self, name: str) -> Path:
        """A program of this tool."""
        return self.folder / name


def needed(kind: NodeKind, kubernetes: str) -> list[Tool]:
    """The programs of a cluster with such nodes, in the order of building."""
    tools = [control_plane(kubernetes)]
    if kind is NodeKind.KWOK:
        tools.append(kwok())
    if kind is NodeKind.REAL:
        tools.append(coredns())
    return tools


def control_plane(kubernetes: str) -> Tool:
    """Every component of Kubernetes in one binary, see control-plane/main.go."""
    source = hashlib.sha256(CONTROL_PLANE_SOURCE.read_bytes()).hexdigest()[:8]

    def command(target: Path, environment: Mapping[str, str]) -> tuple[list[str], Mapping[str, str]]:
        shutil.copy(CONTROL_PLANE_SOURCE, target)
        upstream = _go_mod(f"k8s.io/kubernetes@v{kubernetes}", environment)
        (target / "go.mod").write_text(go_mod(upstream, kubernetes), encoding="utf-8")
        stamps = ("k8s.io/component-base/version.gitVersion", "k8s.io/client-go/pkg/version.gitVersion")
        stamped = " ".join(f"-X {stamp}=v{kubernetes}" for stamp in stamps)
        flags = ["-mod=mod", "-trimpath", "-ldflags", f"-s -w {stamped}"]
        for component in COMPONENTS:
            (target / component).symlink_to("control-plane")
        return ["build", "-C", str(target), *flags, "-o", "control-plane", "."], environment

    return Tool("control-plane", kubernetes, _folder("control-plane", kubernetes, source), command)


def kwok() -> Tool:
    """Simulated nodes."""
    return installed("kwok", "sigs.k8s.io/kwok/cmd/kwok", versions.KWOK)


def coredns() -> Tool:
    """The cluster's name server."""
    return installed("coredns", "github.com/coredns/coredns", versions.COREDNS)


def kind() -> Tool:
    """Kubernetes in Docker, where a Docker engine runs."""
    return installed("kind", "sigs.k8s.io/kind", versions.KIND)


def installed(name: str, package: str, version: str, *, stamps: Mapping[str, str] | None = None) -> Tool:
    """A program as its module has it; `stamps` are what its own release build sets in variables."""
    flags = " ".join(["-s -w", *(f"-X {variable}={value}" for variable, value in (stamps or {}).items())])

    def command(target: Path, environment: Mapping[str, str]) -> tuple[list[str], Mapping[str, str]]:
        arguments = ["install", "-trimpath", "-ldflags", flags, f"{package}@v{version}"]
        return arguments, {**environment, "GOBIN": str(target)}

    return Tool(name, version, _folder(name, version), command)


def in_place(name: str, module: str, version: str, *, package: str) -> Tool:
    """A program that has to be built as the main module, since its go.mod replaces modules that it needs."""

    def command(target: Path, environment: Mapping[str, str]) -> tuple[list[str], Mapping[str, str]]:
        source = _download(f"{module}@v{version}", environment)["Dir"]
        flags = ["-mod=readonly", "-trimpath", "-ldflags", "-s -w"]
        return ["build", "-C", source, *flags, "-o", str(target / name), package], environment

    return Tool(name, version, _folder(name, version), command)


def _folder(*parts: str) -> Path:
    return cache_home() / "tools" / "-".join(parts)


def module_folder(module: str) -> Path:
    """The sources of `k8s.io/kubernetes@v1.36.3`, in Go's own cache."""
    return Path(_download(module, gotoolchain.environment(gotoolchain.find()))["Dir"])


def _go_mod(module: str, environment: Mapping[str, str]) -> str:
    return Path(_download(module, environment)["GoMod"]).read_text(encoding="utf-8")


def _download(module: str, environment: Mapping[str, str]) -> dict[str, str]:
    arguments = ["go", "mod", "download", "-json", module]
    result = subprocess.run(
        arguments,
        capture_output=True,
        text=True,
        timeout=DOWNLOAD_SECONDS,
        check=False,
        env=dict(environment),
        cwd="/",
    )
    answer: dict[str, str] = json.loads(result.stdout or "{}")
    if result.returncode != 0 or "GoMod" not in answer:
        raise ClusterError(f"Go cannot download {module}: {answer.get('Error') or result.stderr.strip()}")
    return answer


def go_mod(upstream: str, kubernetes: str) -> str:
    """Write our go.mod for Kubernetes version `kubernetes` (1.36.3), given the go.mod of that version.

    Kubernetes' own lists every dependency at the version that it was released with, so requiring that one module gives
    upstream's build list; only its staging modules, `v0.0.0` there, are replaced by their published versions.
    """
    staging = "v0." + kubernetes.removeprefix("1.")
    replacements = [f"replace {module} => {module} {staging}" for module in sorted(set(_STAGING.findall(upstream)))]
    lines = [
        "module dkron-operator.local/control-plane",
        *_DIRECTIVE.findall(upstream),
        f"require k8s.io/kubernetes v{kubernetes}",
        *replacements,
    ]
    return "\n\n".join(lines[: -len(replacements) or None]) + "\n\n" + "\n".join(replacements) + "\n"
