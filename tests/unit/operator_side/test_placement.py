"""Where a run happens: tags against the nodes that there are."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dkron_checks.checks import check_placement
from dkron_crds.job import Attempt, AttemptState, SkipReason
from dkron_crds.node_tags import AgentTags, label_names
from dkron_operator.plan.decide import Skip
from dkron_operator.plan.job.build import build_job
from dkron_operator.plan.job.placement import ONE_MEMBER, Member, members, shortage
from dkron_operator.plan.situation.read import read_attempt, read_node
from dkron_operator.plan.situation.view import Node
from dkron_pods.affinity import read_tags
from tests.support.builders import IMAGES, NOON, claim, job_view, node

NOWHERE = SkipReason.NO_MATCHING_NODE
THREE = (
    node("test1", {"tag": "test"}),
    node("test2", {"tag": "test", "extra": "tag"}),
    node("test3", {"tag": "test_client", "extra": "tag"}),
)
"""The nodes of Dkron's own tests (behaviour §11.5)."""


def pinned(*names: str) -> tuple[Member, ...]:
    return tuple(Member(name, node=name) for name in names)


def counted(count: int) -> tuple[Member, ...]:
    return tuple(Member(str(number + 1)) for number in range(count))


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        pytest.param({}, (ONE_MEMBER,), id="no tags: one, anywhere"),
        pytest.param({"tag": "test"}, pinned("test1", "test2"), id="no count: each node that matches"),
        pytest.param({"tag": "test:1"}, (ONE_MEMBER,), id="one of them"),
        pytest.param({"tag": "test:9"}, counted(2), id="fewer nodes than the count: all there are"),
        pytest.param({"extra": "tag:2", "tag": "test:2"}, counted(1), id="all tags have to match"),
        pytest.param({"extra": "tag:2", "tag": "test:1"}, (ONE_MEMBER,), id="the smallest count rules"),
        pytest.param({"tag": "no_tag"}, NOWHERE, id="no node has the value"),
        pytest.param({"tag": "tes"}, NOWHERE, id="a part of the value is not the value"),
        pytest.param({"none": ""}, NOWHERE, id="an empty value is not a missing label"),
    ],
)
def test_members_of_a_run(tags: dict[str, str], expected: object) -> None:
    placed = members(tags, THREE)
    assert (placed.reason if isinstance(placed, Skip) else placed) == expected


ROLE = "node-role.kubernetes.io/gpu"


@pytest.mark.parametrize(
    ("labels", "tags", "fits"),
    [
        pytest.param({"dc": "eu"}, {"dc": "eu"}, True, id="the key as it stands"),
        pytest.param({"dkron.io/dc": "eu"}, {"dc": "eu"}, True, id="the key of ours"),
        pytest.param({"dc": "us", "dkron.io/dc": "eu"}, {"dc": "eu"}, True, id="either of them"),
        pytest.param({"example.com/dc": "eu"}, {"dc": "eu"}, False, id="no other prefix"),
        pytest.param({"example.com/dc": "eu"}, {"example.com/dc": "eu"}, True, id="a prefix that is written out"),
        pytest.param({"dkron.io/example.com/dc": "eu"}, {"example.com/dc": "eu"}, False, id="no prefix to a prefix"),
        pytest.param({ROLE: ""}, {ROLE: ":1"}, True, id="a role"),
        pytest.param({"dc": "EU"}, {"dc": "eu"}, False, id="case matters"),
    ],
)
def test_a_tag_is_one_of_two_labels(labels: dict[str, str], tags: dict[str, str], *, fits: bool) -> None:
    assert read_tags(tags).fit(labels) is fits


@pytest.mark.parametrize(
    ("labels", "tags", "fits"),
    [
        pytest.param({}, {"server": "true:1"}, True, id="the first example of Dkron"),
        pytest.param({}, {"role": "dkron"}, True, id="role"),
        pytest.param({}, {"dc": "dc7", "region": "moon"}, True, id="dc and region as the installation says"),
        pytest.param({}, {"dc": "dc1"}, False, id="not as another one says"),
        pytest.param({"dc": "eu"}, {"dc": "dc7"}, False, id="a label takes its place"),
        pytest.param({"dkron.io/dc": "eu"}, {"dc": "dc7"}, False, id="our label, too"),
        pytest.param({"dkron.io/server": "false"}, {"server": "true:1"}, False, id="a node that is taken out"),
        pytest.param({}, {"dkron.io/dc": "dc7"}, False, id="a label in full is a label"),
        pytest.param({}, {"version": "4.1.2"}, False, id="nothing else"),
    ],
)
def test_a_node_has_the_tags_of_a_dkron_server(labels: dict[str, str], tags: dict[str, str], *, fits: bool) -> None:
    own = AgentTags(datacenter="dc7", region="moon")
    assert read_tags(tags).fit(own.read(labels)) is fits


