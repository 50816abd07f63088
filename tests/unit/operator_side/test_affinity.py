"""How the Job of a member says where it may run."""

from typing import Any

import pytest

from dkron_crds.job import Active
from dkron_crds.node_tags import AgentTags
from dkron_operator.plan.build import build_job
from dkron_operator.plan.read import read_attempt, read_node
from tests.support.builders import IMAGES, NOON, claim, job_view

Object = dict[str, Any]
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def is_in(key: str, value: str) -> Object:
    return {"key": key, "operator": "In", "values": [value]}


def built(entry: Active | None = None, affinity: Object | None = None, **spec: Any) -> Object:
    if affinity is not None:
        spec["jobTemplate"] = {"spec": {"template": {"spec": {"affinity": affinity}}}}
    return build_job(job_view(**spec), entry or claim(NOON), images=IMAGES)


def pod_of(entry: Active | None = None, affinity: Object | None = None, **spec: Any) -> Object:
    pod: Object = built(entry, affinity, **spec)["spec"]["template"]["spec"]
    return pod


def terms(pod: Object) -> list[Object]:
    found: list[Object] = pod["affinity"]["nodeAffinity"][REQUIRED]["nodeSelectorTerms"]
    return found


def test_without_tags_nothing_is_added() -> None:
    job = built()
    assert "affinity" not in job["spec"]["template"]["spec"]
    assert "dkron.io/group" not in job["spec"]["template"]["metadata"]["labels"]
    assert {"dkron.io/member", "dkron.io/node"}.isdisjoint(job["metadata"]["annotations"])


def test_pinned_member_reaches_its_node_through_the_scheduler() -> None:
    entry = claim(NOON, node="n1")
    job = built(entry, tags={"dc": "eu"})
    pod = job["spec"]["template"]["spec"]
    assert terms(pod) == [{"matchFields": [is_in("metadata.name", "n1")]}]
    assert "podAntiAffinity" not in pod["affinity"]
    assert "nodeName" not in pod, "taints and resources count"
    notes = job["metadata"]["annotations"]
    assert (notes["dkron.io/member"], notes["dkron.io/node"]) == ("n1", "n1")


def test_one_anywhere_has_the_labels_in_either_form() -> None:
    pod = pod_of(tags={"dc": "eu:1", "example.com/disk": "ssd"})
    disk = is_in("example.com/disk", "ssd")
    assert terms(pod) == [
        {"matchExpressions": [is_in("dc", "eu"), disk]},
        {"matchExpressions": [is_in("dkron.io/dc", "eu"), disk]},
    ]
    assert "podAntiAffinity" not in pod["affinity"]


def test_counted_members_avoid_nodes_of_their_group() -> None:
    entry = claim(NOON, member="2")
    job = built(entry, tags={"example.com/dc": "eu:3"})
    pod = job["spec"]["template"]
    ours = {"dkron.io/job": "backup", "dkron.io/group": str(entry.group)}
    assert pod["spec"]["affinity"]["podAntiAffinity"][REQUIRED] == [
        {"labelSelector": {"matchLabels": ours}, "topologyKey": "kubernetes.io/hostname"}
    ]
    assert ours.items() <= pod["metadata"]["labels"].items()
    assert terms(pod["spec"]) == [{"matchExpressions": [is_in("example.com/dc", "eu")]}]


def test_node_requirements_of_the_template_are_kept() -> None:
    arm, gpu = {"matchExpressions": [is_in("arch", "arm64")]}, {"matchFields": [is_in("metadata.name", "gpu-1")]}
    given = {
        "nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [arm, gpu, {}]}},
        "podAntiAffinity": {REQUIRED: [{"topologyKey": "zone"}]},
        "podAffinity": {"x": 1},
    }
    pod = pod_of(claim(NOON, member="1"), given, tags={"example.com/dc": "eu:2"})
    eu = is_in("example.com/dc", "eu")
    assert terms(pod) == [
        {"matchExpressions": [is_in("arch", "arm64"), eu]},
        {"matchExpressions": [eu], "matchFields": [is_in("metadata.name", "gpu-1")]},
        {},
    ]
    apart = [term["topologyKey"] for term in pod["affinity"]["podAntiAffinity"][REQUIRED]]
    assert apart == ["zone", "kubernetes.io/hostname"]
    assert pod["affinity"]["podAffinity"] == {"x": 1}


def test_dry_run_of_many_tags_avoids_all_combinations() -> None:
    pod = pod_of(tags={f"k{number}": "v" for number in range(30)})
    assert len(terms(pod)) == 1


@pytest.mark.parametrize("entry", [claim(NOON, node="n1"), claim(NOON, member="2")], ids=["pinned", "counted"])
def test_a_member_is_read_back_from_its_job(entry: Active) -> None:
    body = built(entry, tags={"dc": "eu"})
    body["metadata"] |= {"uid": "u", "resourceVersion": "1", "creationTimestamp": "2026-03-01T12:00:00Z"}
    run = read_attempt(body)
    assert run is not None
    assert run.entry(NOON) == entry.model_copy(update={"uid": "u"})


READY, DELETED = {"type": "Ready", "status": "True"}, {"deletionTimestamp": "2026-03-01T12:00:00Z"}


@pytest.mark.parametrize(
    ("body", "available"),
    [
        pytest.param({"status": {"conditions": [READY]}}, True, id="ready"),
        pytest.param({"status": {"conditions": [{**READY, "status": "Unknown"}]}}, False, id="silent"),
        pytest.param({"status": {}}, False, id="new"),
        pytest.param({"status": {"conditions": [READY]}, "spec": {"unschedulable": True}}, False, id="cordoned"),
        pytest.param({"status": {"conditions": [READY]}, "metadata": DELETED}, False, id="being deleted"),
    ],
)
def test_a_node_that_is(body: Object, *, available: bool) -> None:
    node = read_node({**body, "metadata": {"name": "n1", "labels": {"dc": "eu"}, **body.get("metadata", {})}})
    tags = {"dc": "eu", "region": "global", "role": "dkron", "server": "true"}
    assert (node.name, dict(node.labels), node.available) == ("n1", tags, available)


def test_default_agent_tag_matches_nodes_without_its_label() -> None:
    absent = [{"key": key, "operator": "DoesNotExist"} for key in ("server", "dkron.io/server")]
    assert terms(pod_of(tags={"server": "true:1"})) == [
        {"matchExpressions": [is_in("server", "true")]},
        {"matchExpressions": [is_in("dkron.io/server", "true")]},
        {"matchExpressions": absent},
    ]


def test_another_value_of_such_a_tag_needs_a_label() -> None:
    assert len(terms(pod_of(tags={"dc": "eu:1"}))) == 2
    here = build_job(job_view(tags={"dc": "eu:1"}), claim(NOON), images=IMAGES, own=AgentTags(datacenter="eu"))
    assert len(terms(here["spec"]["template"]["spec"])) == 3
