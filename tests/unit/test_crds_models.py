"""The models: what the API server sends is read, what is written is read back, times are UTC."""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from dkron_crds.base import WireModel, rfc3339
from dkron_crds.cluster import ClusterStatus, DkronCluster
from dkron_crds.job import (
    Active,
    Concurrency,
    Condition,
    ConditionStatus,
    Day,
    DkronJob,
    Execution,
    GroupStatus,
    JobSpec,
    JobStatus,
    MissedRuns,
    ObjectMeta,
    RetryBackoff,
    Skipped,
    SkipReason,
    Trigger,
)
from dkron_crds.policy import Capability, DkronPolicy

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)

M = TypeVar("M", bound=WireModel)


def built(model: type[M], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[M]:
    """As `st.builds`, which would also invent values for the aliases that it finds in the signature."""
    return st.fixed_dictionaries(fields).map(lambda values: model(**values))


instants = st.datetimes(timezones=st.just(UTC))
counts = st.integers(0, 2**63 - 1024)
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
triggers = st.sampled_from(Trigger)
attempts = st.integers(1, 5)
executions = built(
    Execution,
    id=words,
    job=words,
    slot=instants,
    trigger=triggers,
    group=counts,
    attempt=attempts,
    started_at=instants,
    finished_at=instants,
    success=st.booleans(),
    exit_code=st.none() | st.integers(-(2**31), 2**31 - 1),
    reason=words,
    message=words,
    node_name=words,
    output=words,
    output_truncated=st.booleans(),
)
active = built(
    Active,
    id=words,
    job=words,
    uid=words,
    slot=instants,
    trigger=triggers,
    group=counts,
    attempt=attempts,
    started_at=instants,
    node_name=words,
)
statuses = built(
    JobStatus,
    observed_generation=counts,
    conditions=st.lists(
        built(
            Condition,
            type=words,
            status=st.sampled_from(ConditionStatus),
            reason=words,
            message=words,
            last_transition_time=instants,
        ),
        max_size=3,
    ).map(tuple),
    since=st.none() | instants,
    fingerprint=words,
    last_schedule_time=st.none() | instants,
    next=st.none() | instants,
    active=st.lists(active, max_size=3).map(tuple),
    counted=st.lists(words, max_size=3).map(tuple),
    executions=st.lists(executions, max_size=3).map(tuple),
    status=st.sampled_from(GroupStatus),
    success_count=counts,
    error_count=counts,
    last_success=st.none() | instants,
    last_error=st.none() | instants,
    dependent_jobs=st.lists(words, max_size=3).map(tuple),
    skipped=st.none() | built(Skipped, count=counts, last_time=instants, last_reason=st.sampled_from(SkipReason)),
    days=st.lists(built(Day, date=st.dates(), success=counts, failed=counts), max_size=2).map(tuple),
)


@given(statuses)
def test_a_status_that_was_written_is_read_back_the_same(status: JobStatus) -> None:
    assert JobStatus.from_wire(json.loads(json.dumps(status.to_wire()))) == status


@given(statuses, statuses)
def test_a_merge_patch_with_a_status_leaves_nothing_of_the_one_before(old: JobStatus, new: JobStatus) -> None:
    merged = old.to_wire() | new.to_wire()
    assert JobStatus.from_wire(_without_nulls(merged)) == new


def _without_nulls(patched: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in patched.items() if value is not None}


def test_an_entry_in_a_status_holds_only_what_is_known() -> None:
    claim = Active(
        id="1-a",
        job="a",
        slot=NOON,
        trigger=Trigger.SCHEDULE,
        group=1767268800000000000,
        attempt=1,
        started_at=NOON,
    )
    wire = JobStatus(active=(claim,)).to_wire()
    assert wire["activeCount"] == 1
    assert wire["active"] == [
        {
            "id": "1-a",
            "job": "a",
            "slot": "2026-01-01T12:00:00Z",
            "trigger": "schedule",
            "group": 1767268800000000000,
            "attempt": 1,
            "startedAt": "2026-01-01T12:00:00Z",
        }
    ]


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        pytest.param(NOON, "2026-01-01T12:00:00Z", id="whole seconds have no fraction"),
        pytest.param(NOON.replace(microsecond=120000), "2026-01-01T12:00:00.12Z", id="no zeros at the end"),
        pytest.param(NOON.replace(microsecond=1), "2026-01-01T12:00:00.000001Z", id="microseconds are kept"),
        pytest.param(NOON.replace(second=50), "2026-01-01T12:00:50Z", id="a zero that is no fraction stays"),
        pytest.param(
            NOON.astimezone(timezone(timedelta(hours=-3))),
            "2026-01-01T12:00:00Z",
            id="another zone becomes UTC",
        ),
    ],
)
def test_times_are_written_in_utc(instant: datetime, text: str) -> None:
    assert rfc3339(instant) == text


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        pytest.param("2026-01-01T12:00:00Z", NOON, id="UTC"),
        pytest.param("2026-01-01T13:00:00+01:00", NOON, id="another zone"),
        pytest.param("2026-01-01T12:00:00.000000999Z", NOON, id="nanoseconds are cut off"),
        pytest.param("2026-01-01t12:00:00z", NOON, id="small letters"),
    ],
)
def test_times_are_read_as_utc(text: str, instant: datetime) -> None:
    read = JobSpec.from_wire({"startsAt": text}).starts_at
    assert read == instant
    assert read is not None
    assert read.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("2026-01-01T12:00:00", id="no zone"),
        pytest.param("9999-12-31T23:59:59-01:00", id="the year 10000 in UTC"),
        pytest.param("0001-01-01T00:00:00+01:00", id="the year 0 in UTC"),
        pytest.param("2026-02-30T00:00:00Z", id="no such day"),
    ],
)
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="startsAt"):
        JobSpec.from_wire({"startsAt": text})


