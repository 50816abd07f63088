"""Files: what becomes of jobs that come from elsewhere."""

import json
from typing import Any

import pytest

from dkron_cli.commands.secrets import secret_names
from dkron_cli.core.importing import Change, items_of_objects, items_of_text, lonely, placed, steps, twice
from dkron_cli.core.objects import admitted, is_same, parents_first, with_history
from dkron_crds.job import JobStatus
from dkron_from_dkron.manifest import manifest
from tests.support.builders import NOON, execution, wire_job
from tests.support.jobs import dkron_job


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


def test_entries_of_lists_are_written_without_defaults() -> None:
    full = {
        "name": "any", "type": "string", "description": "", "required": False, "pattern": "", "minimum": "",
        "maximum": "", "values": [], "secret": False,
    }  # fmt: skip
    other = {"name": "day", "type": "enum", "required": True, "default": "", "values": ["a"]}
    parents = [{"job": "a", "when": "success"}, {"job": "b", "when": "always"}]
    raw = {"kind": "DkronJob", **wire_job(parameters=[full, full | other, "no parameter"], dependsOn=parents)}
    spec = manifest(raw, defaults=False)["spec"]
    assert spec["parameters"] == [{"name": "any"}, other, "no parameter"]
    assert spec["dependsOn"] == [{"job": "a"}, {"job": "b", "when": "always"}]
    assert manifest(raw)["spec"]["parameters"][0] == full


@pytest.mark.parametrize(
    ("spec", "written"),
    [
        pytest.param({"executorConfig": {"command": "a"}}, {}, id="as it is"),
        pytest.param({"executorConfig": {}}, {"unchecked": True}, id="one that the API server would refuse"),
        pytest.param({"executor": "perl"}, {}, id="one that only the operator refuses"),
    ],
)
def test_restore_brings_back_jobs_that_break_rules(spec: dict[str, Any], written: dict[str, Any]) -> None:
    assert admitted(spec, disabled=False) == spec | written
    assert admitted(spec, disabled=True) == spec | written | {"disabled": True}


@pytest.mark.parametrize(
    ("stored", "wanted", "same"),
    [
        pytest.param(
            {"history": {"executions": 20, "failedJobs": 1}}, {"retries": 0, "history": {"failedJobs": 1}}, True,
            id="fields",
        ),
        pytest.param({}, {"retries": 1}, False, id="another field"),
        pytest.param(
            {"parameters": [{"name": "day", "type": "string", "values": [], "secret": False}]},
            {"parameters": [{"name": "day", "required": False}]}, True, id="a parameter",
        ),
        pytest.param(
            {"parameters": [{"name": "day"}]}, {"parameters": [{"name": "day", "required": True}]}, False,
            id="another parameter",
        ),
        pytest.param(
            {"dependsOn": [{"job": "a", "when": "success"}]}, {"dependsOn": [{"job": "a"}]}, True, id="a parent",
        ),
        pytest.param(
            {"dependsOn": [{"job": "a"}]}, {"dependsOn": [{"job": "a", "when": "always"}]}, False,
            id="another outcome of a parent",
        ),
        pytest.param({"parameters": "x"}, {"parameters": ["x"]}, False, id="what is no parameter"),
    ],
)  # fmt: skip
def test_specs_are_compared_with_their_defaults(stored: dict[str, Any], wanted: dict[str, Any], same: bool) -> None:
    one, other = ({"spec": {"schedule": "@daily", **spec}} for spec in (stored, wanted))
    assert (is_same(one, other), is_same(other, one)) == (same, same)


def test_parents_come_first_even_in_a_cycle() -> None:
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
        pytest.param({"tags": None}, ["tags: none, so the job runs once"], id="no tags"),
        pytest.param({"timezone": ""}, ["timezone: none, so"], id="no zone"),
        pytest.param({"timezone": "Local"}, ["timezone: Local means UTC here"], id="the zone of the server"),
        pytest.param({"timezone": "", "schedule": "TZ=Local 0 0 0 * * *"}, ["Local means UTC"], id="a prefix"),
        pytest.param({"schedule": "@at 2020-01-01T00:00:00Z"}, ["its only slot, 2020-01-01T00:00:00Z, is in the past"],
                     id="a time that has passed"),
        pytest.param({"schedule": "@after 2020-01-01T00:00:00Z <PT2H"}, ["its only slot"], id="long ago"),
        pytest.param({"schedule": "0 0 0 31 2 *"}, ["no date matches"], id="31 February"),
        pytest.param({"executor_config": {"command": "a | b", "image": "i"}}, ['command: only "a" runs'], id="a pipe"),
        pytest.param({"timezone": "", "schedule": "@every 1h"}, [], id="an interval needs no zone"),
        pytest.param({"retries": 2}, ["retries: they wait"], id="retries"),
        pytest.param({"file_upload": "x"}, ["file_upload: left out"], id="a field of another edition"),
        pytest.param({"executor_config": {"command": "a", "image": "i", "allowed_exitcodes": "1"}},
                     ["executor_config.allowed_exitcodes"], id="an unknown key"),
        pytest.param({"name": "a_b"}, ["the object gets the name a-b-"], id="a name that Kubernetes does not allow"),
    ],
)  # fmt: skip
def test_losses_of_a_dkron_job_are_listed(fields: dict[str, Any], said: list[str]) -> None:
    (item,) = items_of_text(dkrons(**fields), NOON)
    assert not item.refused
    assert len(item.remarks) == len(said), item.remarks
    for sentence, remark in zip(said, item.remarks, strict=True):
        assert sentence in remark


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        pytest.param({"name": "A"}, "spec.name: String should match pattern", id="a capital letter"),
        pytest.param({"parent_job": "a"}, "spec.parentJob must be another job", id="its own parent"),
        pytest.param({"schedule": ""}, "spec.schedule is required unless", id="no schedule"),
        pytest.param({"schedule": "* * * * *"}, "five fields", id="five fields"),
        pytest.param({"executor": "lambda"}, 'executor: "lambda" is not known', id="an executor"),
        pytest.param({"retries": "x"}, "retries: it is the string", id="no number"),
        pytest.param({"executor_config": None}, "the executor shell needs command", id="no command"),
    ],
)
def test_refused_job_says_why(fields: dict[str, Any], why: str) -> None:
    (item,) = items_of_text(dkrons(**fields), NOON)
    assert any(why in each for each in item.refused), item.refused


