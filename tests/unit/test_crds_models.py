"""The models: what the API server sends is read, what is written is read back, times are UTC."""

import json
from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Annotated, Any, get_args, get_origin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import AwareDatetime, ValidationError

from dkron_crds.base import WireModel, rfc3339
from dkron_crds.job import (
    Attempt,
    Concurrency,
    Day,
    DkronJob,
    JobSpec,
    JobStatus,
    MissedRuns,
    ObjectMeta,
    RetryBackoff,
)
from tests.support.examples import examples

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)

PLAIN: dict[object, st.SearchStrategy[Any]] = {
    bool: st.booleans(),
    date: st.dates(),
    AwareDatetime: st.datetimes(timezones=st.just(UTC)),
    str: st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
}


def built(model: type[WireModel]) -> st.SearchStrategy[Any]:
    """Models with any values in their fields."""
    fields = {name: values(field.annotation, *field.metadata) for name, field in model.model_fields.items()}
    return st.fixed_dictionaries(fields).map(lambda found: model(**found))


def values(kind: Any, *metadata: Any) -> st.SearchStrategy[Any]:
    """Values of an annotated type, within its bounds; of a list, three at most."""
    said = [one for each in metadata for one in getattr(each, "metadata", [each])]
    keys = ("ge", "le", "min_length", "max_length")
    bounds = {key: getattr(each, key) for each in said for key in keys if hasattr(each, key)}
    inner = get_args(kind)
    if get_origin(kind) is Annotated:
        found = values(inner[0], *inner[1:])
    elif type(None) in inner:
        found = st.none() | values(inner[0])
    elif get_origin(kind) is tuple:
        found = st.lists(
            values(inner[0]), min_size=bounds.get("min_length", 0), max_size=min(3, bounds.get("max_length", 3))
        ).map(tuple)
    elif kind is str and "min_length" in bounds:
        found = st.from_regex(r"[a-z]{1,9}", fullmatch=True)
    elif kind in PLAIN:
        found = PLAIN[kind]
    elif issubclass(kind, int):
        found = st.integers(bounds["ge"], bounds["le"])
    else:
        found = built(kind) if issubclass(kind, WireModel) else st.sampled_from(kind)
    return found


statuses = built(JobStatus)


def merge_patch(stored: Any, patch: Any) -> Any:
    """The pseudocode of RFC 7396 in Python."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(stored) if isinstance(stored, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


@given(statuses)
@settings(max_examples=examples(30))
def test_written_status_reads_back_unchanged(status: JobStatus) -> None:
    assert JobStatus.from_wire(json.loads(json.dumps(status.to_wire()))) == status


@given(statuses, statuses)
@settings(max_examples=examples(30))
def test_merge_patch_replaces_the_previous_status(old: JobStatus, new: JobStatus) -> None:
    stored = merge_patch({}, old.to_wire())
    assert JobStatus.from_wire(merge_patch(stored, new.to_wire())) == new


def test_status_entry_omits_unknown_fields() -> None:
    noon = "2026-01-01T12:00:00Z"
    claim = {"id": "1-a", "job": "a", "state": "Claimed", "slot": noon, "trigger": "schedule", "group": 17,
             "attempt": 1, "startedAt": noon}  # fmt: skip
    wire = JobStatus(active=(Attempt.from_wire(claim),)).to_wire()
    assert (wire["activeCount"], wire["active"]) == (1, [claim])


def test_attempt_that_waits_in_line_is_not_counted_as_active() -> None:
    noon = "2026-01-01T12:00:00Z"
    entry = {"id": "1-a", "job": "a", "slot": noon, "trigger": "schedule", "group": 17, "attempt": 1, "startedAt": noon}
    active = [entry | {"state": state} for state in ("Waiting", "Claimed", "Running")]
    wire = JobStatus(active=tuple(map(Attempt.from_wire, active))).to_wire()
    assert wire["activeCount"] == 2


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        pytest.param(NOON, "2026-01-01T12:00:00Z", id="whole seconds have no fraction"),
        pytest.param(NOON.replace(microsecond=120000), "2026-01-01T12:00:00.12Z", id="no zeros at the end"),
        pytest.param(NOON.replace(microsecond=1), "2026-01-01T12:00:00.000001Z", id="microseconds are kept"),
        pytest.param(NOON.replace(second=50), "2026-01-01T12:00:50Z", id="a zero that is no fraction stays"),
        pytest.param(NOON.astimezone(timezone(timedelta(hours=-3))), "2026-01-01T12:00:00Z", id="another zone"),
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
        pytest.param("2026-01-01T12:00:00", None, id="no zone"),
        pytest.param("9999-12-31T23:59:59-01:00", None, id="the year 10000 in UTC"),
        pytest.param("0001-01-01T00:00:00+01:00", None, id="the year 0 in UTC"),
        pytest.param("2026-02-30T00:00:00Z", None, id="no such day"),
    ],
)
def test_times_are_read_as_utc_or_refused(text: str, instant: datetime | None) -> None:
    with nullcontext() if instant else pytest.raises(ValidationError, match="startsAt"):
        read = JobSpec.from_wire({"startsAt": text}).starts_at
        assert (read, read and read.tzinfo) == (instant, UTC)


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


def test_an_empty_concurrency_means_allow() -> None:
    assert JobSpec.from_wire({"concurrency": ""}).concurrency is Concurrency.ALLOW


def test_job_is_sent_without_defaults_and_status() -> None:
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
    assert job.dkron_name == "nightly", "one without a name of its own is called as its object"


@pytest.mark.parametrize(
    ("text", "seconds"), [("0s", 0), ("1s", 1), ("1m30s", 90), ("1.5h", 5400), ("250ms", 0.25), ("3µs", 3e-6)]
)
def test_a_backoff_is_read_as_seconds(text: str, seconds: float) -> None:
    assert RetryBackoff(initial=text).initial_seconds == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "10", "1d", "-1s", "1s ", "1 s", "s", "1e3s", "9999999h"])
def test_invalid_backoff_duration_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="initial"):
        RetryBackoff(initial=text)


def test_objects_share_the_set_of_given_fields() -> None:
    """A set for each would take as much memory as the fields."""
    one = JobSpec.from_wire({"schedule": "@daily", "history": {"executions": 3}})
    other = one.model_copy(update={"retries": 2})
    found = (one, one.history, other, JobSpec(), JobSpec.model_construct(retries=1))
    assert {id(each.model_fields_set) for each in found} == {id(one.model_fields_set)}
    assert (other.retries, one.model_fields_set) == (2, set())
    assert other.to_wire() == {"schedule": "@daily", "history": {"executions": 3}, "retries": 2}
