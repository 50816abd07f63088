"""Files: what is wrong in manifests, and what becomes of jobs that come from elsewhere."""

import json
from typing import Any

import pytest

from dkron_cli.core.importing import Change, items_of_objects, items_of_text, lonely, placed, steps, twice
from dkron_cli.core.lint import lint
from dkron_cli.core.manifests import Unreadable, documents
from dkron_cli.core.objects import admitted, is_same, parents_first, with_history
from dkron_cli.core.secret_names import secret_names
from dkron_crds.job import JobStatus
from dkron_from_dkron.manifest import manifest
from tests.support.builders import NOON, execution, wire_job
from tests.support.jobs import dkron_job

HEAD = "apiVersion: dkron.io/v1alpha1\nkind: DkronJob\nmetadata: {name: %s}\nspec:\n"
GOOD = '  schedule: "@daily"\n  executorConfig: {command: "true"}\n'


def job(spec: str, name: str = "a") -> str:
    return HEAD % name + spec


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        pytest.param(job(GOOD), [], id="good"),
        pytest.param("kind: Pod\napiVersion: v1\n", [], id="not ours"),
        pytest.param(job(GOOD + "  retrys: 3\n"), ["7: DkronJob a: spec.retrys is no field of a DkronJob"],
                     id="an unknown field"),
        pytest.param(job(GOOD + "  history: {jobs: 1}\n"), ["7: DkronJob a: spec.history.jobs is no field"],
                     id="an unknown inner field"),
        pytest.param(job(GOOD + '  retries: "3"\n'), ['7: DkronJob a: spec.retries is the text "3"; write a whole'],
                     id="a text for a number"),
        pytest.param(job(GOOD + "  retries: -1\n"), ["7: DkronJob a: spec.retries: Input should be greater"],
                     id="out of range"),
        pytest.param(job('  schedule: "* * * * *"\n' + GOOD.split("\n")[1]),
                     ['5: DkronJob a: schedule: "* * * * *" has five fields'], id="five fields"),
        pytest.param(job(GOOD + "  timezone: Mars\n"), ['7: DkronJob a: timezone: "Mars" is not a time zone'],
                     id="an unknown zone"),
        pytest.param(job('  executorConfig: {command: "true"}\n'), ["4: DkronJob a: spec.schedule is required"],
                     id="no schedule"),
        pytest.param(job('  schedule: "@daily"\n'), ["4: DkronJob a: the executor shell needs command"],
                     id="no command"),
        pytest.param(job(GOOD + "  executor: shel\n"), ['7: DkronJob a: executor: "shel" is not known'],
                     id="an unknown executor"),
        pytest.param(job(GOOD + "  executor: kubernetes\n"), ["6: warning", "4: DkronJob a: jobTemplate needs"],
                     id="no container"),
        pytest.param(job(GOOD + "  jobTemplate: {spec: {a: " + "x" * 65536 + "}}\n"),
                     ["7: DkronJob a: spec.jobTemplate is 65553 bytes long; at most 65536 are"], id="a long template"),
        pytest.param(job(GOOD + '  tags: {a: "b:0"}\n'), ['7: DkronJob a: tags.a: "b:0" has no count'], id="tags"),
        pytest.param(job(GOOD + "  retryBackoff: {initial: 2m}\n"), ["7: DkronJob a: retryBackoff.max"], id="backoff"),
        pytest.param(job(GOOD + "  startsAt: 2026-01-02T00:00:00Z\n  expiresAt: 2026-01-01T00:00:00Z\n"),
                     ["8: DkronJob a: spec.expiresAt must be later"], id="it expires before it starts"),
        pytest.param(job(GOOD + "  parameters:\n  - {name: day, type: enum}\n"),
                     ['7: DkronJob a: parameter "day": an enum needs values'], id="a declaration"),
        pytest.param(job(GOOD + "  parameters: [{name: day, required: true}]\n"),
                     ['7: DkronJob a: parameter "day": it is required and has no default'], id="no default"),
        pytest.param(job(GOOD.replace('"true"', "'a {{ dya }}'") + "  parameters: [{name: day}]\n"),
                     ["6: warning: DkronJob a: {{ dya }} is not the name of a parameter"], id="another name"),
        pytest.param(job(GOOD, "a.b"), ["3: DkronJob a.b: metadata.name must have"], id="a dot"),
        pytest.param(job(GOOD + "  parentJob: a\n"), ["5: warning: DkronJob a: schedule has no effect",
                     "7: DkronJob a: spec.parentJob must be another job"], id="after itself"),
        pytest.param(job(GOOD + "  parentJob: b\n"), ['7: warning: DkronJob a: its parent "b" is in none',
                     "5: warning"], id="no parent"),
        pytest.param(job(GOOD) + "---\n" + job(GOOD), ["8: DkronJob a: f:1 has a job of this name, too"],
                     id="two of one name"),
        pytest.param("apiVersion: dkron.io/v1alpha1\nkind: DkronJobs\n", ["2: DkronJobs without a name:"],
                     id="an unknown kind"),
        pytest.param("apiVersion: dkron.io/v1alpha1\nkind: DkronPolicy\nmetadata: {name: a}\nspec:\n  path: {v1: {}}\n",
                     ["5: DkronPolicy a: spec.path.v1.capabilities: Field required"], id="a policy"),
        pytest.param("apiVersion: dkron.io/v1alpha1\nkind: DkronCluster\nmetadata: {name: a}\nspec: {}\n",
                     ["3: DkronCluster a: metadata.name must be 'dkron'"], id="a cluster"),
    ],
)  # fmt: skip
def test_lint(text: str, findings: list[str]) -> None:
    found, _ = lint({"f": documents(text)})
    shown = [str(each).removeprefix("f:") for each in found]
    assert len(shown) == len(findings), shown
    for finding in findings:
        assert any(each.startswith(finding) for each in shown), shown


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param("a: [", "it is not YAML", id="not closed"),
        pytest.param("a: &a [x]\n" + "\n".join(f"b{number}: *a" for number in range(1001)), "aliases", id="aliases"),
        pytest.param("a: " + "[" * 5000, "nesting depth", id="deep"),
        pytest.param("a: !!python/object:os.system {}", "it is not YAML", id="a tag of Python"),
    ],
)
def test_a_hostile_file_is_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(Unreadable, match=sentence):
        documents(text)


