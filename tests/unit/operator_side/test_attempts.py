"""Attempts: adopted, recorded, retried, lost, and completed after a crash."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pytest

from dkron_crds.job import Attempt, AttemptState, JobStatus, SkipReason
from dkron_operator.plan.actions import CreateJob, Report
from dkron_operator.plan.advance import advance
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.situation.view import AttemptJob, JobView, Outcome
from dkron_operator.plan.status.changes import Decided, Dropped
from dkron_pods.problem import Problem
from tests.support.builders import NOON, after, claim, execution, job_view, outcome, request_claim, run, seen, situation
from tests.support.folding import fold_all
from tests.support.plans import condition, created, fired, messages, outcomes_read, reported, skips, troubles_read

SLOT = claim(NOON)
LATER = after(10)
AT_NOON = "@at 2026-03-01T12:00:00Z"
FAILED, SUCCEEDED = AttemptState.FAILED, AttemptState.SUCCEEDED
BROKEN = Problem("InvalidTemplate", "the image is missing")
LOST = outcome(success=False, lost=True)
"""The outcome of a Job that is gone and has left nothing."""
FAILURE = outcome(success=False, at=LATER)


def manual(**spec: Any) -> JobView:
    return job_view(schedule="@manually", **spec)


def look(
    job: JobView | None = None,
    *,
    active: tuple[Attempt, ...] = (),
    status: dict[str, Any] | None = None,
    now: datetime = LATER,
    **fields: Any,
) -> Plan:
    """A plan for a job with no slots to come."""
    job = job or manual()
    given = {"since": job.created, "fingerprint": job.fingerprint, "active": active, **(status or {})}
    return advance(situation(job, JobStatus(**given), now=now, **fields))


# --- adoption --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "active", "mark"),
    [
        pytest.param(SLOT, (), NOON, id="a slot, which is decided"),
        pytest.param(request_claim(), (), None, id="a request, which does not move the mark"),
        pytest.param(SLOT, (SLOT,), NOON, id="a claim, which is not completed again"),
    ],
)
def test_a_job_that_status_does_not_know_is_adopted(entry: Attempt, active: Any, mark: datetime | None) -> None:
    plan = look(active=active, runs=[run(entry)])
    assert (plan.status.active, plan.status.last_schedule_time, plan.create) == ((seen(entry),), mark, None)


def test_counted_job_is_ignored() -> None:
    plan = look(status={"counted": (SLOT.job,), "last_schedule_time": NOON}, runs=[run(SLOT, SUCCEEDED)])
    assert (plan.status.active, plan.status.executions, outcomes_read(plan)) == ((), (), [])


def test_slots_before_a_found_job_are_missed_unless_found_too() -> None:
    plan = look(job_view(), runs=[run(claim(after(300)))], now=after(310), fireable_since=after(310))
    assert (plan.status.last_schedule_time, skips(plan)) == (after(300), (4, SkipReason.MISSED))
    found = [run(claim(after(60 * n))) for n in (1, 2, 4)]
    assert skips(look(job_view(), runs=found, now=after(250), fireable_since=after(250)))[0] == 1


# --- records ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gone", [False, True], ids=["exists", "was deleted before its record"])
def test_outcome_is_read_before_the_record_if_the_job(*, gone: bool) -> None:
    runs = [run(SLOT, SUCCEEDED, gone=gone)]
    plan = look(active=(seen(SLOT),), runs=runs)
    assert (outcomes_read(plan), plan.status.active, plan.status.executions) == ([SLOT.job], (seen(SLOT),), ())
    ended = look(active=(seen(SLOT),), runs=runs, outcomes={SLOT.job: outcome(at=after(-5))})
    (record,) = ended.status.executions
    assert record.success
    assert record.started_at == record.finished_at == NOON, "an end before the start counts as the start"


def test_outcome_is_recorded_with_the_details_of_its_pod() -> None:
    told: dict[str, Any] = {"exit_code": 3, "reason": "Error", "message": "m", "node_name": "n1", "output": "o"}
    told |= {"started_at": after(2), "output_truncated": True}
    ended = outcome(success=False, at=after(9), **told)
    plan = look(active=(seen(SLOT),), runs=[run(SLOT, FAILED)], outcomes={SLOT.job: ended})
    assert plan.status.executions == (execution(SLOT, success=False, finished_at=after(9), **told),)
    assert (plan.status.counted, plan.status.active) == ((SLOT.job,), ())


def test_failure_is_reported_with_its_code_and_next_step() -> None:
    ended = outcome(success=False, at=after(9), exit_code=3, reason="Error", message="no disk")
    plan = look(manual(retries=1), runs=[run(SLOT, FAILED)], outcomes={SLOT.job: ended})
    (report,) = (report for report in plan.actions_of(Report) if report.reason == "ExecutionFailed")
    assert report.message == "attempt 1 failed (Error, exit code 3): no disk; attempt 2 follows"
    assert report.subject == SLOT.job


# --- retries ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attempt", "backoff", "wait"),
    [
        pytest.param(1, {}, 1, id="the first retry waits for initial"),
        pytest.param(3, {}, 4, id="later ones longer"),
        pytest.param(9, {}, 60, id="at most for max"),
        pytest.param(3, {"factor": 1}, 1, id="always as long with factor 1"),
        pytest.param(2, {"initial": "500ms", "factor": 3, "max": "4s"}, 1.5, id="by its factor"),
        pytest.param(1, {"initial": "0s"}, 0, id="or not at all"),
    ],
)
def test_a_failure_claims_the_next_attempt(attempt: int, backoff: dict[str, Any], wait: float) -> None:
    entry, follows = claim(NOON, attempt=attempt), claim(NOON, attempt=attempt + 1, at=after(10 + wait))
    plan = look(manual(retries=10, retryBackoff=backoff), runs=[run(entry, FAILED)], outcomes={entry.job: FAILURE})
    assert plan.status.active == (follows,)
    assert (fired(plan), plan.wake) == ((None, follows.started_at) if wait else (follows, None))


@pytest.mark.parametrize(
    ("spec", "attempt", "success"),
    [
        pytest.param({"retries": 0}, 1, False, id="without retries"),
        pytest.param({"retries": 2}, 3, False, id="after the last attempt"),
        pytest.param({"retries": 2}, 1, True, id="after a success"),
        pytest.param({"retries": 2, "disabled": True}, 1, False, id="when the job was disabled"),
    ],
)
def test_no_attempt_follows(spec: dict[str, Any], attempt: int, *, success: bool) -> None:
    entry = claim(NOON, attempt=attempt)
    runs = [run(entry, SUCCEEDED if success else FAILED)]
    plan = look(manual(**spec), runs=runs, outcomes={entry.job: outcome(success=success)})
    assert (plan.status.active, plan.create, len(plan.status.executions)) == ((), None, 1)


@pytest.mark.parametrize(
    ("due", "begins"),
    [
        pytest.param(126, None, id="as late as clocks may differ"),
        pytest.param(127, 5, id="later than that"),
        pytest.param(365 * 24 * 3600, 5, id="in a year"),
    ],
)
def test_retry_by_a_clock_that_was_ahead_begins_now(due: float, begins: float | None) -> None:
    job = manual(retries=1, retryBackoff={"initial": "1s"})
    plan = look(job, active=(claim(NOON, attempt=2, at=after(due)),), now=after(5))
    began = None if plan.create is None else plan.create.entry.started_at
    assert (began, plan.wake) == ((after(begins), None) if begins else (None, after(due)))


def test_due_retry_is_created_under_the_name_of_its_cause() -> None:
    due, job = claim(NOON, attempt=2, at=after(10)), manual(retries=1)
    early = look(job, active=(due,), now=after(9))
    assert (early.create, early.wake) == (None, after(10))
    given_up = (Dropped(due.job, SkipReason.DEADLINE_EXCEEDED),)
    assert created(look(job, active=(due,), now=after(10))) == CreateJob(due, otherwise=given_up)
    job = job_view(schedule=AT_NOON, startingDeadlineSeconds=5, retries=1)
    assert not created(look(job, active=(due,), now=after(600))).late, "a retry has no start deadline"


@pytest.mark.parametrize(
    ("spec", "refusal", "why"),
    [
        pytest.param({"disabled": True}, None, "the job was disabled", id="was disabled"),
        pytest.param({"command": " "}, None, "command: missing", id="has a broken spec"),
        pytest.param({}, BROKEN, "the image is missing", id="is refused by the API server"),
    ],
)
def test_a_retry_is_cancelled_when_the_job(spec: dict[str, Any], refusal: Problem | None, why: str) -> None:
    retry, first = claim(NOON, attempt=2, at=after(5)), execution(claim(NOON), success=False)
    status = {"executions": (first,), "counted": (first.job,)}
    plan = look(manual(retries=1, **spec), active=(retry,), refusal=refusal, status=status)
    assert (plan.status.active, plan.create) == ((), None)
    assert plan.status.status == "failed", "the group is over"
    (message,) = messages(plan, "RetryCancelled")
    assert f"attempt 2 is cancelled: {why}" in message


def test_old_failure_is_not_retried_after_a_wipe() -> None:
    job = replace(manual(retries=1), status_written=True)
    given = {"runs": [run(SLOT, FAILED)], "outcomes": {SLOT.job: outcome(success=False, at=after(5))}}
    plan = advance(situation(job, JobStatus(), now=after(hours=1), **given))
    assert (len(plan.status.executions), plan.status.active, plan.create) == (1, (), None)


# --- lost Jobs -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("runs", [[run(SLOT, gone=True)], []], ids=["that was deleted while it ran", "unknown"])
def test_a_job_is_lost_and_not_tried_again(runs: list[AttemptJob]) -> None:
    asked = look(manual(retries=3), active=(seen(SLOT),), runs=runs)
    assert (outcomes_read(asked), asked.status.active) == ([SLOT.job], (seen(SLOT),))
    plan = look(manual(retries=3), active=(seen(SLOT),), runs=runs, outcomes={SLOT.job: LOST})
    (record,) = plan.status.executions
    assert (record.success, record.reason, record.finished_at) == (False, "JobLost", after(10))
    degraded = condition(plan, "Degraded")
    assert (plan.status.active, degraded.status, degraded.reason) == ((), "True", "JobLost")


@pytest.mark.parametrize(
    ("pod", "success", "reason"),
    [
        pytest.param(outcome(by_itself=True, exit_code=0), True, "", id="had succeeded"),
        pytest.param(outcome(success=False, by_itself=True, reason="Error"), False, "Error", id="had failed"),
        pytest.param(LOST, False, "Replaced", id="was running"),
    ],
)
def test_replaced_attempt_ends_as_its_pod_which(pod: Outcome, *, success: bool, reason: str) -> None:
    job, newer = manual(concurrency="replace", retries=2), seen(claim(after(60)))
    gone = [run(SLOT, gone=True), run(newer)]
    asked = look(job, active=(seen(SLOT), newer), runs=gone, now=after(70))
    assert (outcomes_read(asked), asked.status.executions) == ([SLOT.job], ())
    plan = look(job, active=(seen(SLOT), newer), runs=gone, now=after(70), outcomes={SLOT.job: pod})
    (record,) = plan.status.executions
    assert (record.success, record.reason, plan.status.active) == (success, reason, (newer,))


FIRST, SECOND = sorted((request_claim("a"), request_claim("b")), key=lambda entry: -entry.group)
"""Two runs that were asked for within one second. The number of the first is the higher one."""
ASKED_LATER = SECOND.model_copy(update={"started_at": after(1)})
FROM_BEFORE = request_claim("a", after(-30)).model_copy(update={"started_at": after(1)})
"""Asked for by a clock that is behind."""
LATE, SET_BACK = claim(NOON, at=after(30)), claim(after(5), at=after(6))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(SLOT, claim(after(60)), id="two slots"),
        pytest.param(FIRST, ASKED_LATER, id="two requests of one second"),
        pytest.param(SLOT, FROM_BEFORE, id="a request that names a time before the slot"),
        pytest.param(FROM_BEFORE, claim(after(60)), id="a slot after a request"),
        pytest.param(LATE, SET_BACK, id="slots, and a clock that was set back"),
    ],
)
def test_later_triggered_run_replaces_the_earlier_one(old: Attempt, new: Attempt) -> None:
    job, both = manual(concurrency="replace", retries=2), (seen(old), seen(new))
    create = created(look(job, active=(seen(old), new), runs=[run(old)], now=after(70)))
    assert (create.entry, [job.name for job in create.replaces]) == (new, [old.job])
    plan = look(job, active=both, runs=[run(old, gone=True), run(new)], now=after(70), outcomes={old.job: LOST})
    assert [(record.job, record.reason) for record in plan.status.executions] == [(old.job, "Replaced")]
    assert plan.status.active == (seen(new),)
    plan = look(job, active=both, runs=[run(old, FAILED), run(new)], now=after(70), outcomes={old.job: FAILURE})
    assert plan.status.active == (seen(new),), "it is not tried again"
    assert messages(plan, "ExecutionFailed")[0].endswith("no retry follows: a newer run has begun")


def test_a_retry_that_waits_is_as_old_as_its_run() -> None:
    """As after an edit from allow to replace, while a run waits for its backoff beside the next one."""
    job, old, newer = manual(concurrency="replace", retries=2), request_claim("a"), claim(after(60))
    waiting = request_claim("a", attempt=2, due=after(80))
    given: Any = {"active": (waiting, seen(newer)), "status": {"executions": (execution(old, success=False),)}}
    failed = {newer.job: outcome(success=False, at=after(65))}
    plan = look(job, runs=[run(newer, FAILED)], outcomes=failed, **given)
    assert [entry.attempt for entry in plan.status.active if entry.group == newer.group] == [2], "it is tried again"
    plan = look(job, runs=[run(newer)], now=after(90), **given)
    assert (plan.create, plan.status.active, reported(plan)) == (None, (seen(newer),), ["RetryCancelled"])


# --- Jobs that the API server refused ---------------------------------------------------------------------------


def test_refused_job_is_a_failed_attempt_with_a_planned_retry() -> None:
    refused = {SLOT.job: outcome(success=False, at=after(1), reason="JobRejected", message="forbidden")}
    plan = look(active=(SLOT,), outcomes=refused)
    (record,) = plan.status.executions
    assert (record.reason, record.message, record.exit_code) == ("JobRejected", "forbidden", None)
    assert (plan.status.active, plan.create) == ((), None)
    job, follows = manual(retries=1), claim(NOON, attempt=2, at=after(2))
    early = look(job, active=(SLOT,), outcomes=refused, now=after(1))
    assert (early.status.active, early.wake) == ((follows,), after(2))
    assert fired(look(job, active=(SLOT,), outcomes=refused, now=after(2))) == follows


# --- claims and doubts ------------------------------------------------------------------------------------------


def test_claim_without_a_job_is_created_or_only_checked_if_late() -> None:
    forbid: Any = {"schedule": AT_NOON, "concurrency": "forbid"}
    create = created(look(job_view(**forbid), active=(SLOT,), status={"last_schedule_time": NOON}))
    assert (create.entry, create.late) == (SLOT, False)
    job = job_view(**forbid, startingDeadlineSeconds=5)
    create = created(look(job, active=(SLOT,), status={"last_schedule_time": NOON}))
    assert create.late
    given_up = fold_all(JobStatus(active=(SLOT,), last_schedule_time=NOON), create.otherwise, job.spec.history)
    assert (given_up.active, given_up.skipped and given_up.skipped.count) == ((), 1)
    assert given_up.skipped is not None
    assert given_up.skipped.last_reason is SkipReason.DEADLINE_EXCEEDED


def test_unconfirmed_create_is_repeated_before_the_mark_moves() -> None:
    slot = claim(after(2))
    create = created(look(job_view(schedule="@at 2026-03-01T12:00:02Z"), unconfirmed_create=slot))
    assert (create.entry, create.after, create.late) == (slot, (Decided(slot.slot),), False)
    create = created(look(unconfirmed_create=request_claim()))
    assert (create.entry, create.after) == (request_claim(), ()), "a request does not move the mark"
    plan = look(job_view(), unconfirmed_create=claim(after(60)), now=after(300), fireable_since=after(250))
    assert (fired(plan), plan.status.last_schedule_time) == (claim(after(60)), None), "it comes before any other slot"


def test_confirmed_create_is_not_repeated() -> None:
    plan = look(job_view(schedule=AT_NOON), unconfirmed_create=SLOT, runs=[run(SLOT)])
    assert (plan.create, plan.status.active) == (None, (seen(SLOT),))


@pytest.mark.parametrize(
    ("spec", "since", "refusal"),
    [
        pytest.param({"startingDeadlineSeconds": 5}, NOON, None, id="its deadline is over"),
        pytest.param({"disabled": True}, NOON, None, id="the job was disabled"),
        pytest.param({}, after(8), None, id="the schedule was edited"),
        pytest.param({}, NOON, BROKEN, id="the job was broken"),
    ],
)
def test_unconfirmed_create_is_only_looked_up_when(
    spec: dict[str, Any], since: datetime, refusal: Problem | None
) -> None:
    job, slot = job_view(schedule="@at 2026-03-01T12:00:02Z", **spec), claim(after(2))
    create = created(look(job, unconfirmed_create=slot, status={"since": since}, refusal=refusal))
    given_up = fold_all(JobStatus(), create.otherwise, job.spec.history)
    assert (create.late, given_up.last_schedule_time) == (True, after(2))
    assert given_up.skipped is not None
    assert given_up.skipped.count == 1


def test_only_one_job_is_created_by_a_plan() -> None:
    due = (claim(NOON, attempt=2, at=after(1)), claim(after(-60), attempt=2, at=after(2)))
    assert fired(look(manual(retries=1), active=due)) == due[0]


# --- pods that do not start ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pod:
    seconds: float
    asked: bool
    wake: datetime | None = None
    probed: float | None = None
    job: dict[str, Any] = field(default_factory=dict)


RUNNING = {"pending": False}


@pytest.mark.parametrize(
    "pod",
    [
        pytest.param(Pod(9, asked=False, wake=after(10)), id="for ten seconds it may take its time"),
        pytest.param(Pod(10, asked=True), id="then it is asked why it does not start"),
        pytest.param(Pod(15, asked=False, wake=after(20), probed=10), id="and again ten seconds later"),
        pytest.param(Pod(99, asked=False, job=RUNNING), id="one that runs is not asked"),
        pytest.param(Pod(9, asked=False, wake=after(10), job={"deleting": True}), id="deleted, it may take its time"),
        pytest.param(Pod(10, asked=True, job=RUNNING | {"deleting": True}), id="then it is asked why it does not go"),
        pytest.param(Pod(99, asked=False, job={"deleting": True, "gone": True}), id="one that is gone is not asked"),
    ],
)
def test_a_pod_that_waits(pod: Pod) -> None:
    job = run(SLOT, **{"pending": True, **pod.job})
    probed = {} if pod.probed is None else {SLOT.job: after(pod.probed)}
    plan = look(active=(seen(SLOT),), runs=[job], now=after(pod.seconds), probed=probed)
    assert (troubles_read(plan), plan.wake) == ([SLOT.job] if pod.asked else [], pod.wake)


def test_deleted_dkronjob_is_left_to_the_garbage_collector() -> None:
    asked = {"a": "2026-03-01T12:00:00Z"}
    plan = look(manual(deleting=True, requests=asked), now=after(hours=1), runs=[run(SLOT, FAILED)])
    assert (plan.changes, plan.create, outcomes_read(plan), plan.wake) == ([], None, [], None)


def test_claim_does_not_wait_for_a_clock_that_was_set_back() -> None:
    waiting = claim(after(60), at=after(61))
    assert fired(advance(situation(job_view(), JobStatus(active=(waiting,)), now=after(58)))) == waiting
