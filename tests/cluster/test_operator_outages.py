"""Clusters that are not as they should be: each is told in one sentence."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import localcluster
from dkron_crds.revision import REVISION
from tests.support.operator_process import OperatorProcess
from tests.support.rights import LEAST, limited_access
from tests.support.sites import apply_older, install, namespace, uninstall

pytestmark = pytest.mark.cluster(nodes="kwok")

NOBODY_LISTENS = """
apiVersion: v1
kind: Config
clusters: [{name: it, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: me, user: {}}]
contexts: [{name: it, context: {cluster: it, user: me}}]
current-context: it
"""


def only_words(operator: OperatorProcess, *, code: int = 1) -> str:
    """The sentence of an operator that cannot go on: it ends with this code after it."""
    operator.start(wait=False)
    assert operator.wait() == code, operator.tail()
    assert "Traceback" not in operator.text()
    complaints = [line for line in operator.lines() if line.get("level") != "INFO"]
    assert len(complaints) == 1, operator.tail()
    return str(complaints[0]["msg"])


KUBECONFIGS = (
    pytest.param(None, (), ("missing.kubeconfig",), id="a kubeconfig that is not there"),
    pytest.param("}{", (), ("config.kubeconfig",), id="a kubeconfig that is none"),
    pytest.param("a: b", (), ("config.kubeconfig",), id="a kubeconfig without contexts"),
    pytest.param(NOBODY_LISTENS, ("--context", "moon"), ("moon",), id="a context that is not in it"),
    pytest.param(NOBODY_LISTENS, (), ("API server", "127.0.0.1"), id="an API server that does not listen"),
)


@pytest.mark.parametrize(("content", "options", "words"), KUBECONFIGS)
def test_unusable_access_is_reported(
    tmp_path: Path, *, content: str | None, options: tuple[str, ...], words: tuple[str, ...]
) -> None:
    path = tmp_path / ("missing.kubeconfig" if content is None else "config.kubeconfig")
    if content is not None:
        path.write_text(content, encoding="utf-8")
    sentence = only_words(OperatorProcess(tmp_path / "log", "--kubeconfig", str(path), *options))
    assert [word for word in words if word not in sentence] == [], sentence
    assert "\n" not in sentence


@pytest.fixture
def bare(cluster: localcluster.Cluster) -> Iterator[localcluster.Cluster]:
    """A cluster without our kinds."""
    if os.environ.get("CLUSTER") == "current":
        pytest.skip("would remove the DkronJobs of a cluster that is not ours")
    uninstall(cluster, "dkronjobs.dkron.io")
    yield cluster
    install(cluster)


@pytest.mark.parametrize("options", [("--namespace", "default"), ()], ids=["one namespace", "all namespaces"])
def test_cluster_without_crds_is_reported(bare: localcluster.Cluster, tmp_path: Path, options: tuple[str, ...]) -> None:
    operator = OperatorProcess(tmp_path / "log", "--kubeconfig", str(bare.kubeconfig), *options)
    sentence = only_words(operator)
    assert "DkronJob is not installed" in sentence
    assert "kubectl apply -f crds/" in sentence


def test_kinds_that_are_removed_end_the_operator(bare: localcluster.Cluster, tmp_path: Path) -> None:
    """It would not hear of them when they are back. Kubernetes restarts it."""
    install(bare)
    with namespace(bare.kubeconfig, "removed kinds") as kube:
        options = ("--kubeconfig", str(kube.kubeconfig), "--namespace", kube.namespace)
        operator = OperatorProcess(tmp_path / "log", *options).start()
        uninstall(bare, "dkronjobs.dkron.io")
        operator.wait_for_line("DkronJob is not installed", seconds=60, may_end=True)
        assert operator.wait() == 1, operator.tail()


@pytest.mark.parametrize("limited", [False, True], ids=["all rights", "rights in one namespace"])
def test_outdated_crds_are_reported_at_start(bare: localcluster.Cluster, tmp_path: Path, *, limited: bool) -> None:
    apply_older(bare, tmp_path / "crds")
    with namespace(bare.kubeconfig, "older kinds") as kube:
        kube.create_lease()
        access = limited_access(kube, LEAST, folder=tmp_path) if limited else kube.kubeconfig
        options = ("--kubeconfig", str(access), "--namespace", kube.namespace)
        operator = OperatorProcess(tmp_path / "log", *options).start(wait=False)
        sentence = operator.wait_for_line("are older than this program", seconds=60, may_end=True)["msg"]
        assert (operator.wait(), "Traceback" in operator.text()) == (1, False), operator.tail()
        assert f"DkronJob has revision {REVISION - 1}" in sentence
        assert "kubectl apply -f crds/" in sentence
        install(bare)
        again = OperatorProcess(tmp_path / "again", *options).start()
        again.stop()
        again.assert_clean()


def test_operator_without_rights_names_the_missing_ones(cluster: localcluster.Cluster, tmp_path: Path) -> None:
    install(cluster)
    with namespace(cluster.kubeconfig, "no rights") as kube:
        access = limited_access(kube, {}, folder=tmp_path)
        operator = OperatorProcess(tmp_path / "log", "--kubeconfig", str(access), "--namespace", kube.namespace)
        sentence = only_words(operator)
        everywhere = only_words(OperatorProcess(tmp_path / "all", "--kubeconfig", str(access)))
    assert 'cannot list resource "dkronjobs"' in sentence
    assert kube.namespace in sentence
    assert "at the cluster scope" in everywhere
    assert "--namespace" in everywhere, "it says what else could be done"
