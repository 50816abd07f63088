"""Sites: a namespace and an operator for it, each test's or module's own, so that tests do not disturb each other.

The fixtures are taken by the conftest of each folder that has tests of the operator.
"""

import contextlib
import os
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

import localcluster
from dkron_crds.revision import REVISION
from dkron_kube.paths import DKRON_JOBS
from tests.support.births import Births
from tests.support.kube import NAMESPACES, SERVICE_ACCOUNTS, Kube
from tests.support.operator_process import OperatorProcess

CRDS = Path(__file__).parents[2] / "crds"
NAME_ROOM = 40
GONE = "100s"
"""How long the API server may take to delete a definition with all its objects."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where a test happens."""

    kube: Kube
    operator: OperatorProcess


_INSTALLED: set[str] = set()
"""Clusters that know our kinds as they are; `uninstall` and `apply_older` take them out."""


def install(cluster: localcluster.Cluster) -> None:
    """Have the API server know our kinds, unless it does from an earlier call: this takes a second."""
    if cluster.name not in _INSTALLED:
        _apply(cluster, CRDS)
        _INSTALLED.add(cluster.name)


def uninstall(cluster: localcluster.Cluster, *definitions: str) -> None:
    """Delete these definitions, as far as they are there, and their objects.

    The API server looks for objects that are left every five seconds, and begins again after a minute of that.
    """
    _INSTALLED.discard(cluster.name)
    try:
        cluster.kubectl("delete", "crd", "--ignore-not-found", f"--timeout={GONE}", *definitions)
    except localcluster.ClusterError as exc:
        left = cluster.kubectl(
            "get", "crd", "--output=jsonpath={range .items[*]}{.metadata.name}{.status.conditions}{end}"
        )
        raise AssertionError(f"{exc}\n{left}") from exc


def apply_older(cluster: localcluster.Cluster, folder: Path) -> None:
    """Have the API server know our kinds as an older version installed them: the definitions are made in the folder."""
    _INSTALLED.discard(cluster.name)
    folder.mkdir()
    for path in CRDS.glob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        older = text.replace(f", revision {REVISION}\n", f", revision {REVISION - 1}\n")
        assert older != text, f"{path.name} carries no revision"
        (folder / path.name).write_text(older, encoding="utf-8")
    _apply(cluster, folder)


def _apply(cluster: localcluster.Cluster, folder: Path) -> None:
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(folder))
    cluster.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")


@contextlib.contextmanager
def namespace(kubeconfig: Path, purpose: str) -> Iterator[Kube]:
    """A new namespace that is ready for pods.

    Only in a cluster that outlives the session it is deleted at the end: emptying it would keep the controllers of a
    small cluster busy, and the next test waiting.
    """
    words = re.sub(r"[^a-z0-9]+", "-", purpose.lower()).strip("-")
    name = f"{words[:NAME_ROOM].strip('-')}-{secrets.token_hex(3)}"
    kube = Kube(kubeconfig, name)
    kube.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    try:
        kube.wait_for("the service account of pods", lambda: kube.find(SERVICE_ACCOUNTS, "default"), bool)
        with Births(kubeconfig, name) as kube.births:
            yield kube
    finally:
        if os.environ.get("CLUSTER") == "current":
            kube.delete(NAMESPACES, name)
        kube.close()


def remove(kube: Kube, names: Sequence[str]) -> None:
    """Delete these DkronJobs, as far as they are still there; what they have started goes with them."""
    for name in names:
        if kube.find(DKRON_JOBS, name):
            kube.delete(DKRON_JOBS, name)


@contextlib.contextmanager
def site(
    kubeconfig: Path, *, purpose: str, folder: Path, access: Callable[[Kube], Path] | None = None
) -> Iterator[Site]:
    """A namespace and an operator for it that is not started yet.

    The operator has the rights of an administrator, or the ones of the kubeconfig that `access` makes.
    """
    with namespace(kubeconfig, purpose) as kube:
        own = kubeconfig if access is None else access(kube)
        arguments = ("--kubeconfig", str(own), "--namespace", kube.namespace)
        operator = OperatorProcess(folder / "operator.log", *arguments)
        kube.guard, kube.appendix = operator.check, operator.tail
        try:
            yield Site(kube, operator)
        finally:
            if operator.running:
                operator.kill()


@pytest.fixture
def kube(cluster: localcluster.Cluster, request: pytest.FixtureRequest) -> Iterator[Kube]:
    """A namespace for one test, without a program of ours."""
    install(cluster)
    with namespace(cluster.kubeconfig, request.node.name.removeprefix("test_")) as made:
        yield made


@pytest.fixture(scope="module")
def module_site(
    cluster: localcluster.Cluster, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """The site of a module, with a running operator that has to stop in order."""
    install(cluster)
    purpose = Path(request.node.name).stem
    with site(cluster.kubeconfig, purpose=purpose, folder=tmp_path_factory.mktemp(purpose)) as shared:
        shared.operator.start()
        yield shared
        shared.operator.stop()


@pytest.fixture
def shared_site(module_site: Site) -> Iterator[Site]:
    """The module's site; in each test the operator must stay alive and not complain. The test's jobs go with it."""
    mark = module_site.operator.mark()
    kube, others = module_site.kube, len(module_site.kube.applied)
    yield module_site
    remove(kube, kube.applied[others:])
    module_site.operator.check()
    module_site.operator.assert_clean(mark)


@pytest.fixture
def own_site(cluster: localcluster.Cluster, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """A site for one test; the operator is not started yet, and must never complain."""
    install(cluster)
    with site(cluster.kubeconfig, purpose=request.node.name.removeprefix("test_"), folder=tmp_path) as own:
        yield own
        if own.operator.running:
            own.operator.stop()
        own.operator.assert_clean()
