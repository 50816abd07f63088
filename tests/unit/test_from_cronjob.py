"""CronJobs become DkronJobs that run the same Jobs at the same times, and say what is different."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from croniter import CroniterBadDateError, croniter  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from dkron_crds.job import DkronJob
from dkron_crds.schedule import parse
from dkron_from_cronjob.translate import (
    AS_THE_IMAGE_SAYS,
    FORBID,
    NO_ZONE,
    WITH_CREDENTIALS,
    Refused,
    schedule,
    translate,
)
from tests.conformance.schedules_brute import BOUNDS
from tests.support.examples import examples

AS_ROOT = {"securityContext": {"runAsNonRoot": False}}
POD = {"spec": {"restartPolicy": "OnFailure", **AS_ROOT, "containers": [{"name": "report", "image": "busybox:1.36"}]}}


def cronjob(
    metadata: dict[str, Any] | None = None, job: dict[str, Any] | None = None, /, **spec: Any
) -> dict[str, Any]:
    given_spec = {"schedule": "30 7 * * 1-5", "timeZone": "Europe/Madrid"} | spec
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "report"} | (metadata or {}),
        "spec": given_spec | {"jobTemplate": {"spec": {"template": POD} | (job or {})}},
    }


PLAIN: dict[str, Any] = {
    "apiVersion": "dkron.io/v1alpha1",
    "kind": "DkronJob",
    "metadata": {"name": "report"},
    "spec": {
        "schedule": "0 30 7 * * 1-5",
        "timezone": "Europe/Madrid",
        "executor": "kubernetes",
        "jobTemplate": {"spec": {"template": POD, "backoffLimit": 6}},
    },
}


def test_a_plain_one_comes_over_as_it_is() -> None:
    result = translate(cronjob())
    assert result.job == PLAIN
    assert result.remarks == []
    DkronJob.model_validate(result.job)


@pytest.mark.parametrize(
    ("spec", "expected", "remark"),
    [
        pytest.param({"suspend": True}, {"disabled": True}, "", id="suspended"),
        pytest.param({"suspend": False}, {}, "", id="not suspended"),
        pytest.param({"concurrencyPolicy": "Allow"}, {}, "", id="allow"),
        pytest.param({"concurrencyPolicy": "Forbid"}, {"concurrency": "forbid"}, FORBID, id="forbid"),
        pytest.param({"concurrencyPolicy": "Replace"}, {"concurrency": "replace"}, "", id="replace"),
        pytest.param({"startingDeadlineSeconds": 200}, {"startingDeadlineSeconds": 200}, "", id="deadline"),
        pytest.param({"startingDeadlineSeconds": 0}, {"startingDeadlineSeconds": 1}, "0 is not allowed", id="no time"),
        pytest.param(
            {"successfulJobsHistoryLimit": 0, "failedJobsHistoryLimit": 5},
            {"history": {"successfulJobs": 0, "failedJobs": 5}},
            "",
            id="history",
        ),
        pytest.param(
            {"successfulJobsHistoryLimit": 101},
            {"history": {"successfulJobs": 100}},
            "history.successfulJobs is set to 100",
            id="too much history",
        ),
        pytest.param({"novelty": 1}, {}, "spec.novelty is dropped", id="a field of a later Kubernetes"),
    ],
)
def test_each_field_has_its_counterpart(spec: dict[str, Any], expected: dict[str, Any], remark: str) -> None:
    result = translate(cronjob(**spec))
    assert result.job["spec"] == {**PLAIN["spec"], **expected}
    assert len(result.remarks) == bool(remark)
    assert remark in "".join(result.remarks)
    DkronJob.model_validate(result.job)


@pytest.mark.parametrize(
    ("pod", "expected", "remarks"),
    [
        pytest.param({}, AS_ROOT, [AS_THE_IMAGE_SAYS], id="nothing"),
        pytest.param(
            {"securityContext": {"fsGroup": 7}},
            {"securityContext": {"fsGroup": 7, "runAsNonRoot": False}},
            [AS_THE_IMAGE_SAYS],
            id="nothing about the user",
        ),
        pytest.param({"securityContext": {"runAsUser": 7}}, {}, [], id="a user"),
        pytest.param({"securityContext": {"runAsNonRoot": True}}, {}, [], id="a user that is not root"),
        pytest.param({"initContainers": [{"name": "a", "securityContext": {"runAsUser": 0}}]}, {}, [], id="in each"),
        pytest.param({"initContainers": [{"name": "a"}]}, AS_ROOT, [AS_THE_IMAGE_SAYS], id="not in each"),
        pytest.param(
            {**AS_ROOT, "serviceAccountName": "a"},
            {"automountServiceAccountToken": True},
            [WITH_CREDENTIALS],
            id="an account",
        ),
        pytest.param(
            {**AS_ROOT, "serviceAccountName": "a", "automountServiceAccountToken": False},
            {},
            [],
            id="without a token",
        ),
    ],
)
def test_implicit_pod_fields_are_written_out(pod: dict[str, Any], expected: dict[str, Any], remarks: list[str]) -> None:
    own = {"runAsUser": 0} if "initContainers" in pod else {}
    pod = {"containers": [{"name": "report", "securityContext": own}], **pod}
    result = translate(cronjob({}, {"template": {"spec": pod}}))
    assert result.job["spec"]["jobTemplate"]["spec"]["template"]["spec"] == {**pod, **expected}
    assert result.remarks == remarks


def test_missing_time_zone_is_remarked() -> None:
    result = translate(cronjob(timeZone=None))
    assert "timezone" not in result.job["spec"]
    assert result.remarks == [NO_ZONE]
    assert translate(cronjob(timeZone=None, schedule="@every 1h")).remarks == []


@pytest.mark.parametrize(
    ("job", "expected", "remark"),
    [
        ({"backoffLimit": 0}, {"backoffLimit": 0}, ""),
        ({"backoffLimitPerIndex": 1}, {"backoffLimitPerIndex": 1, "backoffLimit": 2147483647}, ""),
        ({"activeDeadlineSeconds": 60}, {"activeDeadlineSeconds": 60, "backoffLimit": 6}, ""),
        ({"ttlSecondsAfterFinished": 60}, {"backoffLimit": 6}, "ttlSecondsAfterFinished is dropped"),
    ],
)
def test_job_settings_are_kept(job: dict[str, Any], expected: dict[str, Any], remark: str) -> None:
    given_job = cronjob({}, job)
    given_job["spec"]["jobTemplate"]["metadata"] = {"name": "report", "creationTimestamp": None}
    result = translate(given_job)
    assert result.job["spec"]["jobTemplate"] == {"spec": {"template": POD} | expected}
    assert remark in "".join(result.remarks)


def test_metadata_is_copied_without_server_fields() -> None:
    theirs = {"uid": "1", "resourceVersion": "2", "creationTimestamp": "2026-01-01T00:00:00Z", "managedFields": []}
    labels, last = {"team": "billing"}, {"kubectl.kubernetes.io/last-applied-configuration": "{}"}
    given_metadata = {"labels": labels, "namespace": "money", "annotations": {"a": "b"} | last} | theirs
    result = translate(cronjob(given_metadata))
    wanted = {"name": "report", "namespace": "money", "labels": labels, "annotations": {"a": "b"}}
    assert (result.job["metadata"], result.remarks) == (wanted, [])
    assert translate(cronjob({"annotations": last})).job["metadata"] == {"name": "report"}
    owned = translate(cronjob({"ownerReferences": [{}], "name": "a.b"}))
    assert owned.job["metadata"] == {"name": "a-b"}
    assert ["renamed to a-b" in owned.remarks[0], "ownerReferences" in owned.remarks[1]] == [True, True]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*/5 * * * *", "0 */5 * * * *"),
        ("  30   7  * * MON ", "0 30 7 * * MON"),
        ("@daily", "@daily"),
        ("@every 90s", "@every 90s"),
        ("TZ=Asia/Tokyo 0 9 * * *", "TZ=Asia/Tokyo 0 0 9 * * *"),
        ("CRON_TZ=Asia/Tokyo @hourly", "CRON_TZ=Asia/Tokyo @hourly"),
    ],
)
def test_a_schedule_gets_its_seconds(text: str, expected: str) -> None:
    assert schedule(text) == expected
    parse(expected)


# What croniter reads as robfig/cron does.
instants = st.datetimes(datetime(1980, 1, 1), datetime(2080, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def _field(low: int, high: int) -> st.SearchStrategy[str]:
    number, step = st.integers(low, high), st.integers(1, high - low)
    # A range over the whole field is a star to croniter, not to robfig/cron.
    ends = st.tuples(number, number).filter(lambda pair: pair[0] < pair[1] and pair != (low, high))
    return st.one_of(
        st.just("*"),
        st.integers(2, high - low).map("*/{}".format),
        st.lists(number.map(str), min_size=1, max_size=3).map(",".join),
        ends.map(lambda pair: f"{pair[0]}-{pair[1]}"),
        st.builds(lambda pair, step: f"{pair[0]}-{pair[1]}/{step}", ends, step),
    )


shared = st.tuples(*(_field(low, high) for low, high in BOUNDS[1:])).map(" ".join)


def seen_by(witness: croniter) -> datetime | None:
    try:
        slot: datetime = witness.get_next(datetime)
    except CroniterBadDateError:
        return None
    return slot


@given(shared, instants)
@settings(max_examples=examples(200), deadline=None)
def test_it_is_due_when_the_crontab_line_is(line: str, after: datetime) -> None:
    after = after.replace(second=30, microsecond=0)
    due = parse(schedule(line)).next(after)
    witness = seen_by(croniter(line, after, max_years_between_matches=30))
    assert due == witness or (witness is None and due is None) or (due is not None and due.year - after.year > 29)


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        (cronjob(schedule="61 * * * *"), 'spec: minute: "61"'),
        (cronjob(schedule=""), "spec: schedule:"),
        (cronjob(timeZone="Europe/Nowhere"), 'spec: timezone: "Europe/Nowhere"'),
        (cronjob(startingDeadlineSeconds="soon"), "startingDeadlineSeconds has to be a whole number"),
        (cronjob({"name": ""}), "metadata.name is missing"),
        (cronjob() | {"spec": 7}, "spec has to be an object"),
        (cronjob({}, {"template": {"spec": {"containers": ["a"]}}}), "containers has to be a list of objects"),
    ],
)
def test_impossible_cronjob_is_refused(wrong: dict[str, Any], expected: str) -> None:
    with pytest.raises(Refused, match=f"^{expected}"):
        translate(wrong)


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted({*cronjob()["spec"], "a"})), inner)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["metadata", "spec", "kind"]), json), json)
def test_whatever_comes_in_it_is_translated_or_refused(document: dict[str, Any], template: Any) -> None:
    for each in (document, cronjob({"labels": template}) | document, cronjob(jobTemplate=template)):
        with suppress(Refused):
            assert translate(each).job["spec"]["executor"] == "kubernetes"