def test_label_shown_by_members_matches_as_a_tag() -> None:
    assert AgentTags().read({"dkron.io/dc": "eu"})["dc"] == "eu"
    assert AgentTags().read({"dkron.io/dc": "eu", "dc": "us"})["dc"] == "us"


def test_nodes_that_take_no_pods_are_no_targets() -> None:
    ready, away = node("a", {"dc": "eu"}), node("b", {"dc": "eu"}, available=False)
    assert members({"dc": "eu"}, [ready, away]) == pinned("a")
    assert members({"dc": "eu:3"}, [ready, away]) == counted(1)
    skip = members({"dc": "eu:1"}, [away])
    assert isinstance(skip, Skip)
    assert (skip.reason, "dc=eu" in skip.why) == (NOWHERE, True)


@pytest.mark.parametrize(
    ("tags", "says"),
    [
        pytest.param({"dc": "eu:0"}, ("tags.dc", "eu:0", "value:count"), id="none"),
        pytest.param({"dc": "eu:x"}, ("tags.dc", "eu:x"), id="a word for a number"),
        pytest.param({"dc": "eu:"}, ("tags.dc", "eu:"), id="nothing for a number"),
        pytest.param({"dc": "eu:-1"}, ("tags.dc", "eu:-1"), id="a negative number"),
        pytest.param({"dc": "eu:1:2"}, ("tags.dc", "eu:1:2"), id="two counts"),
        pytest.param({"dc": "e u"}, ("tags.dc", '"e u"'), id="a blank in the value"),
        pytest.param({"dc": "é"}, ("tags.dc", '"é"'), id="a letter of another script"),
        pytest.param({"dc": "-eu"}, ("tags.dc", '"-eu"'), id="a value that begins with a hyphen"),
        pytest.param({"dc": "e" * 64}, ("tags.dc", "63"), id="too long a value"),
        pytest.param({"d c": "eu"}, ("tags.d c", "key"), id="a blank in the key"),
        pytest.param({"": "eu"}, ("tags.:", "key"), id="no key"),
        pytest.param({"/dc": "eu"}, ("tags./dc", "key"), id="no prefix before the slash"),
        pytest.param({"a/b/dc": "eu"}, ("tags.a/b/dc", "key"), id="two slashes"),
        pytest.param({"Example.com/dc": "eu"}, ("tags.Example.com/dc", "key"), id="a prefix that is no domain"),
        pytest.param({"k" * 64: "eu"}, ("63",), id="too long a key"),
        pytest.param({str(i): "x:2" for i in range(7)}, ("7 keys", "128 ", "at most 100"), id="too many alternatives"),
    ],
)
def test_a_tag_that_cannot_be_is_named(tags: dict[str, str], says: tuple[str, ...]) -> None:
    problem = job_view(tags=tags).problem
    assert problem is not None
    assert problem.reason == "InvalidTags"
    assert [word for word in says if word not in problem.message] == []


@pytest.mark.parametrize(
    "tags",
    [
        pytest.param({}, id="none"),
        pytest.param({"dc": "eu:003"}, id="zeros before the count, as Dkron reads them"),
        pytest.param({"topology.kubernetes.io/zone": "eu-west-1a"}, id="a label of Kubernetes"),
        pytest.param({"node-role.kubernetes.io/worker": ""}, id="an empty value"),
        pytest.param({str(i): "x" for i in range(20)}, id="many keys without a count"),
        pytest.param({f"example.com/{i}": "x:2" for i in range(20)}, id="many full keys with a count"),
    ],
)
def test_tags_that_are_in_order(tags: dict[str, str]) -> None:
    assert job_view(tags=tags).problem is None


REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


