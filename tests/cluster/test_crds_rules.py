"""The rules of the definitions at a real API server: each with what it takes and what it refuses, and in which words.

The plain bounds (lengths, numbers, enumerations) are in test_crds_bounds.py, what kubectl shows in
test_crds_kubectl.py.
"""

import re
from typing import Any

import pytest
import yaml

from dkron_crds.cluster import ClusterSpec
from dkron_crds.job import DkronJob, JobSpec
from tests.conformance.schedules_texts import ODD, golden_texts, is_schedule
from tests.support.broken_jobs import BROKEN, broken_spec
from tests.support.broken_manifests import MANIFESTS, Broken
from tests.support.documents import backfill, job
from tests.support.judge import Judge
from tests.support.judged import REFUSED, TAKEN

pytestmark = pytest.mark.cluster(nodes="none")


@pytest.mark.parametrize("broken", MANIFESTS, ids=lambda each: each.name)
def test_broken_manifest_is_refused_where_marked(broken: Broken, judge: Judge) -> None:
    refusal = judge.refusal(yaml.safe_load(broken.text))
    assert bool(refusal) is broken.server, refusal


@pytest.mark.parametrize("document", TAKEN.values(), ids=list(TAKEN))
def test_taken_by_the_api_server_and_read_by_the_model(document: dict[str, Any], judge: Judge) -> None:
    assert judge.refusal(document) == ""
    if document["kind"] == "DkronCluster":
        ClusterSpec.from_wire(document["spec"])
    if document["kind"] == "DkronJob":
        DkronJob.from_wire({**document, "spec": {k: v for k, v in document["spec"].items() if v is not None}})


@pytest.mark.parametrize(("document", "sentence"), REFUSED.values(), ids=list(REFUSED))
def test_refused_with_a_sentence_that_names_the_field(document: dict[str, Any], sentence: str, judge: Judge) -> None:
    assert sentence in judge.refusal(document)


@pytest.mark.parametrize("name", BROKEN)
def test_mistake_is_refused_with_what_is_allowed(name: str, judge: Judge) -> None:
    sentence = judge.refusal(job(**broken_spec(name)))
    assert BROKEN[name][1] in sentence
    assert sentence.count("Invalid value") + sentence.count("Required value") == 1, "one mistake, one sentence"


def test_every_form_of_a_schedule_is_taken(judge: Judge) -> None:
    forms = {re.sub("[a-z]", "a", re.sub("[0-9]+", "0", text)): text for text in golden_texts() if is_schedule(text)}
    assert len(forms) > 100
    assert [text for text in (*forms.values(), *ODD) if judge.refusal(job(schedule=text))] == []


KEPT: dict[str, Any] = {
    "another schedule": (job("stays"), job("stays", schedule="@hourly")),
    "the same Dkron name": (job("stays-1", name="a_b"), job("stays-1", name="a_b", retries=1)),
    "the object's own name spelt out": (job("stays-2"), job("stays-2", name="stays-2")),
    "the object's own name left out": (job("stays-3", name="stays-3"), job("stays-3")),
}


@pytest.mark.parametrize(("before", "after"), KEPT.values(), ids=list(KEPT))
def test_a_change_that_keeps_the_name_is_taken(before: Any, after: Any, judge: Judge) -> None:
    judge.store(before)
    assert judge.refusal_of_change(after) == ""


MOVED: dict[str, Any] = {
    "another Dkron name": (job("moves-1", name="a_b"), job("moves-1", name="b_a")),
    "the Dkron name taken away": (job("moves-2", name="a_b"), job("moves-2")),
    "a Dkron name given later": (job("moves-3"), job("moves-3", name="a_b")),
}


@pytest.mark.parametrize(("before", "after"), MOVED.values(), ids=list(MOVED))
def test_a_change_of_the_name_is_refused(before: Any, after: Any, judge: Judge) -> None:
    judge.store(before)
    assert "spec.name: Forbidden: spec.name is immutable" in judge.refusal_of_change(after)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        pytest.param({"suspend": True, "parallelism": 9, "reason": "x", "ttlSecondsAfterFinished": 1}, "", id="taken"),
        pytest.param({"to": "2026-01-03T00:00:00Z"}, "only suspend, parallelism", id="another range"),
        pytest.param({"job": None, "selector": {}}, "only suspend, parallelism", id="other jobs"),
        pytest.param({"dryRun": True}, "only suspend, parallelism", id="no run at all"),
    ],
)
def test_target_of_a_backfill_is_immutable(change: dict[str, Any], sentence: str, judge: Judge) -> None:
    name = "-".join(change).lower()
    judge.store(backfill(name))
    refusal = judge.refusal_of_change(backfill(name, **change))
    assert sentence in refusal if sentence else refusal == ""


HISTORY = {
    "executions": 20, "successfulJobs": 3, "failedJobs": 1, "runs": 20, "outputBytes": 1024,
    "archivedOutputBytes": 1024 * 1024,
}  # fmt: skip


def test_api_server_fills_in_the_defaults_of_the_model(judge: Judge) -> None:
    stored = judge.store(job("defaults"))
    assert JobSpec.from_wire(stored["spec"]) == JobSpec(schedule="@daily", executor_config={"command": "date"})
    assert stored["spec"]["history"] == HISTORY
    assert stored["spec"]["retryBackoff"] == {"initial": "1s", "factor": 2, "max": "60s"}


def test_every_default_of_the_model_is_accepted_when_sent(judge: Judge) -> None:
    spec = JobSpec(schedule="@daily", executor_config={"command": "date"}).model_dump(mode="json", by_alias=True)
    assert judge.refusal(job(**spec)) == ""
