"""Two releases in one cluster: one by an administrator with Helm 4, the other by a user without rights beyond their
own namespace, with Helm 3 and the administrator's custom resources."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

import localcluster
from dkron_kube.paths import DKRON_CLUSTERS, DKRON_JOBS, PODS
from tests.support.charts import HELMS
from tests.support.helm import DEPLOYMENTS, Release, named_namespace, remove_definitions, values_of
from tests.support.jobs import dkron_job
from tests.support.kube import Kube, Object, condition, finished
from tests.support.own_image import OwnImage
from tests.support.rights import Rules, bind, limited_access

pytestmark = [pytest.mark.cluster(nodes="real"), pytest.mark.timeout(600)]

BEYOND_ADMIN: Rules = {
    ("dkron.io", "*"): ("*",),
    ("events.k8s.io", "events"): ("create", "list"),
}
"""The rights beyond the ClusterRole admin that a user needs to install the chart in a namespace: users cannot give
the operator a right that they do not have."""


@pytest.fixture(scope="module")
def first(cluster: localcluster.Cluster) -> Iterator[Kube]:
    remove_definitions(cluster)
    with named_namespace(cluster.kubeconfig, "first") as kube:
        yield kube


@pytest.fixture(scope="module")
def second(first: Kube) -> Iterator[Kube]:
    with named_namespace(first.kubeconfig, "second") as kube:
        yield kube


@pytest.fixture(scope="module")
def theirs(second: Kube, image: OwnImage, tmp_path_factory: pytest.TempPathFactory) -> Release:
    """The release of a user without rights in the rest of the cluster."""
    folder = tmp_path_factory.mktemp("theirs")
    access = limited_access(second, BEYOND_ADMIN, folder=folder)
    bind(second, "limited", "admin")
    api = {"auth": ["dkron"], "mode": "deployment"}
    own = {"watchNamespaces": ["second"], "jobs": {"inReleaseNamespace": True}, "api": api}
    values = values_of(image, folder, crds={"enabled": False}, **own)
    return Release(HELMS["helm3"], second, access, "dkron", values)


@pytest.fixture(scope="module")
def ours(first: Kube, image: OwnImage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    """The administrator's release, with the custom resources."""
    own = {"watchNamespaces": ["first"], "jobs": {"inReleaseNamespace": True}, "api": {"mode": "deployment"}}
    values = values_of(image, tmp_path_factory.mktemp("ours"), **own)
    release = Release(HELMS["helm4"], first, first.kubeconfig, "dkron", values)
    yield release
    release.uninstall()


def terminated(kube: Kube) -> str:
    """The last message of the operator's container before it ended, as `kubectl describe pod` shows it."""
    for pod in kube.all(PODS, "app.kubernetes.io/component=operator"):
        for container in pod.get("status", {}).get("containerStatuses", ()):
            for state in (container["state"], container.get("lastState", {})):
                if container["name"] == "operator" and "terminated" in state:
                    return str(state["terminated"].get("message", ""))
    return ""


def test_install_without_crds_names_the_missing_one(theirs: Release, second: Kube) -> None:
    theirs.install(wait=False)
    said = second.wait_for("the operator's last words", lambda: terminated(second), bool, seconds=60)
    assert "the custom resource DkronJob is not installed in this cluster" in said


def test_first_execution_follows_a_complete_install(
    ours: Release, first: Kube, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    ours.install()
    ready = time.monotonic() - began
    first.apply(dkron_job("hello", "echo hello", schedule="@every 1s", history={"executions": 100}))
    status = first.wait_status("hello", "its first execution", finished(1))
    with capsys.disabled():
        print(f"\nhelm install: ready after {ready:.1f} s, first execution after {time.monotonic() - began:.1f} s")
    assert (status["executions"][-1]["output"], status["executions"][-1]["state"]) == ("hello\n", "Succeeded")


def test_install_without_cluster_rights_works_beside_crds(theirs: Release, second: Kube) -> None:
    theirs.upgrade()
    second.apply(dkron_job("hello", "echo hello", run=["once"]))
    status = second.wait_status("hello", "its execution", finished(1))
    assert (status["executions"][0]["output"], status["executions"][0]["state"]) == ("hello\n", "Succeeded")
    said = theirs.test()
    assert "Phase:          Succeeded" in said, said


def standing(kube: Kube) -> Object:
    """The status of the DkronCluster, once a replica leads."""

    def status() -> Object:
        found: Object = kube.get(DKRON_CLUSTERS, "dkron").get("status") or {}
        return found

    return kube.wait_for("a leader", status, lambda seen: seen.get("leader") and seen.get("jobs"))


def test_each_of_two_releases_serves_its_own_namespace(first: Kube, second: Kube) -> None:
    for kube in (first, second):
        cluster = standing(kube)
        assert (cluster["jobs"], condition(cluster, "Ready")["status"]) == (1, "True")
        assert condition(cluster, "Conflicted") == {}
        assert cluster["leader"] in [pod["metadata"]["name"] for pod in kube.all(PODS)]


def test_second_release_cannot_own_the_crds(theirs: Release, second: Kube) -> None:
    asked = ("upgrade", *theirs.what(), "--set", "crds.enabled=true")
    said = theirs.refused(*asked)
    assert "customresourcedefinitions" in said.lower(), said
    assert "forbidden" in said, said
    by_administrator = replace(theirs, kubeconfig=second.kubeconfig)
    said = by_administrator.refused(*asked)
    assert "the custom resources of this cluster belong to the release" in said, said
    assert "first" in said, said
    assert second.get(DEPLOYMENTS, "dkron-operator")["status"]["availableReplicas"] == 1


def test_an_uninstall_of_one_leaves_the_other(theirs: Release, second: Kube, first: Kube) -> None:
    theirs.uninstall()
    assert second.find(DKRON_JOBS, "hello") is not None
    runs = first.status("hello")["successCount"]
    first.wait_status("hello", "to go on", lambda s: s["successCount"] > runs + 1)