def test_a_job_as_the_api_server_sends_it() -> None:
    job = DkronJob.from_wire(
        {
            "apiVersion": "dkron.io/v1alpha1",
            "kind": "DkronJob",
            "metadata": {
                "name": "test-job-6abf5f0c",
                "namespace": "team",
                "uid": "u",
                "generation": 2,
                "creationTimestamp": "2026-01-01T12:00:00Z",
                "managedFields": [{"manager": "kubectl"}],
            },
            "spec": {
                "name": "test_job",
                "schedule": "@daily",
                "missedRuns": "all",
                "executorConfig": {"command": "true", "mem_limit": "1GB"},
                "retryBackoff": {"initial": "1m30s", "factor": 3, "max": "1h"},
                "jobTemplate": {"spec": {"template": {"spec": {"serviceAccountName": "robot"}}}},
                "inventedLater": 1,
            },
            "status": {"days": [{"date": "2026-01-01", "success": 1, "failed": 0}], "inventedLater": {}},
        }
    )
    assert job.dkron_name == "test_job"
    assert job.metadata.creation_timestamp == NOON
    assert job.spec.missed_runs is MissedRuns.ALL
    assert job.spec.concurrency is Concurrency.ALLOW
    assert job.spec.executor_config == {"command": "true", "mem_limit": "1GB"}
    assert (job.spec.retry_backoff.initial_seconds, job.spec.retry_backoff.max_seconds) == (90, 3600)
    assert job.spec.job_template.spec["template"]["spec"]["serviceAccountName"] == "robot"
    assert job.spec.history.executions == 20
    assert job.status.days == (Day(date=date(2026, 1, 1), success=1, failed=0),)


def test_a_job_without_a_name_of_its_own_is_called_as_its_object() -> None:
    job = DkronJob(metadata=ObjectMeta(name="nightly"), spec=JobSpec(schedule="@daily"))
    assert job.dkron_name == "nightly"


def test_a_job_is_sent_without_defaults_and_without_status() -> None:
    job = DkronJob(
        metadata=ObjectMeta(name="nightly"),
        spec=JobSpec(schedule="@daily", retries=2, starts_at=NOON),
        status=JobStatus(success_count=1),
    )
    assert job.to_wire() == {
        "apiVersion": "dkron.io/v1alpha1",
        "kind": "DkronJob",
        "metadata": {"name": "nightly"},
        "spec": {"schedule": "@daily", "retries": 2, "startsAt": "2026-01-01T12:00:00Z"},
    }
    assert DkronJob.from_wire(job.to_wire()).spec == job.spec


@pytest.mark.parametrize(
    ("text", "seconds"), [("0s", 0), ("1s", 1), ("1m30s", 90), ("1.5h", 5400), ("250ms", 0.25), ("3µs", 3e-6)]
)
def test_a_backoff_is_read_as_seconds(text: str, seconds: float) -> None:
    assert RetryBackoff(initial=text).initial_seconds == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "10", "1d", "-1s", "1s ", "1 s", "s", "1e3s", "9999999h"])
def test_a_backoff_that_is_no_unsigned_duration_below_292_years_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="initial"):
        RetryBackoff(initial=text)


def test_models_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        JobStatus().success_count = 1  # type: ignore[misc]


def test_a_policy_takes_the_shape_of_a_dkron_policy_file() -> None:
    policy = DkronPolicy.from_wire(
        {
            "apiVersion": "dkron.io/v1alpha1",
            "kind": "DkronPolicy",
            "metadata": {"name": "readonly"},
            "spec": {"path": {"/v1/jobs": {"capabilities": ["list"]}, "/v1/**": {"capabilities": ["read"]}}},
        }
    )
    assert policy.spec.path["/v1/jobs"].capabilities == (Capability.LIST,)
    assert DkronPolicy.from_wire(policy.to_wire()) == policy


def test_a_cluster_that_nobody_has_looked_at_is_not_paused() -> None:
    cluster = DkronCluster(metadata=ObjectMeta(name="dkron"))
    assert not cluster.spec.paused
    assert cluster.to_wire() == {
        "apiVersion": "dkron.io/v1alpha1",
        "kind": "DkronCluster",
        "metadata": {"name": "dkron"},
        "spec": {},
    }
    assert ClusterStatus.from_wire(_without_nulls(cluster.status.to_wire())) == ClusterStatus()