def test_refused_job_lists_all_faults_and_losses() -> None:
    config = {"command": "'", "su": "app", "env": "A", "mem_limit": "5potatoes"}
    fields = {"timezone": "Mars", "tags": {"a": "b:0"}, "processors": {"log": {"forward": "x"}}, "acl": "x"}
    (item,) = items_of_text(dkrons(executor_config=config, **fields), NOON)
    found = [each.partition(":")[0] for each in item.refused]
    assert found == ["timezone", "env", "command", "su", "mem_limit", "tags.a", "processors.log.forward"]
    assert item.remarks[0].startswith("acl: left out")
    assert placed([item], "default") == []


@pytest.mark.parametrize(
    ("raw", "name", "why"),
    [
        pytest.param(["x"], "document 1", "it is a list, not an object; import takes only", id="a list"),
        pytest.param(5, "document 1", "it is the value 5, not an object", id="a number"),
        pytest.param({"metadata": {"name": "a"}}, "a", "it has no kind; import takes only", id="no kind"),
        pytest.param({"kind": ["x"]}, "document 1", "it has no kind", id="a kind that is none"),
        pytest.param({"kind": "Pod", "metadata": {"name": "a"}}, "a", "it is a Pod; import takes only", id="a Pod"),
        pytest.param(dkron_job("a", config={"su": "app"}), "a", 'su: "app" is not a numeric', id="a DkronJob"),
    ],
)
def test_an_object_that_is_not_taken(raw: object, name: str, why: str) -> None:
    (item,) = items_of_objects([raw], NOON)
    assert item.name == name
    assert item.refused[0].startswith(why)


def test_an_unchecked_job_is_taken_with_its_faults() -> None:
    (item,) = items_of_objects([dkron_job("a", config={"su": "app"}, unchecked=True)], NOON)
    assert not item.refused
    assert item.remarks[0].startswith('su: "app"')


def test_the_past_of_a_job_comes_with_it() -> None:
    (item,) = items_of_text(
        dkrons(
            success_count=3, last_success="2026-01-01T00:00:00Z", last_error="0001-01-01T00:00:00Z", status="success"
        ),
        NOON,
    )
    assert item.past == {"successCount": 3, "lastSuccess": "2026-01-01T00:00:00Z", "status": "success"}


def test_import_applies_changes_and_prunes_only_imported_jobs() -> None:
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
    wanted = placed(items_of_text(text, NOON), "default")
    found = [(step.change, step.item.name) for step in steps(wanted, there, prune=True)]
    assert found == [
        (Change.SAME, "same"), (Change.UPDATE, "a"), (Change.CREATE, "new"), (Change.DELETE, "old"),
    ]  # fmt: skip
    assert len(steps(wanted, there, prune=False)) == 3
    assert twice(items_of_text(text.replace("same", "new"), NOON)) == ["new"]
    assert lonely(placed(items_of_text(dkrons(parent_job="gone"), NOON), "default", disabled=True), there)


def test_job_of_dkron_keeps_fields_of_the_dkronjob() -> None:
    only = {
        "parameters": [{"name": "region"}],
        "jobTemplate": {"spec": {"backoffLimit": 1}},
        "dependsOn": [{"job": "p"}],
    }
    there = wire_job(name="a") | {"metadata": {"name": "a", "namespace": "default"}}
    there["spec"] = {**there["spec"], **only}
    (step,) = steps(placed(items_of_text(dkrons(name="a", parent_job="p"), NOON), "default"), [there], prune=False)
    spec = step.item.job["spec"]
    assert ({key: spec.get(key) for key in only}, "parentJob" in spec) == (only, False)
    (other,) = steps(placed(items_of_text(dkrons(name="a", parent_job="q"), NOON), "default"), [there], prune=False)
    assert (other.item.job["spec"]["parentJob"], "dependsOn" in other.item.job["spec"]) == ("q", False)


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
def test_object_with_invalid_parts_is_not_imported(part: dict[str, Any], sentence: str) -> None:
    raw = {"apiVersion": "dkron.io/v1alpha1", "kind": "DkronJob", "metadata": {"name": "x"}, "spec": {}, **part}
    assert [item.refused for item in items_of_objects([raw], NOON)] == [(sentence,)]
