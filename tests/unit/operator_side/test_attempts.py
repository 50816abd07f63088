"""Attempts: adopted, recorded, retried, lost, and completed after a crash."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from dkron_crds.job import Active, JobStatus, SkipReason
from dkron_operator.executors.problem import Problem
from dkron_operator.plan.actions import CreateJob, Report
from dkron_operator.plan.advance import advance
from dkron_operator.plan.fold import Decided, Dropped, fold_all
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.view import AttemptJob, AttemptState, JobView, Outcome
from tests.support.builders import (
    NOON,
    after,
    claim,
    execution,
    job_view,
    outcome,
    request_claim,
    run,
    seen,
    situation,
)
from tests.support.plans import outcomes_read, troubles_read

SLOT = claim(NOON)
MANUALLY = "@manually"
LATER = after(10)
BROKEN = Problem("InvalidTemplate", "the image is missing")


def look(
    job: JobView | None = None,
    *,
    active: tuple[Active, ...] = (),
    status: dict[str, Any] | None = None,
    runs: list[AttemptJob] | None = None,
    outcomes: dict[str, Outcome] | None = None,
    now: datetime = LATER,
    **fields: Any,
) -> Plan:
    """A plan for a job with no slots to come."""
    job = job or job_view(schedule=MANUALLY)
    given = {"since": job.created, "fingerprint": job.fingerprint, "active": active, **(status or {})}
    return advance(situation(job, JobStatus(**given), runs=runs or [], outcomes=outcomes or {}, now=now, **fields))


LOST = outcome(success=False, lost=True)
"""What is found of a Job that is gone and has left nothing."""


def created(plan: Plan) -> CreateJob:
    assert plan.create is not None
    return plan.create


# --- adoption --------------------------------------------------------------------------------------------------


def test_a_job_that_status_does_not_know_is_adopted_and_its_slot_is_decided() -> None:
    plan = look(runs=[run(SLOT)])
    assert plan.status.active == (seen(SLOT),)
    assert plan.status.last_schedule_time == NOON
    assert plan.create is None


def test_a_manual_run_that_is_adopted_does_not_move_the_mark() -> None:
    wanted = request_claim()
    plan = look(runs=[run(wanted)])
    assert plan.status.active == (seen(wanted),)
    assert plan.status.last_schedule_time is None


def test_a_claim_whose_job_is_found_is_not_completed_again() -> None:
    plan = look(active=(SLOT,), runs=[run(SLOT)])
    assert (plan.status.active, plan.create) == ((seen(SLOT),), None)


def test_a_job_that_was_counted_is_left_alone() -> None:
    over = run(SLOT, AttemptState.SUCCEEDED)
    plan = look(status={"counted": (SLOT.job,), "last_schedule_time": NOON}, runs=[over])
    assert (plan.status.active, plan.status.executions, outcomes_read(plan)) == ((), (), [])


def test_slots_between_the_mark_and_a_job_that_is_found_are_counted_as_missed() -> None:
    job = job_view()
    plan = look(job, runs=[run(claim(after(300)))], now=after(310), fireable_since=after(310))
    assert plan.status.last_schedule_time == after(300)
    assert plan.status.skipped is not None
    assert (plan.status.skipped.count, plan.status.skipped.last_reason) == (4, SkipReason.MISSED)


def test_slots_whose_jobs_are_found_are_not_counted_as_missed() -> None:
    job = job_view()
    found = [run(claim(after(60 * n))) for n in (1, 2, 4)]
    plan = look(job, runs=found, now=after(250), fireable_since=after(250))
    assert plan.status.skipped is not None
    assert plan.status.skipped.count == 1


# --- records ---------------------------------------------------------------------------------------------------


def test_a_finished_job_is_asked_how_it_ended_before_it_is_recorded() -> None:
    plan = look(active=(seen(SLOT),), runs=[run(SLOT, AttemptState.SUCCEEDED)])
    assert outcomes_read(plan) == [SLOT.job]
    assert (plan.status.active, plan.status.executions) == ((seen(SLOT),), ())


def test_an_outcome_is_recorded_with_what_its_pod_told() -> None:
    ended = outcome(
        success=False, at=after(9), started_at=after(2), exit_code=3, reason="Error", message="m", node_name="n1",
        output="o", output_truncated=True,
    )  # fmt: skip
    plan = look(active=(seen(SLOT),), runs=[run(SLOT, AttemptState.FAILED)], outcomes={SLOT.job: ended})
    expected = execution(
        SLOT, success=False, started_at=after(2), finished_at=after(9), exit_code=3, reason="Error", message="m",
        node_name="n1", output="o", output_truncated=True,
    )  # fmt: skip
    assert plan.status.executions == (expected,)
    assert plan.status.counted == (SLOT.job,)
    assert plan.status.active == ()


def test_an_end_before_the_start_is_told_as_the_start() -> None:
    ended = outcome(at=after(-5))
    plan = look(active=(seen(SLOT),), runs=[run(SLOT, AttemptState.SUCCEEDED)], outcomes={SLOT.job: ended})
    (record,) = plan.status.executions
    assert record.started_at == record.finished_at == NOON


def test_a_failure_is_told_with_its_code_and_what_follows() -> None:
    ended = outcome(success=False, at=after(9), exit_code=3, reason="Error", message="no disk")
    plan = look(
        job_view(schedule=MANUALLY, retries=1), runs=[run(SLOT, AttemptState.FAILED)], outcomes={SLOT.job: ended}
    )
    (report,) = [report for report in plan.of(Report) if report.reason == "ExecutionFailed"]
    assert report.message == "attempt 1 failed (Error, exit code 3): no disk; attempt 2 follows"
    assert report.subject == SLOT.job


# --- retries ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attempt", "backoff", "wait"),
    [
        pytest.param(1, {}, 1, id="the first retry waits for initial"),
        pytest.param(3, {}, 4, id="later ones longer"),
        pytest.param(9, {}, 60, id="at most for max"),
        pytest.param(1, {"initial": "0s"}, 0, id="or not at all"),
    ],
)
def test_a_failure_claims_the_next_attempt(attempt: int, backoff: dict[str, Any], wait: float) -> None:
    job = job_view(schedule=MANUALLY, retries=10, retryBackoff=backoff)
    entry = claim(NOON, attempt=attempt)
    ended = outcome(success=False, at=after(10))
    plan = look(job, runs=[run(entry, AttemptState.FAILED)], outcomes={entry.job: ended})
    follows = claim(NOON, attempt=attempt + 1, at=after(10 + wait))
    assert plan.status.active == (follows,)
    if wait:
        assert plan.create is None
        assert plan.wake == follows.started_at
    else:
        assert created(plan).entry == follows


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
    state = AttemptState.SUCCEEDED if success else AttemptState.FAILED
    plan = look(
        job_view(schedule=MANUALLY, **spec), runs=[run(entry, state)], outcomes={entry.job: outcome(success=success)}
    )
    assert (plan.status.active, plan.create) == ((), None)
    assert len(plan.status.executions) == 1


def test_a_retry_is_made_when_it_is_due_under_the_name_of_its_cause() -> None:
    due = claim(NOON, attempt=2, at=after(10))
    job = job_view(schedule=MANUALLY, retries=1)
    early = look(job, active=(due,), now=after(9))
    assert (early.create, early.wake) == (None, after(10))
    given_up = (Dropped(due.job, SkipReason.DEADLINE_EXCEEDED),)
    assert created(look(job, active=(due,), now=after(10))) == CreateJob(due, otherwise=given_up)


def test_a_retry_has_no_start_deadline() -> None:
    due = claim(NOON, attempt=2, at=after(10))
    job = job_view(schedule="@at 2026-03-01T12:00:00Z", startingDeadlineSeconds=5, retries=1)
    assert not created(look(job, active=(due,), now=after(600))).late


@pytest.mark.parametrize(
    ("spec", "refusal", "why"),
    [
        pytest.param({"disabled": True}, None, "the job was disabled", id="was disabled"),
        pytest.param({"command": " "}, None, "command: missing", id="has a broken spec"),
        pytest.param({}, BROKEN, "the image is missing", id="is refused by the API server"),
    ],
)
def test_a_retry_is_cancelled_when_the_job(spec: dict[str, Any], refusal: Problem | None, why: str) -> None:
    retry = claim(NOON, attempt=2, at=after(5))
    first = execution(claim(NOON), success=False)
    job = job_view(schedule=MANUALLY, retries=1, **spec)
    status = {"executions": (first,), "counted": (first.job,)}
    plan = look(job, active=(retry,), refusal=refusal, status=status)
    assert (plan.status.active, plan.create) == ((), None)
    assert plan.status.status == "failed", "the group is over"
    (report,) = [report for report in plan.of(Report) if report.reason == "RetryCancelled"]
    assert f"attempt 2 is cancelled: {why}" in report.message


def test_after_status_was_wiped_an_old_failure_is_not_tried_again() -> None:
    job = replace(job_view(schedule=MANUALLY, retries=1), status_written=True)
    ended = outcome(success=False, at=after(5))
    plan = advance(
        situation(
            job, JobStatus(), runs=[run(SLOT, AttemptState.FAILED)], outcomes={SLOT.job: ended}, now=after(hours=1)
        )
    )
    assert len(plan.status.executions) == 1
    assert (plan.status.active, plan.create) == ((), None)


# --- lost Jobs -------------------------------------------------------------------------------------------------


def test_a_job_that_was_deleted_while_it_ran_is_lost_and_not_tried_again() -> None:
    plan = look(
        job_view(schedule=MANUALLY, retries=3),
        active=(seen(SLOT),),
        runs=[run(SLOT, gone=True)],
        now=after(10),
        outcomes={SLOT.job: LOST},
    )
    (record,) = plan.status.executions
    assert (record.success, record.reason, record.finished_at) == (False, "JobLost", after(10))
    assert plan.status.active == ()
    degraded = next(c for c in plan.status.conditions if c.type == "Degraded")
    assert (degraded.status, degraded.reason) == ("True", "JobLost")


def test_a_finished_job_that_was_deleted_before_its_record_is_still_asked_how_it_ended() -> None:
    plan = look(active=(seen(SLOT),), runs=[run(SLOT, AttemptState.SUCCEEDED, gone=True)])
    assert outcomes_read(plan) == [SLOT.job]
    ended = look(
        active=(seen(SLOT),), runs=[run(SLOT, AttemptState.SUCCEEDED, gone=True)], outcomes={SLOT.job: outcome()}
    )
    assert ended.status.success_count == 1


def test_an_active_entry_whose_job_nobody_knows_is_looked_for_before_it_is_lost() -> None:
    plan = look(active=(seen(SLOT),))
    assert (outcomes_read(plan), plan.status.active) == ([SLOT.job], (seen(SLOT),))
    lost = outcome(success=False, lost=True)
    plan = look(active=(seen(SLOT),), outcomes={SLOT.job: lost})
    assert plan.status.executions[0].reason == "JobLost"


def test_a_run_that_a_newer_one_replaced_is_told_so_and_not_tried_again() -> None:
    job = job_view(schedule=MANUALLY, concurrency="replace", retries=2)
    newer = seen(claim(after(60)))
    plan = look(
        job, active=(seen(SLOT), newer), runs=[run(SLOT, gone=True), run(newer)], now=after(70),
        outcomes={SLOT.job: LOST},
    )  # fmt: skip
    (record,) = plan.status.executions
    assert (record.job, record.reason) == (SLOT.job, "Replaced")
    assert plan.status.active == (newer,)


@pytest.mark.parametrize(
    ("pod", "success", "reason"),
    [
        pytest.param(outcome(by_itself=True, exit_code=0), True, "", id="had succeeded"),
        pytest.param(
            outcome(success=False, by_itself=True, reason="Error", exit_code=3), False, "Error", id="had failed"
        ),
        pytest.param(LOST, False, "Replaced", id="was running"),
    ],
)
def test_a_job_that_a_newer_run_deleted_ended_as_its_pod_if_that(pod: Outcome, *, success: bool, reason: str) -> None:
    job = job_view(schedule=MANUALLY, concurrency="replace", retries=2)
    newer = seen(claim(after(60)))
    gone = [run(SLOT, gone=True), run(newer)]
    asked = look(job, active=(seen(SLOT), newer), runs=gone, now=after(70))
    assert (outcomes_read(asked), asked.status.executions) == ([SLOT.job], ())
    plan = look(job, active=(seen(SLOT), newer), runs=gone, now=after(70), outcomes={SLOT.job: pod})
    (record,) = plan.status.executions
    assert (record.success, record.reason, plan.status.active) == (success, reason, (newer,))


def test_a_run_that_failed_while_a_newer_one_replaced_it_is_not_tried_again() -> None:
    job = job_view(schedule=MANUALLY, concurrency="replace", retries=2)
    newer = seen(claim(after(60)))
    plan = look(
        job, active=(seen(SLOT), newer), runs=[run(SLOT, AttemptState.FAILED), run(newer)], now=after(70),
        outcomes={SLOT.job: outcome(success=False)},
    )  # fmt: skip
    assert plan.status.active == (newer,)


FIRST, SECOND = sorted((request_claim("a"), request_claim("b")), key=lambda entry: -entry.group)
"""Two runs that were asked for within one second. The number of the first is the higher one."""
ASKED_LATER = SECOND.model_copy(update={"started_at": after(1)})
FROM_BEFORE = request_claim("a", after(-30)).model_copy(update={"started_at": after(1)})
"""Asked for by a clock that is behind."""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(FIRST, ASKED_LATER, id="two requests of one second"),
        pytest.param(SLOT, FROM_BEFORE, id="a request that names a time before the slot"),
        pytest.param(FROM_BEFORE, claim(after(60)), id="a slot after a request"),
        pytest.param(
            claim(NOON, at=after(30)), claim(after(5), at=after(6)), id="slots, and a clock that was set back"
        ),
    ],
)
def test_whatever_was_triggered_later_takes_the_place_of_the_run_before(old: Active, new: Active) -> None:
    job = job_view(schedule=MANUALLY, concurrency="replace", retries=2)
    plan = look(job, active=(seen(old), new), runs=[run(old)], now=after(70))
    assert (created(plan).entry, [job.name for job in created(plan).replaces]) == (new, [old.job])
    plan = look(
        job, active=(seen(old), seen(new)), runs=[run(old, gone=True), run(new)], now=after(70),
        outcomes={old.job: LOST},
    )  # fmt: skip
    assert [(record.job, record.reason) for record in plan.status.executions] == [(old.job, "Replaced")]
    plan = look(
        job, active=(seen(old), seen(new)), runs=[run(old, AttemptState.FAILED), run(new)], now=after(70),
        outcomes={old.job: outcome(success=False)},
    )  # fmt: skip
    assert plan.status.active == (seen(new),), "it is not tried again"


def test_a_retry_that_waits_is_as_old_as_its_run() -> None:
    """As after an edit from allow to replace, while a run waits for its backoff beside the next one."""
    job = job_view(schedule=MANUALLY, concurrency="replace", retries=2)
    old = request_claim("a")
    newer = claim(after(60), at=after(60))
    waiting = old.model_copy(update={"job": "a-2", "attempt": 2, "started_at": after(80)})
    given = {"executions": (execution(old, success=False),)}
    failed = {newer.job: outcome(success=False, at=after(65))}
    plan = look(
        job, active=(waiting, seen(newer)), status=given, runs=[run(newer, AttemptState.FAILED)], outcomes=failed
    )
    assert [entry.attempt for entry in plan.status.active if entry.group == newer.group] == [2], "it is tried again"
    plan = look(job, active=(waiting, seen(newer)), status=given, runs=[run(newer)], now=after(90))
    assert (plan.create, plan.status.active) == (None, (seen(newer),))
    assert [report.reason for report in plan.of(Report)] == ["RetryCancelled"]


# --- Jobs that the API server refused ---------------------------------------------------------------------------


def test_a_refused_job_is_recorded_as_a_failed_attempt() -> None:
    refused = outcome(success=False, at=after(1), reason="JobRejected", message="forbidden")
    plan = look(active=(SLOT,), outcomes={SLOT.job: refused})
    (record,) = plan.status.executions
    assert (record.reason, record.message, record.exit_code) == ("JobRejected", "forbidden", None)
    assert (plan.status.active, plan.create) == ((), None)


def test_the_retry_of_a_refused_job_is_planned_at_once() -> None:
    refused = outcome(success=False, at=after(1), reason="JobRejected", message="forbidden")
    job = job_view(schedule=MANUALLY, retries=1)
    follows = claim(NOON, attempt=2, at=after(2))
    early = look(job, active=(SLOT,), outcomes={SLOT.job: refused}, now=after(1))
    assert (early.status.active, early.wake) == ((follows,), after(2))
    assert created(look(job, active=(SLOT,), outcomes={SLOT.job: refused}, now=after(2))).entry == follows


# --- claims and doubts ------------------------------------------------------------------------------------------


def test_a_claim_without_a_job_is_completed() -> None:
    job = job_view(schedule="@at 2026-03-01T12:00:00Z", concurrency="forbid")
    plan = look(job, active=(SLOT,), status={"last_schedule_time": NOON})
    assert created(plan).entry == SLOT
    assert not created(plan).late


def test_a_claim_of_replace_is_completed_by_replacing_what_is_older() -> None:
    job = job_view(schedule=MANUALLY, concurrency="replace")
    old, new = claim(after(-60)), claim(NOON)
    plan = look(job, active=(seen(old), new), runs=[run(old)])
    assert created(plan).entry == new
    assert [job.name for job in created(plan).replaces] == [old.job]


def test_a_claim_that_is_too_late_is_only_looked_for_and_then_given_up() -> None:
    job = job_view(schedule="@at 2026-03-01T12:00:00Z", concurrency="forbid", startingDeadlineSeconds=5)
    create = created(look(job, active=(SLOT,), status={"last_schedule_time": NOON}))
    assert create.late
    status = JobStatus(active=(SLOT,), last_schedule_time=NOON)
    given_up = fold_all(status, create.otherwise, job.spec.history)
    assert given_up.active == ()
    assert given_up.skipped is not None
    assert (given_up.skipped.count, given_up.skipped.last_reason) == (1, SkipReason.DEADLINE_EXCEEDED)


def test_an_attempt_of_unknown_fate_is_made_again_and_moves_the_mark_when_it_exists() -> None:
    slot = claim(after(2))
    plan = look(job_view(schedule="@at 2026-03-01T12:00:02Z"), unconfirmed_create=slot, fireable_since=after(5))
    assert created(plan).entry == slot
    assert created(plan).after == (Decided(slot.slot),)
    assert not created(plan).late


def test_an_attempt_of_unknown_fate_comes_before_any_other_slot() -> None:
    plan = look(job_view(), unconfirmed_create=claim(after(60)), now=after(300), fireable_since=after(250))
    assert created(plan).entry == claim(after(60))
    assert plan.status.last_schedule_time is None


def test_an_attempt_whose_fate_is_known_now_is_not_made_again() -> None:
    job = job_view(schedule="@at 2026-03-01T12:00:00Z")
    plan = look(job, unconfirmed_create=SLOT, runs=[run(SLOT)])
    assert plan.create is None
    assert plan.status.active == (seen(SLOT),)


@pytest.mark.parametrize(
    ("spec", "since", "refusal"),
    [
        pytest.param({"startingDeadlineSeconds": 5}, NOON, None, id="its deadline is over"),
        pytest.param({"disabled": True}, NOON, None, id="the job was disabled"),
        pytest.param({}, after(8), None, id="the schedule was edited"),
        pytest.param({}, NOON, BROKEN, id="the job was broken"),
    ],
)
def test_an_attempt_of_unknown_fate_is_only_looked_for_when(
    spec: dict[str, Any], since: datetime, refusal: Problem | None
) -> None:
    job = job_view(schedule="@at 2026-03-01T12:00:02Z", **spec)
    slot = claim(after(2))
    create = created(look(job, unconfirmed_create=slot, status={"since": since}, refusal=refusal))
    assert create.late
    given_up = fold_all(JobStatus(), create.otherwise, job.spec.history)
    assert given_up.last_schedule_time == after(2)
    assert given_up.skipped is not None
    assert given_up.skipped.count == 1


def test_a_manual_run_of_unknown_fate_does_not_move_the_mark() -> None:
    create = created(look(unconfirmed_create=request_claim()))
    assert (create.entry, create.after) == (request_claim(), ())


def test_only_one_job_is_created_by_a_plan() -> None:
    job = job_view(schedule=MANUALLY, retries=1)
    due = (claim(NOON, attempt=2, at=after(1)), claim(after(-60), attempt=2, at=after(2)))
    assert created(look(job, active=due)).entry == due[0]


# --- pods that do not start ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "seconds", "probed", "expected"),
    [
        pytest.param({}, 9, None, ([], after(10)), id="for ten seconds a pod may take its time"),
        pytest.param({}, 10, None, ([SLOT.job], None), id="then it is asked why it does not start"),
        pytest.param({}, 15, 10, ([], after(20)), id="and again ten seconds later"),
        pytest.param({"state": AttemptState.RUNNING}, 99, None, ([], None), id="one that runs is not asked"),
        pytest.param({"deleting": True}, 9, None, ([], after(10)), id="one that is deleted may take its time, too"),
        pytest.param(
            {"state": AttemptState.RUNNING, "deleting": True},
            10,
            None,
            ([SLOT.job], None),
            id="then it is asked why it does not go",
        ),
        pytest.param({"deleting": True, "gone": True}, 99, None, ([], None), id="one that is gone is not asked"),
    ],
)
def test_a_pod_that_waits(
    fields: dict[str, Any], seconds: float, probed: float | None, expected: tuple[list[str], datetime | None]
) -> None:
    job = run(SLOT, **{"state": AttemptState.WAITING, **fields})
    asked = {} if probed is None else {SLOT.job: after(probed)}
    plan = look(active=(seen(SLOT),), runs=[job], now=after(seconds), probed=asked)
    assert (troubles_read(plan), plan.wake) == expected


def test_a_deleted_dkron_job_is_left_to_the_garbage_collector() -> None:
    plan = look(job_view(deleting=True), now=NOON + timedelta(hours=1), runs=[run(SLOT, AttemptState.FAILED)])
    assert (plan.changes, plan.create, outcomes_read(plan), plan.wake) == ([], None, [], None)
