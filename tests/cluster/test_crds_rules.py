"""The rules of the definitions at a real API server: each with what it takes and what it refuses, and in which words.

The plain bounds (lengths, numbers, enumerations) are in test_crds_bounds.py, what kubectl shows in
test_crds_kubectl.py.
"""

from typing import Any

import pytest

from dkron_crds.job import DkronJob, JobSpec
from dkron_crds.names import object_name
from tests.support.documents import installation, job, policy
from tests.support.judge import Judge

pytestmark = pytest.mark.cluster(nodes="none")


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(job(), id="a schedule alone"),
        pytest.param(job(schedule="", parentJob="first"), id="a parent alone"),
        pytest.param(job(schedule=None, parentJob="first"), id="a parent, and null for the schedule"),
        pytest.param(job(parentJob="first"), id="a parent and a schedule, as Dkron takes it"),
        pytest.param(job(schedule="every now and then"), id="a schedule that only the operator can judge"),
        pytest.param(job(executorConfig={}), id="a shell job without a command, which the operator reports"),
        pytest.param(job(timezone="Mars/Olympus"), id="a time zone that only the operator can judge"),
        pytest.param(job("a" * 52), id="the longest object name"),
        pytest.param(job("a-b", name="a_b"), id="an underscore in the Dkron name"),
        pytest.param(job("x", name="ñandú"), id="accents in the Dkron name"),
        pytest.param(job("x", name="джоб"), id="another script in the Dkron name"),
        pytest.param(job("x", name="-_0"), id="a Dkron name without a letter"),
        pytest.param(job("x", name=None), id="null for the Dkron name"),
        pytest.param(job(parentJob="джоб"), id="a parent of another script"),
        pytest.param(job("x", name="first", parentJob="x"), id="a parent called as this object, but not as this job"),
        pytest.param(job(startsAt="2026-01-01T00:00:00Z"), id="a start alone"),
        pytest.param(job(expiresAt="2026-01-01T00:00:00Z"), id="an end alone"),
        pytest.param(job(startsAt=None, expiresAt="2026-01-01T00:00:00Z"), id="null for the start"),
        pytest.param(
            job(startsAt="2026-01-01T00:00:00+02:00", expiresAt="2026-01-01T00:00:00Z"),
            id="an end after the start, in different zones",
        ),
        pytest.param(job(startsAt="2026-01-01T00:00:00.123456789Z"), id="a time with nanoseconds"),
        pytest.param(
            job(startsAt="1970-01-01T00:00:00Z", expiresAt="9999-12-31T23:59:59Z"), id="the first and last time"
        ),
        pytest.param(job(retryBackoff={"initial": "1m30s"} | {"max": "90s"}), id="waits that do not grow"),
        pytest.param(job(retryBackoff={"initial": "0s"}), id="no wait; the rest of retryBackoff by default"),
        pytest.param(job(retryBackoff={"initial": "1.5h", "max": "2h"}), id="a fraction of an hour"),
        pytest.param(job(schedule="", dependsOn=[{"job": "a"}, {"job": "b", "when": "always"}]), id="after two jobs"),
        pytest.param(job(history={"outputBytes": 16384}), id="the longest output; the rest of history by default"),
        pytest.param(job(jobTemplate={"spec": {"anything": [1, {"at": "all"}]}}), id="any spec of a Job"),
        pytest.param(job(tags={"k" * 317: "v"}), id="the longest key of a tag"),
        pytest.param(policy({"/v1/jobs/**": {"capabilities": ["read", "list"]}}), id="a policy"),
        pytest.param(policy({}), id="a policy that opens nothing"),
        pytest.param(installation("dkron"), id="the one installation"),
    ],
)
def test_taken_by_the_api_server_and_read_by_the_model(document: dict[str, Any], judge: Judge) -> None:
    assert judge.refusal(document) == ""
    if document["kind"] == "DkronJob":
        DkronJob.from_wire({**document, "spec": {k: v for k, v in document["spec"].items() if v is not None}})


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        pytest.param(
            job(schedule=""), "spec.schedule: Required value: spec.schedule is required unless", id="neither of both"
        ),
        pytest.param(job(parentJob="nightly"), "spec.parentJob: Invalid value", id="its own parent by object name"),
        pytest.param(job(name="a_b", parentJob="a_b"), "another job", id="its own parent by Dkron name"),
        pytest.param(job(dependsOn=[{"job": "nightly"}]), "spec.dependsOn must name other jobs", id="after itself"),
        pytest.param(
            job(parentJob="a", dependsOn=[{"job": "b"}]), "set one of the two", id="a parent and jobs to depend on"
        ),
        pytest.param(job(dependsOn=[{"job": "a"}, {"job": "a"}]), "Duplicate value", id="after one job twice"),
        pytest.param(job("a" * 53), "metadata.name must have at most 52 characters", id="an object name too long"),
        pytest.param(job("a.b"), "and no dot", id="a dot in the object name"),
        pytest.param(job(name="Nightly"), "spec.name: Invalid value", id="upper case in the Dkron name"),
        pytest.param(job(name="a.b"), "spec.name: Invalid value", id="a dot in the Dkron name"),
        pytest.param(job(name="仕事"), "spec.name: Invalid value", id="letters without case in the Dkron name"),
        pytest.param(job(name="a\n"), "spec.name: Invalid value", id="a line break at the end of the Dkron name"),
        pytest.param(job(parentJob="A"), "spec.parentJob: Invalid value", id="a parent that cannot exist"),
        pytest.param(
            job(startsAt="2026-01-01T00:00:00Z", expiresAt="2026-01-01T00:00:00Z"),
            "spec.expiresAt: Invalid value",
            id="an end at the start",
        ),
        pytest.param(
            job(startsAt="2026-01-01T00:00:00Z", expiresAt="2026-01-01T00:00:00+01:00"),
            "spec.expiresAt must be later than spec.startsAt",
            id="an end before the start, in different zones",
        ),
        pytest.param(
            job(retryBackoff={"initial": "61s"}),
            "spec.retryBackoff.max: Invalid value",
            id="a first wait longer than the longest by default",
        ),
        pytest.param(job(retryBackoff={"initial": "10"}), "spec.retryBackoff.initial", id="a wait without unit"),
        pytest.param(job(retryBackoff={"max": "-1s"}), "spec.retryBackoff.max", id="a wait below zero"),
        pytest.param(job(retryBackoff={"max": "9" * 20 + "h"}), "retryBackoff", id="a wait of billions of years"),
        pytest.param(job(retryBackoff={"factor": 1.5}), "spec.retryBackoff.factor", id="a factor with a fraction"),
        pytest.param(job(tags={"k" * 318: "v"}), "spec.tags: Invalid value", id="a key of a tag too long"),
        pytest.param(job(metadata={"k" * 257: "v"}), "spec.metadata: Invalid value", id="a key of metadata too long"),
        pytest.param(job(executorConfig={"k" * 257: "v"}), "spec.executorConfig: Invalid", id="a setting too long"),
        pytest.param(
            job(processors={"k" * 64: {}}), "spec.processors: Invalid value", id="a processor's name too long"
        ),
        pytest.param(
            job(processors={"log": {"k" * 257: "v"}}), "spec.processors[log]", id="a processor's setting too long"
        ),
        pytest.param(job(executorConfig={"allow_stdout": True}), "spec.executorConfig", id="a bare true as setting"),
        pytest.param(
            job(startsAt="1970-01-01T00:00:00+00:01"), "spec.startsAt: Invalid value", id="a start before 1970"
        ),
        pytest.param(job(expiresAt="9999-12-31T23:59:59-00:01"), "spec.expiresAt: Invalid value", id="the year 10000"),
        pytest.param(
            job(startsAt="2026-01-01T00:00:00+25:00"), "spec.startsAt: Invalid value", id="a zone of 25 hours"
        ),
        pytest.param(job(shedule="@daily"), 'unknown field "spec.shedule"', id="a misspelt field"),
        pytest.param(
            job(jobTemplate={"containers": []}), 'unknown field "spec.jobTemplate.containers"', id="spec forgotten"
        ),
        pytest.param(policy({"v1/jobs": {"capabilities": ["list"]}}), "spec.path: Invalid value", id="a relative path"),
        pytest.param(policy({"/" * 1025: {"capabilities": []}}), "spec.path: Invalid value", id="a path too long"),
        pytest.param(policy({"/v1": {"capabilities": ["read", "read"]}}), "Duplicate value", id="a right twice"),
        pytest.param(policy({"/v1": {}}), "capabilities: Required value", id="a path without rights"),
        pytest.param(installation("other"), "metadata.name must be 'dkron'", id="a second installation"),
    ],
)
def test_refused_with_a_sentence_that_names_the_field(document: dict[str, Any], sentence: str, judge: Judge) -> None:
    assert sentence in judge.refusal(document)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(job("stays"), job("stays", schedule="@hourly"), id="another schedule"),
        pytest.param(job("stays-1", name="a_b"), job("stays-1", name="a_b", retries=1), id="the same Dkron name"),
        pytest.param(job("stays-2"), job("stays-2", name="stays-2"), id="the object's own name spelt out"),
        pytest.param(job("stays-3", name="stays-3"), job("stays-3"), id="the object's own name left out"),
    ],
)
def test_a_change_that_keeps_the_name_is_taken(before: Any, after: Any, judge: Judge) -> None:
    judge.store(before)
    assert judge.refusal_of_change(after) == ""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(job("moves-1", name="a_b"), job("moves-1", name="b_a"), id="another Dkron name"),
        pytest.param(job("moves-2", name="a_b"), job("moves-2"), id="the Dkron name taken away"),
        pytest.param(job("moves-3"), job("moves-3", name="a_b"), id="a Dkron name given later"),
    ],
)
def test_a_change_of_the_name_is_refused(before: Any, after: Any, judge: Judge) -> None:
    judge.store(before)
    assert "spec.name: Forbidden: spec.name is immutable" in judge.refusal_of_change(after)


@pytest.mark.parametrize(
    "dkron_name", ["nightly", "a_b", "ñandú", "джоб", "-", "x" * 5000, "a" * 42 + "_b", "backup-20260101"]
)
def test_an_object_can_be_made_under_the_name_that_a_dkron_name_maps_to(dkron_name: str, judge: Judge) -> None:
    assert judge.refusal(job(object_name(dkron_name), name=dkron_name)) == ""


def test_the_api_server_fills_in_the_defaults_of_the_model(judge: Judge) -> None:
    stored = judge.store(job("defaults"))
    assert JobSpec.from_wire(stored["spec"]) == JobSpec(schedule="@daily")
    assert stored["spec"]["history"] == {"executions": 20, "successfulJobs": 3, "failedJobs": 1, "outputBytes": 1024}
    assert stored["spec"]["retryBackoff"] == {"initial": "1s", "factor": 2, "max": "60s"}


def test_every_default_of_the_model_is_taken_when_it_is_sent(judge: Judge) -> None:
    spec = JobSpec(schedule="@daily").model_dump(mode="json", by_alias=True)
    assert judge.refusal(job(**spec)) == ""
