"""The border: what the API server stores becomes views, and nothing that it stores can make that fail."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dkron_crds.job import AttemptState, JobSpec, JobStatus
from dkron_crds.job_metadata import GUARDED, QUEUED_AT
from dkron_crds.requests import Request
from dkron_operator.plan.situation.cause import requested
from dkron_operator.plan.situation.read import SHORT, read_attempt, read_job, read_requests, read_status
from tests.support.builders import NAMESPACE, NOON, UID, after, claim, ended, job_view, run, wire_job, wire_run
from tests.support.examples import examples

ENTRY = claim()


def test_a_job_is_read() -> None:
    job = read_job(wire_job(generation=3, deleting=True, name="backup"))
    assert (job.uid, job.namespace, job.name, job.dkron_name) == (UID, NAMESPACE, "backup", "backup")
    assert (job.generation, job.created, job.deleting, job.problem) == (3, NOON, True, None)
    assert job.schedule is not None
    assert job.schedule.next(NOON) == after(60)


@pytest.mark.parametrize(
    ("command", "shared"),
    [
        pytest.param("backup", True, id="a short spec"),
        pytest.param("x" * SHORT, False, id="a long spec, of which only its jobs keep something"),
    ],
)
def test_equal_specs_are_read_once(command: str, *, shared: bool) -> None:
    one, other = (read_job(wire_job(name=name, executorConfig={"command": command})) for name in ("one", "other"))
    assert (one.spec, one.fingerprint) == (other.spec, other.fingerprint)
    assert (one.spec is other.spec) is shared
    assert read_job(wire_job(executorConfig={"command": f"{command} -v"})).spec != one.spec


def test_defaults_in_an_object_change_nothing() -> None:
    short, long = wire_job(), wire_job()
    defaults = JobSpec().model_dump(mode="json", by_alias=True, exclude_none=True)
    long["spec"] |= {key: value for key, value in defaults.items() if key not in short["spec"]}
    assert len(long["spec"]) > len(short["spec"])
    assert read_job(long).spec is read_job(short).spec


def test_equal_specs_have_schedules_by_name() -> None:
    one, other = (read_job(wire_job(name=name, schedule="~ ~ ~ * * *")) for name in ("one", "other"))
    assert one.spec is other.spec
    assert one.schedule != other.schedule


def test_equal_specs_share_what_is_wrong() -> None:
    for name in ("one", "other"):
        job = job_view(name=name, retries="many")
        assert (job.dkron_name, job.unread and job.unread.reason) == (name, "InvalidSpec")
        assert job_view(name=name, executorConfig={"command": "\ud800"}).unread is not None
        job = job_view(name=name, executorConfig={"command": "true", "colour": "red"})
        assert (job.ignored.endswith("executorConfig.colour"), "colour" in job.spec.executor_config) == (True, False)


@pytest.mark.parametrize(
    ("spec", "reason", "says"),
    [
        pytest.param({"schedule": "61 * * * * *"}, "InvalidSchedule", "second", id="a second that does not exist"),
        pytest.param({"timezone": "Mars/Olympus"}, "InvalidTimezone", "Mars/Olympus", id="a zone that does not exist"),
        pytest.param({"executor": "perl"}, "UnknownExecutor", "perl", id="an executor that does not exist"),
        pytest.param({"executorConfig": {}}, "InvalidExecutorConfig", "command", id="no command"),
        pytest.param({"jobTemplate": {"spec": {"template": 3}}}, "InvalidTemplate", "template", id="no template"),
        pytest.param({"retries": "many"}, "InvalidSpec", "spec.retries", id="a word for a number"),
        pytest.param({"startsAt": "tomorrow"}, "InvalidSpec", "spec.startsAt", id="a word for a time"),
        pytest.param({"history": {"executions": 0}}, "InvalidSpec", "spec.history.executions", id="a bound"),
        pytest.param(
            {"queue": {"expires": "0s"}},
            "InvalidSpec",
            "spec.queue.expires: a run may wait from 1s to",
            id="no time to wait",
        ),
        pytest.param(
            {"queue": {"expires": "99999999h"}},
            "InvalidSpec",
            'spec.queue.expires: "99999999h" is more than 292 years',
            id="ten thousand years to wait",
        ),
        pytest.param({"tags": {"dc": "eu:0"}}, "InvalidTags", "tags.dc", id="no node at all"),
    ],
)
def test_invalid_spec_is_its_problem(spec: dict[str, Any], reason: str, says: str) -> None:
    problem = job_view(**spec).problem
    assert problem is not None
    assert (problem.reason, says in problem.message) == (reason, True)


def test_a_spec_that_cannot_be_read_keeps_its_name() -> None:
    assert job_view(retries="many", name="backup").dkron_name == "backup"
    body = wire_job(retries="many")
    body["spec"]["name"] = "back_up"
    assert read_job(body).dkron_name == "back_up"


def test_another_spelling_of_startsat_is_no_edit() -> None:
    assert job_view(startsAt=None).fingerprint == job_view().fingerprint
    one, other = job_view(startsAt="2026-03-01T12:00:00Z"), job_view(startsAt="2026-03-01T13:00:00+01:00")
    assert one.fingerprint == other.fingerprint


# --- requests --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "at"),
    [
        pytest.param("2026-03-01T12:00:00Z by ada", NOON, id="a time"),
        pytest.param("0001-01-01T00:00:00+14:00 by ada", None, id="before the calendar"),
        pytest.param("9999-12-31T23:59:59-14:00 by ada", None, id="after the calendar"),
    ],
)
def test_a_request_is_read(text: str, at: datetime | None) -> None:
    """`test_crds_requests` has more texts."""
    (request,) = read_requests({"annotations": {"run.dkron.io/a": text, "other.io/a": "2026-03-01T12:00:00Z"}})
    assert request == Request("a", at, "ada", text)


@settings(max_examples=examples(50))
@given(text=st.one_of(st.text(), st.datetimes(timezones=st.just(UTC)).map(str)), key=st.text())
def test_whatever_a_person_writes_there_can_be_planned(text: str, key: str) -> None:
    for request in read_requests({"annotations": {f"run.dkron.io/{key}": text}}):
        if request.at is not None:
            entry = requested(request.id, request.at).entry(uid=UID, name="j", at=NOON)
            assert len(entry.job) <= 63


def test_requests_come_in_the_order_of_their_time() -> None:
    times = {"c": "2026-03-01T12:00:02Z", "b": "2026-03-01T12:00:01Z", "a": "2026-03-01T12:00:02Z", "d": "soon"}
    notes = {f"run.dkron.io/{key}": text for key, text in times.items()}
    assert [request.id for request in read_requests({"annotations": notes})] == ["d", "b", "a", "c"]


# --- status ----------------------------------------------------------------------------------------------------


def test_a_status_is_read_back_as_it_was_written() -> None:
    status = JobStatus(since=NOON, last_schedule_time=after(60), active=(ENTRY,), success_count=3)
    assert read_status({"status": status.to_wire()}) == status


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param({}, JobStatus(), id="none"),
        pytest.param({"status": None}, JobStatus(), id="null"),
        pytest.param({"status": {}}, JobStatus(), id="an empty one"),
        pytest.param({"status": {"active": "many"}}, None, id="a word for a list"),
        pytest.param({"status": {"status": "perhaps"}}, None, id="a value that this version does not know"),
        pytest.param({"status": {"since": "yesterday"}}, None, id="a word for a time"),
    ],
)
def test_invalid_status_differs_from_an_empty_one(body: dict[str, Any], expected: object) -> None:
    assert read_status(body) == expected


@pytest.mark.parametrize(
    ("fields", "written"),
    [
        pytest.param(None, False, id="never written"),
        pytest.param([{"manager": "kubectl"}], False, id="only the spec was written"),
        pytest.param([{"manager": "kubectl"}, {"manager": "x", "subresource": "status"}], True, id="status, too"),
    ],
)
def test_whether_status_was_ever_written(fields: list[dict[str, str]] | None, *, written: bool) -> None:
    body = wire_job()
    if fields is not None:
        body["metadata"]["managedFields"] = fields
    assert read_job(body).status_written is written


# --- Jobs ------------------------------------------------------------------------------------------------------

RUNNING, SUCCEEDED = AttemptState.RUNNING, AttemptState.SUCCEEDED
TIMED = {**ended(at=after(9)), "completionTime": "2026-03-01T12:00:07Z"}
LATE = ended("Failed", at=after(9), reason="DeadlineExceeded")
ENDED_POD = {"active": 0, "ready": 0, "uncountedTerminatedPods": {"succeeded": ["a"]}}


@pytest.mark.parametrize(
    ("status", "state", "finished", "reason", "pending"),
    [
        pytest.param({}, RUNNING, None, "", True, id="just created"),
        pytest.param({"active": 1, "ready": 0}, RUNNING, None, "", True, id="a pod that is not ready waits"),
        pytest.param({"active": 1, "ready": 1}, RUNNING, None, "", False, id="a pod that is ready runs"),
        pytest.param(ENDED_POD, RUNNING, None, "", False, id="a pod that has ended does not wait"),
        pytest.param(
            {"active": 1, "uncountedTerminatedPods": {}}, RUNNING, None, "", True, id="every pod that ended is counted"
        ),
        pytest.param(ended(at=after(9)), SUCCEEDED, after(9), "", False, id="complete"),
        pytest.param(TIMED, SUCCEEDED, after(7), "", False, id="complete, with a time of its own"),
        pytest.param(LATE, AttemptState.FAILED, after(9), "DeadlineExceeded", False, id="failed, with a reason"),
        pytest.param(ended("FailureTarget"), RUNNING, None, "", True, id="about to fail is not over"),
        pytest.param(ended("SuccessCriteriaMet"), RUNNING, None, "", True, id="about to succeed is not over"),
        pytest.param(ended("Suspended"), RUNNING, None, "", True, id="suspended, for Kueue"),
        pytest.param({"conditions": [{"type": "Failed", "status": "False"}]}, RUNNING, None, "", True, id="not failed"),
        pytest.param(
            {"conditions": [{"type": "Complete", "status": "True"}]}, SUCCEEDED, None, "", False, id="without a time"
        ),
    ],
)
def test_a_job_of_ours_is_read_and_how_far_it_is(
    status: dict[str, Any], state: AttemptState, finished: datetime | None, reason: str, *, pending: bool
) -> None:
    expected = run(ENTRY, state, pending=pending, finished_at=finished, reason=reason)
    assert read_attempt(wire_run(ENTRY, status=status)) == expected


NOTES = ["execution", "slot", "trigger", "group", "attempt"]


@pytest.mark.parametrize("owners", [None, [], [{"uid": "x"}], [{"uid": "x", "controller": False}]])
def test_a_job_without_a_controller_is_not_ours(owners: list[dict[str, Any]] | None) -> None:
    body = wire_run(ENTRY)
    body["metadata"]["ownerReferences"] = owners
    assert read_attempt(body) is None


@pytest.mark.parametrize(
    ("changed", "ours"),
    [
        pytest.param({}, True, id="a DkronJob"),
        pytest.param({"apiVersion": "dkron.io/v2"}, True, id="a later version of it"),
        pytest.param({"apiVersion": "v1", "kind": "ConfigMap"}, False, id="another kind"),
        pytest.param({"kind": "DkronBackfill"}, False, id="another kind of ours"),
        pytest.param({"apiVersion": "dkron.io.example/v1"}, False, id="another group"),
        pytest.param({"kind": None}, False, id="no kind"),
    ],
)
def test_owner_of_an_attempt_is_a_dkron_job(changed: dict[str, Any], *, ours: bool) -> None:
    body = wire_run(ENTRY)
    (owner,) = body["metadata"]["ownerReferences"]
    owner |= changed
    assert (read_attempt(body) is not None) is ours


def test_annotations_that_are_read_are_guarded() -> None:
    asked: set[str] = set()

    class Recorded(dict[str, str]):
        def __getitem__(self, key: str) -> str:
            asked.add(key)
            return super().__getitem__(key)

        def get(self, key: str, default: Any = None) -> Any:
            asked.add(key)
            return super().get(key, default)

        def __contains__(self, key: object) -> bool:
            asked.add(str(key))
            return super().__contains__(key)

    body = wire_run(ENTRY)
    body["metadata"]["annotations"] = Recorded(body["metadata"]["annotations"])
    assert read_attempt(body) is not None
    assert asked - set(GUARDED) == set()
    assert QUEUED_AT in asked


@pytest.mark.parametrize(
    ("note", "text"),
    [
        *(pytest.param(note, None, id=f"no {note}") for note in NOTES),
        pytest.param("execution", "rubbish", id="an id without a start"),
        pytest.param("execution", f"{10**30}-x", id="an id with a start beyond the calendar"),
        pytest.param("slot", "2026-03-01T12:00:00", id="a slot without a zone"),
        pytest.param("slot", "soon", id="a slot that is no time"),
        pytest.param("trigger", "hand", id="a trigger that does not exist"),
        pytest.param("group", "-1", id="a group before the epoch"),
        pytest.param("group", "x", id="a group that is no number"),
        pytest.param("attempt", "0", id="attempt zero"),
    ],
)
def test_a_job_is_not_ours_that_has(note: str, text: str | None) -> None:
    assert read_attempt(noted(note, text)) is None


def noted(note: str, text: str | None) -> dict[str, Any]:
    body = wire_run(ENTRY)
    del body["metadata"]["annotations"][f"dkron.io/{note}"]
    if text is not None:
        body["metadata"]["annotations"][f"dkron.io/{note}"] = text
    return body


@given(note=st.sampled_from(NOTES), text=st.text())
def test_any_annotation_is_read_or_marks_the_job_foreign(note: str, text: str) -> None:
    read = read_attempt(noted(note, text))
    assert read is None or read.name == ENTRY.job
