"""`jobTemplate` over what an executor builds, the kubernetes executor, and the whole Job."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dkron_crds.base import rfc3339
from dkron_operator.plan.job.build import build_job
from dkron_operator.plan.situation.read import read_attempt
from dkron_pods.template import merge
from tests.support.builders import IMAGES, NAMESPACE, NOON, UID, after, claim, job_view
from tests.support.examples import examples

Object = dict[str, Any]
NAMED = {"c": [{"name": "x", "image": "1"}, {"name": "y"}]}
MERGED = {"c": [{"name": "x", "image": "1", "tty": True}, {"name": "y"}, {"name": "z"}]}
ENV = {"c": [{"name": "x", "env": [{"name": "A", "value": "1"}]}]}
FROM_SECRET = {"c": [{"name": "x", "env": [{"name": "A", "value": None, "valueFrom": {}}]}]}


@pytest.mark.parametrize(
    ("base", "over", "expected"),
    [
        pytest.param({"a": 1}, {"b": 2}, {"a": 1, "b": 2}, id="keys add up"),
        pytest.param({"a": 1}, {"a": 2}, {"a": 2}, id="a value is replaced"),
        pytest.param({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}, {"a": {"b": 3, "c": 2}}, id="objects merge"),
        pytest.param({"a": 1, "b": 2}, {"a": None}, {"b": 2}, id="null removes"),
        pytest.param({"a": {"b": 1}}, {"a": {"b": None}}, {"a": {}}, id="null removes inside"),
        pytest.param({}, {"a": {"b": None, "c": 1}}, {"a": {"c": 1}}, id="null in what is new is left out"),
        pytest.param({"a": [1, 2]}, {"a": [3]}, {"a": [3]}, id="lists are replaced"),
        pytest.param({"a": [{"name": "x"}]}, {"a": []}, {"a": []}, id="an empty list empties"),
        pytest.param({"a": 1}, {"a": {"b": 1}}, {"a": {"b": 1}}, id="an object replaces a value"),
        pytest.param({"a": {"b": 1}}, {"a": 1}, {"a": 1}, id="a value replaces an object"),
        pytest.param(NAMED, {"c": [{"name": "x", "tty": True}, {"name": "z"}]}, MERGED, id="lists merge by name"),
        pytest.param(
            ENV, FROM_SECRET, {"c": [{"name": "x", "env": [{"name": "A", "valueFrom": {}}]}]}, id="and inside"
        ),
        pytest.param(NAMED, {"c": [{"image": "1"}]}, {"c": [{"image": "1"}]}, id="a list without names replaces"),
    ],
)
def test_a_template_is_laid_over(base: Object, over: Object, expected: Object) -> None:
    assert merge(base, over) == expected


json_values = st.recursive(
    st.one_of(st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["name", "a", "b", "containers", "env", "spec"]), inner, max_size=4),
    ),
    max_leaves=12,
)
json_objects = st.dictionaries(st.sampled_from(["name", "a", "b", "spec"]), json_values, max_size=4)


@given(base=json_objects, over=json_objects)
def test_merge_is_idempotent_and_changes_neither_side(base: Object, over: Object) -> None:
    before = repr((base, over))
    once = merge(base, over)
    assert merge(once, over) == once
    assert merge(base, {}) == base
    assert repr((base, over)) == before


# --- what the operator keeps for itself --------------------------------------------------------------------------


def of_pod(**spec: Any) -> Object:
    return {"spec": {"template": {"spec": spec}}}


def of_pods(metadata: Object) -> Object:
    return {"spec": {"template": {"metadata": metadata}}}


PODS = "jobTemplate.spec.template.metadata"
HISTORY = "jobTemplate.spec.ttlSecondsAfterFinished: set by the operator; remove it, and use history"
SUSPEND = "jobTemplate.spec.suspend: a suspended Job never starts; remove it, and set spec.disabled"


@pytest.mark.parametrize(
    ("template", "says"),
    [
        pytest.param({"metadata": {"name": "x"}}, "jobTemplate.metadata.name: set by the operator", id="a name"),
        pytest.param({"metadata": {"generateName": "x"}}, "metadata.generateName", id="a generated name"),
        pytest.param({"metadata": {"namespace": "x"}}, "metadata.namespace", id="a namespace"),
        pytest.param({"metadata": {"ownerReferences": []}}, "metadata.ownerReferences", id="owners"),
        pytest.param({"spec": {"ttlSecondsAfterFinished": 5}}, HISTORY, id="a time to live"),
        pytest.param({"spec": {"suspend": True}}, SUSPEND, id="a Job that is suspended"),
        pytest.param({"spec": {"parallelism": 0}}, "spec.parallelism: a Job with no pod at a time", id="no pods"),
        pytest.param({"spec": {"managedBy": "kueue.x-k8s.io/multikueue"}}, "spec.managedBy: only", id="a manager"),
        pytest.param(
            {"metadata": {"finalizers": ["a"]}}, "metadata.finalizers: a Job with finalizers", id="finalizers"
        ),
        pytest.param(of_pods({"finalizers": ["a/b"]}), f"{PODS}.finalizers: a pod with", id="finalizers of pods"),
        pytest.param(of_pods({"ownerReferences": [{}]}), f"{PODS}.ownerReferences: set by", id="owners of pods"),
        pytest.param(of_pods({"annotations": 1}), f"{PODS}.annotations: has to be an object", id="annotations of pods"),
        pytest.param({"metadata": {"labels": "x"}}, "metadata.labels: has to be an object", id="labels in a word"),
        pytest.param({"spec": {"template": 3}}, "spec.template: has to be an object", id="a template in a number"),
        pytest.param({"spec": {"template": {"spec": []}}}, "template.spec: has to be an object", id="a list of specs"),
        pytest.param(of_pod(containers="job"), "containers: has to be a list", id="containers"),
        pytest.param(of_pod(containers=[{}]), "containers[0].name: is missing", id="a container without a name"),
        pytest.param(
            of_pod(containers=[{"name": "job", "env": "A=1"}]),
            "containers[0].env: has to be a list",
            id="env in a word",
        ),
    ],
)
def test_a_template_is_refused_with(template: Object, says: str) -> None:
    problem = job_view(jobTemplate=template).problem
    assert problem is not None
    assert (problem.reason, says in problem.message) == ("InvalidTemplate", True)


@pytest.mark.parametrize(
    "template",
    [
        {"spec": {"suspend": False, "parallelism": 2, "completions": 4}},
        {"spec": {"managedBy": "kubernetes.io/job-controller"}},
        {"spec": {"managedBy": None, "suspend": None}, "metadata": {"finalizers": []}},
        {"spec": {"template": {"metadata": {"finalizers": [], "ownerReferences": []}}}},
    ],
    ids=["several pods", "the manager that it has anyway", "what says nothing", "nothing of a pod"],
)
def test_a_template_is_taken_with(template: Object) -> None:
    assert job_view(jobTemplate=template).problem is None


@settings(max_examples=examples(100))
@given(template=st.fixed_dictionaries({"metadata": json_objects, "spec": json_objects}), executor=st.booleans())
def test_any_template_gives_a_job_or_one_sentence(template: Object, *, executor: bool) -> None:
    whole = {**template, "spec": {**template["spec"], "template": template["spec"].get("a")}}
    job = job_view(jobTemplate=whole, executor="kubernetes" if executor else "shell")
    if job.problem is None:
        body = build_job(job, claim(), images=IMAGES)
        assert body["metadata"]["name"] == claim().job
        assert body["metadata"]["ownerReferences"][0]["uid"] == UID
    else:
        assert job.problem.reason in ("InvalidTemplate", "InvalidSpec")


# --- the kubernetes executor ---------------------------------------------------------------------------------------


def bare(*containers: Object, **spec: Any) -> Object:
    return of_pod(containers=list(containers), **spec)


def test_kubernetes_executor_runs_the_template_unchanged() -> None:
    job = job_view(executor="kubernetes", jobTemplate=bare({"name": "main", "image": "x"}, serviceAccountName="s"))
    assert job.problem is None
    pod = build_job(job, claim(), images=IMAGES)["spec"]["template"]["spec"]
    assert (pod["serviceAccountName"], pod["restartPolicy"]) == ("s", "Never")
    assert [(c["name"], c["image"]) for c in pod["containers"]] == [("main", "x")]


@pytest.mark.parametrize(
    ("template", "config", "reason", "says"),
    [
        pytest.param({}, {}, "InvalidTemplate", "spec.template.spec.containers is missing", id="no containers"),
        pytest.param(bare(), {}, "InvalidTemplate", "containers is missing", id="an empty list of them"),
        pytest.param(
            bare({"name": "x"}), {"command": "x"}, "InvalidExecutorConfig", '"command" is not', id="a command"
        ),
    ],
)
def test_the_kubernetes_executor_refuses(template: Object, config: dict[str, str], reason: str, says: str) -> None:
    job = job_view(executor="kubernetes", jobTemplate=template, executorConfig=config)
    problem = job.problem or job.unknown
    assert problem is not None
    assert (problem.reason, says in problem.message) == (reason, True)


# --- the whole Job -------------------------------------------------------------------------------------------------


def build(**spec: Any) -> Object:
    return build_job(job_view(**spec), claim(NOON, attempt=2, at=after(7)), images=IMAGES)


def env(body: Object, name: str = "job") -> dict[str, str]:
    (found,) = [c for c in body["spec"]["template"]["spec"]["containers"] if c["name"] == name]
    return {item["name"]: item.get("value", "?") for item in found["env"]}


def test_job_names_its_origin() -> None:
    entry = claim(NOON, attempt=2, at=after(7))
    metadata = build()["metadata"]
    assert (metadata["name"], metadata["namespace"]) == (entry.job, NAMESPACE)
    assert metadata["labels"] == {"app.kubernetes.io/managed-by": "dkron-operator", "dkron.io/job": "backup"}
    assert metadata["annotations"] == {
        "dkron.io/name": "backup",
        "dkron.io/execution": entry.id,
        "dkron.io/slot": rfc3339(NOON),
        "dkron.io/trigger": "schedule",
        "dkron.io/group": str(entry.group),
        "dkron.io/attempt": "2",
        "batch.kubernetes.io/cronjob-scheduled-timestamp": rfc3339(NOON),
    }
    (owner,) = metadata["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("DkronJob", UID, True)


def test_the_container_sees_which_run_it_is() -> None:
    assert env(build()) == {
        "DKRON_JOB_NAME": "backup",
        "DKRON_SCHEDULED_TIME": "2026-03-01T12:00:00Z",
        "DKRON_ATTEMPT": "2",
        "DKRON_EXECUTION_GROUP": "1772366400000000000",
        "DKRON_TRIGGER": "schedule",
        "ENV_JOB_NAME": "backup",
    }


def test_user_variable_wins_and_may_refer_to_ours() -> None:
    body = build(executorConfig={"command": "true", "env": "DKRON_ATTEMPT=mine,X=1"})
    assert env(body)["DKRON_ATTEMPT"] == "mine"
    names = [item["name"] for item in body["spec"]["template"]["spec"]["containers"][0]["env"]]
    assert names.count("DKRON_ATTEMPT") == 1
    assert names.index("DKRON_TRIGGER") < names.index("X"), "a variable may only refer to those before it"


def test_every_template_container_sees_its_run() -> None:
    body = build(jobTemplate=bare({"name": "job", "resources": {}}, {"name": "side", "image": "x"}))
    assert env(body, "side")["DKRON_JOB_NAME"] == "backup"
    assert body["spec"]["template"]["spec"]["containers"][0]["image"] == "default:1"


OURS = {
    "dkron.io/slot": "2000-01-01T00:00:00Z",
    "dkron.io/execution": "0-x",
    "dkron.io/trigger": "manual",
    "dkron.io/group": "1",
    "dkron.io/attempt": "9",
    "dkron.io/member": "n9",
    "dkron.io/node": "n9",
    "dkron.io/name": "other",
    "dkron.io/installation": "elsewhere",
    "dkron.io/traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "dkron.io/job": "other",
    "dkron.io/what-no-version-knows-yet": "x",
}


@pytest.mark.parametrize("section", ["labels", "annotations"])
@pytest.mark.parametrize("key", OURS)
def test_a_template_does_not_decide(key: str, section: str) -> None:
    """Any of these: the Job and its pods have what they have without it, and what is not ours stays."""
    own = {"example.com/dkron.io": "kept", "team.dkron.io/x": "kept", "dkron.io": "kept"}
    of_both = {section: {key: OURS[key], **own}}
    plain, forged = build(), build(jobTemplate={"metadata": of_both, **of_pods(of_both)})
    for part in ("", "template"):
        before, after_it = ((body["spec"][part] if part else body)["metadata"] for body in (plain, forged))
        assert after_it[section] == before.get(section, {}) | own
    assert read_attempt(as_stored(forged)) == read_attempt(as_stored(plain))


def as_stored(body: Object) -> Object:
    stored = {"uid": "u", "resourceVersion": "1", "creationTimestamp": rfc3339(NOON)}
    return {**body, "metadata": {**body["metadata"], **stored}}


@pytest.mark.parametrize("labels", [None, {"app.kubernetes.io/managed-by": "me", "team": "a"}], ids=["null", "other"])
def test_labels_of_a_template_do_not_hide_the_job(labels: Object | None) -> None:
    body = build(jobTemplate={"metadata": {"labels": labels, "annotations": None}, **of_pods({"labels": labels})})
    ours = {"app.kubernetes.io/managed-by": "dkron-operator", "dkron.io/job": "backup"}
    assert body["metadata"]["labels"] == body["spec"]["template"]["metadata"]["labels"] == (labels or {}) | ours
    assert body["metadata"]["annotations"]["dkron.io/attempt"] == "2"


def test_job_never_retries_by_itself_unless_its_template_does() -> None:
    def retries(body: Object) -> tuple[int, str]:
        return body["spec"]["backoffLimit"], body["spec"]["template"]["spec"]["restartPolicy"]

    assert retries(build()) == (0, "Never")
    template = {"spec": {"backoffLimit": 2, "template": {"spec": {"restartPolicy": "OnFailure"}}}}
    assert retries(build(jobTemplate=template)) == (2, "OnFailure")
