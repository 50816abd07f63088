"""An object that was stored before the rules of its kind: what it breaks stays, and everything else can be changed."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from dkron_crds.generate.manifests import definition
from dkron_crds.kinds import KINDS
from localcluster import Cluster, ClusterError
from tests.support import waiting
from tests.support.cluster import Clusters
from tests.support.documents import job
from tests.support.judge import Judge

pytestmark = pytest.mark.cluster(nodes="none")

GROUP = "older.example.org"
SECONDS = 30.0
BROKEN = {"schedule": "30 9 * * 1", "timezone": "Madrid", "executorConfig": {}, "tags": {"dc": "eu:x"}}


def is_empty(said: str) -> bool:
    return not said


def without_rules(node: Any) -> Any:
    """Return a schema as it was before the rules."""
    if isinstance(node, list):
        return [without_rules(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {key: without_rules(value) for key, value in node.items() if key != "x-kubernetes-validations"}


class Stored:
    """One DkronJob of a group of its own, so that no other test meets the older definition."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster, self._namespace = cluster, namespace

    def change(self, patch: dict[str, Any], *more: str) -> str:
        """Change it, or its status; return the refusal, empty if there is none."""
        return self.call("patch", f"dkronjobs.{GROUP}", "older", "--type=merge", "-p", json.dumps(patch), *more)

    def call(self, *words: str, given: dict[str, Any] | None = None) -> str:
        """Call kubectl; return what it refuses."""
        try:
            self._cluster.kubectl("-n", self._namespace, *words, input=None if given is None else json.dumps(given))
        except ClusterError as refused:
            return str(refused)
        return ""


@pytest.fixture(scope="module")
def older(clusters: Clusters, judge: Judge) -> Iterator[Stored]:
    cluster = clusters.get("none")
    (kind,) = (kind for kind in KINDS if kind.name == "DkronJob")
    ruled = copy.deepcopy(definition(kind))
    ruled["metadata"]["name"], ruled["spec"]["group"] = f"dkronjobs.{GROUP}", GROUP
    ruled["spec"]["names"] |= {"shortNames": [], "categories": []}
    stored = Stored(cluster, judge.namespace)
    body = job("older", **BROKEN) | {"apiVersion": f"{GROUP}/v1alpha1"}
    cluster.kubectl("apply", "-f", "-", input=json.dumps(without_rules(ruled)))
    cluster.kubectl("wait", "--for=condition=Established", f"crd/dkronjobs.{GROUP}", "--timeout=30s")
    waiting.wait_for("the kind", lambda: stored.call("create", "-f", "-", given=body), is_empty, seconds=SECONDS)
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", input=json.dumps(ruled))
    another = {**body, "metadata": {"name": "another"}}
    waiting.wait_for(
        "the rules",
        lambda: stored.call("create", "--dry-run=server", "-f", "-", given=another),
        lambda said: "six fields" in said,
        seconds=SECONDS,
    )
    yield stored
    cluster.kubectl("delete", "crd", f"dkronjobs.{GROUP}", "--wait=false")


@pytest.mark.parametrize(
    ("patch", "more"),
    [
        pytest.param({"metadata": {"annotations": {"run.dkron.io/a": "x"}}}, (), id="a request for a run"),
        pytest.param({"status": {"successCount": 3}}, ("--subresource=status",), id="the status"),
        pytest.param({"spec": {"owner": "me"}}, (), id="another field"),
        pytest.param({"spec": {"executorConfig": {"image": "a"}}}, (), id="another setting"),
    ],
)
def test_older_job_may_keep_its_broken_rules(older: Stored, patch: dict[str, Any], more: tuple[str, ...]) -> None:
    assert older.change(patch, *more) == ""


@pytest.mark.parametrize(
    ("patch", "sentence"),
    [
        pytest.param({"schedule": "* * * * *"}, "six fields", id="another broken schedule"),
        pytest.param({"timezone": "Berlin"}, "IANA", id="another broken zone"),
        pytest.param({"processors": {"email": {}}}, "email needs emails", id="a mistake of its own"),
        pytest.param({"executor": "http"}, "http needs method and url", id="another executor"),
    ],
)
def test_another_mistake_is_refused(older: Stored, patch: dict[str, Any], sentence: str) -> None:
    assert sentence in older.change({"spec": patch}, "--dry-run=server")


def test_repaired_field_cannot_break_again(older: Stored) -> None:
    good = {
        "schedule": "0 30 9 * * 1",
        "timezone": "Europe/Madrid",
        "executorConfig": {"command": "date"},
        "tags": None,
    }
    assert older.change({"spec": good}) == ""
    for field in ("schedule", "timezone", "tags"):
        assert older.change({"spec": {field: BROKEN[field]}}, "--dry-run=server") != ""
    assert "shell needs command" in older.change({"spec": {"executorConfig": {"command": None}}}, "--dry-run=server")