@pytest.mark.parametrize(
    ("affinity", "where"),
    [
        pytest.param(3, "affinity", id="a number"),
        pytest.param({"nodeAffinity": []}, "nodeAffinity", id="a list"),
        pytest.param({"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": ["x"]}}}, "nodeSelectorTerms", id="a bad term"),
        pytest.param({"podAntiAffinity": {REQUIRED: {}}}, "podAntiAffinity", id="no list"),
    ],
)
def test_template_that_cannot_be_extended_is_named(affinity: Any, where: str) -> None:
    template = {"spec": {"template": {"spec": {"affinity": affinity}}}}
    problem = check_placement(job_view(tags={"dc": "eu"}, jobTemplate=template).spec)
    assert problem is not None
    assert (problem.reason, where in problem.message) == ("InvalidTemplate", True)


def test_shortage_has_both_numbers() -> None:
    text = shortage({"dc": "eu:3"}, 2)
    assert ("2 " in text, " 3;" in text, "dc=eu" in text) == (True, True, True)
    assert shortage({"dc": "eu:2"}, 2) == ""
    assert shortage({"dc": "eu"}, 1) == ""


KEYS, VALUES = st.sampled_from(["dc", "disk", "example.com/zone"]), st.sampled_from(["a", "b", ""])
LABELS = st.dictionaries(st.sampled_from(["dc", "disk", "example.com/zone", "dkron.io/dc", "dkron.io/disk"]), VALUES)
CLUSTERS = st.dictionaries(
    st.sampled_from([f"n{number}" for number in range(8)]), st.tuples(LABELS, st.booleans()), max_size=8
).map(lambda found: [node(name, labels, available=ok) for name, (labels, ok) in found.items()])
ASKED = st.dictionaries(KEYS, st.tuples(VALUES, st.none() | st.integers(1, 9)), min_size=1)


def has(one: Node, key: str, value: str) -> bool:
    return one.available and value in [one.labels.get(name) for name in label_names(key)]


@given(asked=ASKED, cluster=CLUSTERS)
def test_run_uses_as_many_matching_nodes_as_wanted_and_available(
    asked: Mapping[str, tuple[str, int | None]], cluster: list[Node]
) -> None:
    tags = {key: value if count is None else f"{value}:{count}" for key, (value, count) in asked.items()}
    fit = {one.name for one in cluster if all(has(one, key, value) for key, (value, _) in asked.items())}
    counts = [count for _, count in asked.values() if count is not None]
    placed = members(tags, cluster)
    if not fit:
        assert isinstance(placed, Skip)
        return
    assert not isinstance(placed, Skip)
    assert len({member.name for member in placed}) == len(placed), "no two have the same name"
    assert len(placed) == min([len(fit), *counts])
    assert {member.node for member in placed} == ({""} if counts else fit)
    assert placed == members(tags, cluster[::-1]), "the order of the nodes does not matter"


@given(key=st.text(max_size=8), text=st.text(alphabet="ab:01é-. ", max_size=8))
def test_any_text_is_read_or_refused_with_a_sentence(key: str, text: str) -> None:
    problem = job_view(tags={key: text}).problem
    assert problem is None or problem.message.startswith(f"tags.{key}: ")


# --- how the Job of a member says where it may run -------------------------------------------------------------------

Object = dict[str, Any]


def is_in(key: str, value: str) -> Object:
    return {"key": key, "operator": "In", "values": [value]}


def built(entry: Attempt | None = None, affinity: Object | None = None, **spec: Any) -> Object:
    if affinity is not None:
        spec["jobTemplate"] = {"spec": {"template": {"spec": {"affinity": affinity}}}}
    return build_job(job_view(**spec), entry or claim(NOON), images=IMAGES)


def pod_of(entry: Attempt | None = None, affinity: Object | None = None, **spec: Any) -> Object:
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
def test_a_member_is_read_back_from_its_job(entry: Attempt) -> None:
    body = built(entry, tags={"dc": "eu"})
    body["metadata"] |= {"uid": "u", "resourceVersion": "1", "creationTimestamp": "2026-03-01T12:00:00Z"}
    run = read_attempt(body)
    assert run is not None
    assert run.entry(NOON) == entry.model_copy(update={"state": AttemptState.RUNNING, "uid": "u"})


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
    found = read_node({**body, "metadata": {"name": "n1", "labels": {"dc": "eu"}, **body.get("metadata", {})}})
    tags = {"dc": "eu", "region": "global", "role": "dkron", "server": "true"}
    assert (found.name, dict(found.labels), found.available) == ("n1", tags, available)


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