def test_a_manifest_has_nothing_of_the_server() -> None:
    status = JobStatus(since=NOON, executions=(execution(),), success_count=1)
    raw: dict[str, Any] = {"apiVersion": "dkron.io/v1alpha1", "kind": "DkronJob"}
    raw |= wire_job(status=status, requests={"a": "2026-01-01T00:00:00Z"}, retries=0, disabled=False)
    assert manifest(raw, defaults=False) == {
        "apiVersion": "dkron.io/v1alpha1",
        "kind": "DkronJob",
        "metadata": {"name": "backup", "namespace": "default"},
        "spec": {"schedule": "0 * * * * *", "executorConfig": {"command": "true"}},
    }
    by = {**raw, "metadata": {**raw["metadata"], "annotations": {"dkron.io/last-modified-by": "ann", "team": "a"}}}
    assert manifest(by)["metadata"]["annotations"] == {"team": "a"}
    assert set(with_history(raw)["status"]) == {"status", "successCount", "errorCount", "executions"}


def test_a_parameter_is_written_without_its_defaults() -> None:
    full = {
        "name": "any", "type": "string", "description": "", "required": False, "pattern": "", "minimum": "",
        "maximum": "", "values": [], "secret": False,
    }  # fmt: skip
    other = {"name": "day", "type": "enum", "required": True, "default": "", "values": ["a"]}
    raw = {"kind": "DkronJob", **wire_job(parameters=[full, full | other, "no parameter"])}
    assert manifest(raw, defaults=False)["spec"]["parameters"] == [{"name": "any"}, other, "no parameter"]
    assert manifest(raw)["spec"]["parameters"][0] == full


@pytest.mark.parametrize(
    ("spec", "written"),
    [
        pytest.param({"executorConfig": {"command": "a"}}, {}, id="as it is"),
        pytest.param({"executorConfig": {}}, {"unchecked": True}, id="one that the API server would refuse"),
        pytest.param({"executor": "perl"}, {}, id="one that only the operator refuses"),
    ],
)
def test_a_restore_brings_back_what_broke_a_rule_before(spec: dict[str, Any], written: dict[str, Any]) -> None:
    assert admitted(spec, disabled=False) == spec | written
    assert admitted(spec, disabled=True) == spec | written | {"disabled": True}


def test_specs_are_compared_with_their_defaults() -> None:
    one = {"spec": {"schedule": "@daily", "history": {"executions": 20, "failedJobs": 1}}}
    other = {"spec": {"schedule": "@daily", "retries": 0, "history": {"failedJobs": 1}}}
    assert is_same(one, other)
    assert not is_same(one, {"spec": {"schedule": "@daily", "retries": 1}})


def test_parents_come_first_also_in_a_circle() -> None:
    after = {"c": "b", "b": "a", "a": "", "x": "y", "y": "x"}
    specs: dict[str, Any] = {name: {"parentJob": parent} if parent else {} for name, parent in after.items()}
    jobs = [dkron_job(name, **spec) for name, spec in specs.items()]
    order = [each["metadata"]["name"] for each in parents_first(jobs)]
    assert order.index("a") < order.index("b") < order.index("c")
    assert sorted(order) == sorted(after)


