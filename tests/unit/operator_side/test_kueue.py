"""Jobs in a queue of Kueue: how they are built and read, how long they wait, and when they wait in vain."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dkron_crds.base import rfc3339
from dkron_crds.job import Attempt, AttemptState, History, JobStatus, SkipReason
from dkron_operator.plan.actions import WriteStatus
from dkron_operator.plan.advance import advance
from dkron_operator.plan.job.build import build_job
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.situation.pools import Places
from dkron_operator.plan.situation.read import read_attempt
from dkron_operator.plan.situation.view import AttemptJob, JobView, PodProblem
from dkron_operator.plan.status.changes import Started
from dkron_operator.plan.steps.kueue import JOB_UID, entry_of, given_up
from tests.support.builders import (
    IMAGES,
    NOON,
    Object,
    after,
    claim,
    ended,
    execution,
    job_view,
    outcome,
    request_claim,
    run,
    seen,
    situation,
    wire_run,
)
from tests.support.folding import fold_one
from tests.support.plans import condition, created, jobs_deleted, messages, reported, skips, troubles_read

QUEUE = "team-a"
LABEL = "kueue.x-k8s.io/queue-name"
ENTRY = claim()
QUEUED, RUNNING = AttemptState.QUEUED, AttemptState.RUNNING
WAITS = seen(ENTRY).model_copy(update={"state": QUEUED, "queued_at": NOON, "queue": QUEUE})
"""The entry of a Job that waits since noon."""
BEGAN = WAITS.model_copy(update={"state": RUNNING, "queue": "", "started_at": after(60)})
AGAIN = BEGAN.model_copy(update={"state": QUEUED, "queue": QUEUE, "evictions": 1})
GIVEN_UP = PodProblem("Deactivated", "its Workload in Kueue was deactivated", final=True)
NOTED = WAITS.model_copy(update={"given_up": GIVEN_UP.reason})
MISSING = PodProblem("QueueNotFound", "LocalQueue team-a does not exist in namespace default")


def given_up_entry(entry: Attempt) -> Attempt:
    """The entry once the status says that Kueue has given the Job up."""
    return entry.model_copy(update={"given_up": GIVEN_UP.reason})


def in_queue(state: AttemptState = QUEUED, **fields: Any) -> AttemptJob:
    """The Job of the slot at noon."""
    return run(ENTRY, state, **{"queue": QUEUE, **fields})


def look(entry: Attempt, attempt: AttemptJob, *, at: datetime, job: JobView | None = None, **fields: Any) -> Plan:
    """A plan for a job whose only attempt this is."""
    job = job or job_view(schedule="@manually")
    status = JobStatus(since=job.created, fingerprint=job.fingerprint, last_schedule_time=NOON, active=(entry,))
    return advance(situation(job, status, now=at, runs=[attempt], **fields))


# --- how a Job is built and read -----------------------------------------------------------------------------------


def labelled(**labels: str) -> Object:
    return {"jobTemplate": {"metadata": {"labels": labels}}}


@pytest.mark.parametrize(
    ("spec", "queue"),
    [
        pytest.param({}, None, id="no queue"),
        pytest.param({"queueName": QUEUE}, QUEUE, id="a field"),
        pytest.param(labelled(**{LABEL: QUEUE}), QUEUE, id="a label of the template"),
        pytest.param({"queueName": QUEUE, **labelled(**{LABEL: "b"})}, QUEUE, id="both: the field"),
        pytest.param(labelled(**{LABEL: ""}), None, id="an empty label"),
        pytest.param(
            {"queueName": QUEUE, "jobTemplate": {"spec": {"suspend": False}}}, QUEUE, id="a template that says no"
        ),
    ],
)
def test_job_of_a_queue_is_created_suspended(spec: Object, queue: str | None) -> None:
    body = build_job(job_view(**spec), ENTRY, images=IMAGES)
    assert (body["metadata"]["labels"].get(LABEL) or None, body["spec"].get("suspend")) == (queue, queue and True)


STARTED = {"startTime": "2026-03-01T12:01:00Z"}


@pytest.mark.parametrize(
    ("labels", "spec", "status", "expected"),
    [
        pytest.param({}, {"suspend": True}, {}, (RUNNING, "", None), id="suspended without a queue"),
        pytest.param({LABEL: QUEUE}, {"suspend": True}, {}, (QUEUED, QUEUE, None), id="it waits"),
        pytest.param({LABEL: QUEUE}, {"suspend": False}, {}, (RUNNING, QUEUE, None), id="just admitted"),
        pytest.param({LABEL: QUEUE}, {}, {**STARTED, "ready": 1}, (RUNNING, QUEUE, after(60)), id="admitted"),
        pytest.param({}, {}, {**STARTED, "ready": 1}, (RUNNING, "", None), id="without a queue its start is no matter"),
        pytest.param(
            {LABEL: QUEUE}, {"suspend": True}, ended(at=after(9)), (AttemptState.SUCCEEDED, QUEUE, None),
            id="over, though it was to be suspended",
        ),
        pytest.param({LABEL: ""}, {"suspend": True}, {}, (RUNNING, "", None), id="an empty label is no queue"),
    ],
)  # fmt: skip
def test_queue_of_a_job_is_read(labels: Object, spec: Object, status: Object, expected: tuple[Any, ...]) -> None:
    body = wire_run(ENTRY, status=status) | {"spec": spec}
    body["metadata"]["labels"] = labels
    found = read_attempt(body)
    assert found is not None
    assert (found.state, found.queue, found.admitted_at) == expected


# --- since when it waits -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "attempt", "expected"),
    [
        pytest.param(None, in_queue(), WAITS, id="a new one"),
        pytest.param(None, run(), seen(ENTRY), id="a new one in no queue"),
        pytest.param(None, in_queue(RUNNING, admitted_at=after(60)), BEGAN, id="a new one that was admitted"),
        pytest.param(WAITS, in_queue(), WAITS, id="it waits on"),
        pytest.param(seen(ENTRY), in_queue(), WAITS.model_copy(update={"evictions": 1}), id="it is suspended later"),
        pytest.param(WAITS, in_queue(RUNNING, admitted_at=after(60)), BEGAN, id="it is admitted"),
        pytest.param(
            WAITS, in_queue(RUNNING, pending=True), BEGAN.model_copy(update={"started_at": after(90)}),
            id="admitted just now",
        ),
        pytest.param(WAITS, in_queue(queue="b"), WAITS.model_copy(
            update={"queue": "b"}), id="it moves to another queue"),
        pytest.param(BEGAN, in_queue(RUNNING, admitted_at=after(60)), BEGAN, id="it runs"),
        pytest.param(BEGAN, in_queue(), AGAIN, id="it is evicted"),
        pytest.param(NOTED, in_queue(RUNNING, admitted_at=after(60)), BEGAN, id="admitted after it was given up"),
        pytest.param(
            AGAIN, in_queue(RUNNING, admitted_at=after(80)), AGAIN.model_copy(update={"state": RUNNING, "queue": ""}),
            id="it goes on, and began when it was admitted first",
        ),
    ],
)  # fmt: skip
def test_entry_shows_since_when_a_job_waits(known: Attempt | None, attempt: AttemptJob, expected: Attempt) -> None:
    assert entry_of(known, attempt, after(90)) == expected


@pytest.mark.parametrize(("known", "late", "expected"), [
    pytest.param(WAITS, BEGAN, BEGAN, id="admitted"),
    pytest.param(BEGAN, WAITS, BEGAN, id="seen before it was admitted"),
    pytest.param(BEGAN, AGAIN, AGAIN, id="evicted"),
    pytest.param(AGAIN, BEGAN, AGAIN, id="seen before it was evicted"),
    pytest.param(WAITS, NOTED, NOTED, id="given up"),
    pytest.param(AGAIN, WAITS.model_copy(update={"uid": "another"}), WAITS.model_copy(update={"uid": "another"}),
                 id="another Job of that name"),
])  # fmt: skip
def test_what_a_late_leader_saw_takes_no_state_back(known: Attempt, late: Attempt, expected: Attempt) -> None:
    assert fold_one(JobStatus(active=(known,)), Started(late), History()).active == (expected,)


@given(st.lists(st.sampled_from([QUEUED, RUNNING]), min_size=1, max_size=12))
def test_each_eviction_counts_and_only_the_first_wait(states: list[AttemptState]) -> None:
    entry: Attempt | None = None
    evictions, begins = 0, []
    before = None
    for number, state in enumerate(states, 1):
        now = after(60 * number)
        attempt = in_queue(state, admitted_at=None if state is QUEUED else now)
        # Looking twice changes nothing.
        entry = entry_of(entry_of(entry, attempt, now), attempt, now)
        if state is not QUEUED and before in (None, QUEUED):
            begins.append(now)
        evictions += state is QUEUED and before not in (None, QUEUED)
        before = state
        assert (entry.state, bool(entry.queue)) == (state, state is QUEUED)
        assert (entry.queued_at, entry.evictions) == (NOON, evictions)
        assert entry.started_at == (begins[0] if begins else NOON)


def test_wait_in_line_and_in_a_queue_is_one_wait() -> None:
    asked = request_claim(at=NOON).model_copy(update={"queued_at": NOON})
    attempt = run(asked, QUEUED, queue=QUEUE, created=after(30), uid="uid")
    waits = entry_of(None, attempt, after(31))
    assert (waits.queued_at, waits.started_at, waits.queue) == (NOON, after(30), QUEUE)
    began = entry_of(waits, replace(attempt, state=RUNNING, admitted_at=after(60)), after(61))
    assert (began.queued_at, began.started_at, began.queue) == (NOON, after(60), "")


def test_record_of_an_attempt_has_its_wait() -> None:
    found = outcome(at=after(70))
    plan = look(BEGAN, in_queue(AttemptState.SUCCEEDED, admitted_at=after(60)), at=after(71),
                outcomes={ENTRY.job: found})  # fmt: skip
    (record,) = plan.status.executions
    assert record == execution(BEGAN, seconds=10, queued_at=NOON)


# --- how often it is looked at, and what is said -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "probed", "reads", "wake"),
    [
        pytest.param(9, None, False, 10, id="not at once"),
        pytest.param(10, None, True, None, id="after ten seconds"),
        pytest.param(69, 10, False, 70, id="not for a minute"),
        pytest.param(70, 10, True, None, id="each minute"),
    ],
)
def test_queue_is_looked_at_seldom(at: float, probed: float | None, reads: bool, wake: float | None) -> None:
    before = {} if probed is None else {ENTRY.job: after(probed)}
    plan = look(WAITS, in_queue(), at=after(at), probed=before)
    assert troubles_read(plan) == ([ENTRY.job] if reads else [])
    assert plan.wake == (None if wake is None else after(wake))


@pytest.mark.parametrize(
    ("entry", "at", "says"),
    [
        pytest.param(WAITS, 9, "", id="a short wait is not worth a word"),
        pytest.param(WAITS, 10, f"Job {ENTRY.job} waits in LocalQueue team-a since 2026-03-01T12:00:00Z", id="long"),
        pytest.param(AGAIN, 90, f"Job {ENTRY.job} was evicted, and waits in LocalQueue team-a again", id="evicted"),
    ],
)
def test_ready_says_that_a_job_waits(entry: Attempt, at: float, says: str) -> None:
    plan = look(entry, in_queue(), at=after(at), probed={ENTRY.job: NOON})
    assert condition(plan, "Ready").message == says
    assert (condition(plan, "Ready").status, condition(plan, "Degraded").status) == ("True", "False")


def test_ready_says_that_a_job_that_waits_holds_places() -> None:
    job = job_view(schedule="@manually", pools=["x"])
    plan = look(WAITS, in_queue(), at=after(10), job=job, places=Places(), probed={ENTRY.job: NOON})
    assert condition(plan, "Ready").message.startswith(f"Job {ENTRY.job}, which holds its places in pools, waits in")


def test_ready_counts_the_jobs_that_wait() -> None:
    other = claim(after(5))
    waits = seen(other).model_copy(update={"state": AttemptState.QUEUED, "queued_at": after(5), "queue": QUEUE})
    job = job_view(schedule="@manually")
    status = JobStatus(since=job.created, fingerprint=job.fingerprint, last_schedule_time=after(5),
                       active=(WAITS, waits))  # fmt: skip
    plan = advance(situation(job, status, now=after(60), runs=[in_queue(), run(other, QUEUED, queue=QUEUE)]))
    assert condition(plan, "Ready").message.endswith("since 2026-03-01T12:00:00Z, and 1 more")


def test_missing_queue_degrades_the_job() -> None:
    plan = look(WAITS, in_queue(), at=after(60), pod_problems={ENTRY.job: MISSING}, probed={ENTRY.job: after(50)})
    found = condition(plan, "Degraded")
    assert (found.status, found.reason) == ("True", "QueueNotFound")
    assert found.message == f"Job {ENTRY.job} does not start: {MISSING.message}"
    assert (condition(plan, "Ready").status, jobs_deleted(plan)) == ("True", [])


# --- what waits in vain --------------------------------------------------------------------------------------------

IN_TIME = {"startingDeadlineSeconds": 30}


@dataclass(frozen=True)
class Vain:
    """Whether a Job that waits is given up."""

    ends: bool
    entry: Attempt = WAITS
    at: float = 60.0
    spec: Object | None = None
    problem: PodProblem | None = None
    persisted: Attempt | None = None

    @property
    def noted(self) -> Attempt:
        """The entry, with why Kueue gave the Job up."""
        return given_up_entry(self.entry) if self.problem == GIVEN_UP else self.entry


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Vain(ends=True, problem=GIVEN_UP), id="Kueue gave it up"),
        pytest.param(Vain(ends=True, problem=GIVEN_UP, entry=AGAIN), id="Kueue gave it up after it ran"),
        pytest.param(Vain(ends=False, problem=MISSING), id="its queue may yet be made"),
        pytest.param(Vain(ends=True, spec=IN_TIME), id="its deadline has passed"),
        pytest.param(Vain(ends=False, spec=IN_TIME, at=30), id="at its deadline"),
        pytest.param(Vain(ends=False, spec=IN_TIME, entry=AGAIN), id="it was admitted in time, and evicted"),
        pytest.param(Vain(ends=True, problem=GIVEN_UP, persisted=seen(ENTRY)), id="first the status shows its wait"),
        pytest.param(Vain(ends=True, problem=GIVEN_UP, persisted=WAITS), id="first the status shows why"),
        pytest.param(Vain(ends=True, spec=IN_TIME, persisted=seen(ENTRY)), id="too late: first its wait"),
        pytest.param(
            Vain(ends=False, entry=NOTED, persisted=NOTED), id="an earlier process saw why, and a look is due"
        ),
    ],
)
def test_job_that_waits_in_vain_is_deleted(case: Vain) -> None:
    job = job_view(schedule="@manually", **(case.spec or {}))
    persisted = JobStatus(active=(case.persisted or case.noted,))
    probed = {} if case.entry is NOTED else {ENTRY.job: after(20)}
    plan = look(
        case.entry, in_queue(), at=after(case.at), job=job, persisted=persisted, probed=probed,
        pod_problems={} if case.problem is None else {ENTRY.job: case.problem},
    )  # fmt: skip
    written = case.persisted in (None, case.noted)
    deletes = case.ends and written
    assert [each.name for each in jobs_deleted(plan)] == ([ENTRY.job] if deletes else [])
    assert bool(plan.actions_of(WriteStatus)) == (case.ends and not written)
    assert plan.status.active == (case.noted,), "it is recorded when its Job is gone"
    if case.spec and not case.ends and not case.entry.evictions:
        assert plan.wake is not None
        assert plan.wake < after(31)


@dataclass(frozen=True)
class Record:
    """How an attempt is recorded whose Job is gone."""

    reason: str
    entry: Attempt = WAITS
    problem: PodProblem | None = None
    spec: Object | None = None
    retried: bool = False


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Record("Deactivated", problem=GIVEN_UP, retried=True), id="Kueue gave it up"),
        pytest.param(Record("Deactivated", entry=NOTED, retried=True), id="an earlier process saw why"),
        pytest.param(Record("DeadlineExceeded", spec=IN_TIME), id="too late"),
        pytest.param(Record("JobLost"), id="a user deleted it"),
        pytest.param(Record("JobLost", entry=BEGAN, problem=GIVEN_UP), id="a user deleted it, and it ran"),
    ],
)
def test_attempt_that_waited_in_vain_is_recorded(case: Record) -> None:
    job = job_view(schedule="@manually", retries=1, **(case.spec or {}))
    gone = in_queue(QUEUED if case.entry.queue else RUNNING, gone=True)
    plan = look(
        case.entry, gone, at=after(60), job=job, outcomes={ENTRY.job: outcome(success=False, lost=True, at=after(60))},
        pod_problems={} if case.problem is None else {ENTRY.job: case.problem},
    )  # fmt: skip
    (record,) = plan.status.executions
    assert (record.reason, record.success, record.queued_at) == (case.reason, False, NOON)
    assert record.started_at == (record.finished_at if case.entry.queue else BEGAN.started_at)
    assert [each.attempt for each in plan.status.active] == ([2] if case.retried else [])
    assert "ExecutionFailed" in reported(plan)


@pytest.mark.parametrize(
    ("entry", "words", "began"),
    [
        pytest.param(WAITS, {}, None, id="never admitted"),
        pytest.param(BEGAN, {}, BEGAN.started_at, id="admitted"),
        pytest.param(AGAIN, {}, BEGAN.started_at, id="evicted, and waits again"),
        pytest.param(WAITS, {"started_at": after(70)}, after(70), id="admitted while it was stopped"),
    ],
)
def test_stopped_attempt_began_only_if_it_was_admitted(entry: Attempt, words: Object, began: datetime | None) -> None:
    job = job_view(schedule="@manually", retries=1, stops={ENTRY.job: f"{rfc3339(after(80))} by ann"})
    gone = in_queue(QUEUED if entry.queue else RUNNING, gone=True, deleting=True)
    told = {ENTRY.job: outcome(success=False, exit_code=None, at=after(85), **words)}
    plan = look(entry, gone, at=after(90), job=job, final_output=told)
    (record,) = plan.status.executions
    assert (record.reason, record.queued_at, record.finished_at) == ("Stopped", NOON, after(90))
    assert (record.state is AttemptState.CANCELLED, record.started_at) == (began is None, began or after(90))
    assert (plan.status.active, plan.status.error_count) == ((), 1)


@pytest.mark.parametrize(
    ("entry", "began"),
    [
        pytest.param(BEGAN, after(90), id="with its pod"),
        pytest.param(BEGAN.model_copy(update={"evictions": 1}), BEGAN.started_at, id="with its first admission"),
    ],
)
def test_attempt_that_was_evicted_began_before_its_last_pod(entry: Attempt, began: datetime) -> None:
    job = in_queue(AttemptState.SUCCEEDED, admitted_at=after(90), finished_at=after(95))
    plan = look(entry, job, at=after(96), outcomes={ENTRY.job: outcome(at=after(95), started_at=after(90))})
    (record,) = plan.status.executions
    assert (record.started_at, record.finished_at, record.queued_at) == (began, after(95), NOON)


def test_newer_run_replaces_a_job_that_waits() -> None:
    job = job_view(schedule="@every 60s", concurrency="replace")
    plan = look(WAITS, in_queue(), at=after(60), job=job, probed={ENTRY.job: after(50)})
    assert [each.name for each in created(plan).replaces] == [ENTRY.job]


@pytest.mark.parametrize(
    ("entry", "state", "said"),
    [(WAITS, QUEUED, "the job has a run that waits"), (BEGAN, RUNNING, "the job is running")],
    ids=["waits", "runs"],
)
def test_refused_request_is_told_whether_the_other_run_waits(entry: Attempt, state: AttemptState, said: str) -> None:
    job = job_view(schedule="@manually", concurrency="forbid", requests={"a": rfc3339(after(59))})
    plan = look(entry, in_queue(state), at=after(60), job=job, probed={ENTRY.job: after(50)})
    assert (plan.create, skips(plan)) == (None, (1, SkipReason.CONCURRENCY_FORBIDDEN))
    assert messages(plan, "RunRefused") == [f"{said}, and its concurrency is forbid"]


def test_job_that_waits_counts_as_active() -> None:
    job = job_view(schedule="@every 60s", concurrency="forbid")
    plan = look(WAITS, in_queue(), at=after(60), job=job, probed={ENTRY.job: after(50)})
    assert (plan.create, skips(plan)) == (None, (1, SkipReason.CONCURRENCY_FORBIDDEN))


# --- what Kueue knows ----------------------------------------------------------------------------------------------


def workload(*conditions: Object, active: bool = True) -> Object:
    held = {"apiVersion": "kueue.x-k8s.io/v1beta2", "kind": "Workload"}
    owners = [{"uid": in_queue().uid, "controller": True}]
    name = {"name": "job-a-12345", "labels": {JOB_UID: in_queue().uid}, "ownerReferences": owners}
    return {**held, "metadata": name, "spec": {"active": active}, "status": {"conditions": list(conditions)}}


def told(kind: str, reason: str, message: str = "", *, status: str = "True") -> Object:
    return {"type": kind, "status": status, "reason": reason, "message": message}


FULL = told("QuotaReserved", "Pending", "insufficient unused quota", status="False")
LIMIT = told("Evicted", "DeactivatedDueToRequeuingLimitExceeded", "exceeded the limit")


@pytest.mark.parametrize(
    ("workloads", "expected"),
    [
        pytest.param([], None, id="none yet"),
        pytest.param([workload(FULL)], None, id="it waits for room"),
        pytest.param([workload(told("Evicted", "Preempted"))], None, id="evicted, and may go on"),
        pytest.param([workload(told("Finished", "Succeeded"))], None, id="it has ended by itself"),
        pytest.param([workload(active=False)], ("Deactivated", ""), id="a person deactivated it"),
        pytest.param(
            [workload(told("Evicted", "Deactivated", "by hand"), active=False)], ("Deactivated", ": by hand"),
            id="Kueue noticed that",
        ),
        pytest.param(
            [workload(LIMIT, active=False)], ("RequeuingLimitExceeded", ": exceeded the limit"), id="a limit of Kueue"
        ),
        pytest.param(
            [workload(told("Evicted", "Preempted"), active=False)], ("Deactivated", ""), id="evicted before that"
        ),
        pytest.param(
            [workload(told("Finished", "FailedToStart", "no node"))], ("FailedToStart", ": no node"), id="no start"
        ),
        pytest.param([workload() | {"spec": {}, "status": {}}], None, id="a Workload without anything"),
        pytest.param([workload(active=False) | {"metadata": {"labels": {JOB_UID: in_queue().uid}}}], None,
                     id="another user made it"),
    ],
)  # fmt: skip
def test_workload_tells_whether_kueue_gave_a_job_up(workloads: list[Object], expected: tuple[str, str] | None) -> None:
    found = given_up(in_queue(), workloads)
    if expected is None:
        assert found is None
        return
    assert found is not None
    assert (found.reason, found.final) == (expected[0], True)
    assert found.message.endswith(expected[1])


def test_long_reason_of_a_workload_is_cut() -> None:
    long = told("Evicted", f"DeactivatedDueTo{'A' * 1000}")
    found = given_up(in_queue(), [workload(long, active=False)])
    assert found is not None
    assert found.reason == "A" * 128