def dkrons(**fields: Any) -> str:
    config = {"command": "true", "image": "i"}
    job = {"name": "a", "schedule": "@daily", "executor": "shell", "tags": {"x": "y:1"}, "timezone": "UTC"}
    return json.dumps([{**job, "executor_config": config, **fields}])


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        pytest.param({}, [], id="nothing is lost"),
        pytest.param({"tags": None}, ["tags: there are none, and the job runs once"], id="no tags"),
        pytest.param({"timezone": ""}, ["timezone: there is none"], id="no zone"),
        pytest.param({"timezone": "", "schedule": "@every 1h"}, [], id="an interval needs no zone"),
        pytest.param({"retries": 2}, ["retries: they wait"], id="retries"),
        pytest.param({"file_upload": "x"}, ["file_upload: left out"], id="a field of another edition"),
        pytest.param({"executor_config": {"command": "a", "image": "i", "allowed_exitcodes": "1"}},
                     ["executor_config.allowed_exitcodes"], id="an unknown key"),
        pytest.param({"name": "a_b"}, ["name: the object is called a-b-"], id="a name that Kubernetes does not allow"),
    ],
)  # fmt: skip
def test_what_a_job_of_dkron_loses(fields: dict[str, Any], said: list[str]) -> None:
    (item,) = items_of_text(dkrons(**fields))
    assert not item.refused
    assert len(item.remarks) == len(said), item.remarks
    for sentence, remark in zip(said, item.remarks, strict=True):
        assert sentence in remark


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        pytest.param({"name": "A"}, "illegal character", id="a capital letter"),
        pytest.param({"schedule": "* * * * *"}, "five fields", id="five fields"),
        pytest.param({"executor": "lambda"}, 'executor: "lambda" is not known', id="an executor"),
        pytest.param({"retries": "x"}, "retries: it is the string", id="no number"),
        pytest.param({"tags": {"a": "b:0"}}, "tags.a", id="a count of zero"),
        pytest.param({"tags": [1]}, "tags: it is an array", id="a list"),
        pytest.param({"executor_config": None}, "the executor shell needs command", id="no command"),
    ],
)
def test_a_job_that_cannot_be_taken_over_says_why(fields: dict[str, Any], why: str) -> None:
    (item,) = items_of_text(dkrons(**fields))
    assert why in item.refused


def test_the_past_of_a_job_comes_with_it() -> None:
    (item,) = items_of_text(
        dkrons(
            success_count=3, last_success="2026-01-01T00:00:00Z", last_error="0001-01-01T00:00:00Z", status="success"
        )
    )
    assert item.past == {"successCount": 3, "lastSuccess": "2026-01-01T00:00:00Z", "status": "success"}


def test_an_import_makes_changes_and_prunes_only_what_an_import_made() -> None:
    def stored(name: str, **metadata: Any) -> dict[str, Any]:
        return wire_job(name=name) | {"metadata": {"name": name, "namespace": "default", **metadata}}

    label = {"labels": {"dkron.io/imported": "dkron"}}
    there = [stored("same"), stored("old", **label), stored("by-hand"), stored("a")]
    text = json.dumps(
        [
            {"name": name, "schedule": "0 * * * * *", "executor": "shell", "executor_config": {"command": "true"}}
            for name in ("same", "a", "new")
        ]
    ).replace('"name": "a", "schedule": "0', '"name": "a", "schedule": "1')
    wanted = placed(items_of_text(text), "default")
    found = [(step.change, step.item.name) for step in steps(wanted, there, prune=True)]
    assert found == [
        (Change.SAME, "same"), (Change.UPDATE, "a"), (Change.CREATE, "new"), (Change.DELETE, "old"),
    ]  # fmt: skip
    assert len(steps(wanted, there, prune=False)) == 3
    assert twice(items_of_text(text.replace("same", "new"))) == ["new"]
    assert lonely(placed(items_of_text(dkrons(parent_job="gone")), "default", disabled=True), there)


def test_secrets_are_found_in_texts_and_templates() -> None:
    spec = {
        "executorConfig": {"env": "A=secretRef:one/key"},
        "jobTemplate": {"spec": {"template": {"spec": {
            "imagePullSecrets": [{"name": "two"}],
            "volumes": [{"secret": {"secretName": "three"}}],
            "containers": [{"envFrom": [{"secretRef": {"name": "four"}}]}],
        }}}},
    }  # fmt: skip
    assert secret_names(spec) == ["four", "one", "three", "two"]


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        pytest.param({"spec": 5}, "spec is not a mapping", id="the spec"),
        pytest.param({"metadata": 5}, "metadata is not a mapping", id="the metadata"),
        pytest.param({"metadata": {"labels": []}}, "metadata.labels is not a mapping", id="labels"),
    ],
)
def test_an_object_whose_parts_are_no_mappings_is_not_taken(part: dict[str, Any], sentence: str) -> None:
    raw = {"apiVersion": "dkron.io/v1alpha1", "kind": "DkronJob", "metadata": {"name": "x"}, "spec": {}, **part}
    assert [item.refused for item in items_of_objects([raw])] == [sentence]
