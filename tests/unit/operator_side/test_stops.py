"""Executions that users want stopped."""

from typing import Any

import pytest

from dkron_crds.job import Active, JobStatus
from dkron_operator.plan.actions import Report, WriteStatus
from dkron_operator.plan.advance import advance
from dkron_operator.plan.fold import fold_all
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.view import AttemptJob, AttemptState, Outcome
from tests.support.builders import NOON, after, claim, execution, job_view, outcome, run, seen, situation
from tests.support.plans import answers_removed, jobs_stopped, outcomes_read

AT = "2026-03-01T12:00:05Z"
ASKED = "asked for at 2026-03-01T12:00:05Z by ada"
SLOT = claim()
RUNNING = seen(SLOT)
KEY = f"stop.dkron.io/{SLOT.job}"


def look(
    *,
    stops: dict[str, str] | None = None,
    active: tuple[Active, ...] = (),
    status: dict[str, Any] | None = None,
    persisted: JobStatus | None = None,
    runs: tuple[AttemptJob, ...] = (),
    outcomes: dict[str, Outcome] | None = None,
    words: dict[str, Outcome] | None = None,
    **spec: Any,
) -> Plan:
    wishes = {SLOT.job: f"{AT} by ada"} if stops is None else stops
    job = job_view(schedule="@manually", stops=wishes, **spec)
    given = JobStatus(**{"since": NOON, "fingerprint": job.fingerprint, "active": active, **(status or {})})
    return advance(
        situation(
            job, given, persisted=given if persisted is None else persisted, runs=list(runs), outcomes=outcomes or {},
            final_output=words or {}, now=after(9),
        )
    )  # fmt: skip


def told(plan: Plan) -> list[tuple[str, str]]:
    return [(report.reason, report.message) for report in plan.of(Report) if report.reason != "Scheduled"]


# --- what runs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", [SLOT.job, SLOT.id], ids=["by its Job", "by its id"])
def test_job_of_an_active_attempt_is_stopped(target: str) -> None:
    plan = look(stops={target: AT}, active=(RUNNING,), runs=(run(),))
    assert [job.name for job in jobs_stopped(plan)] == [SLOT.job]
    assert (plan.wants(WriteStatus), answers_removed(plan), plan.status.active) == (False, [], (RUNNING,))


@pytest.mark.parametrize("spec", [{"disabled": True}, {"command": ""}], ids=["disabled", "broken"])
def test_job_is_stopped_even_if_it_is(spec: dict[str, Any]) -> None:
    assert jobs_stopped(look(active=(RUNNING,), runs=(run(),), **spec))


@pytest.mark.parametrize(
    "written", [JobStatus(), JobStatus(active=(SLOT,))], ids=["not at all", "as a claim, without its Job"]
)
def test_unwritten_attempt_is_written_before_its_job_is_deleted(written: JobStatus) -> None:
    plan = look(active=(RUNNING,), runs=(run(),), persisted=written)
    assert (plan.wants(WriteStatus), jobs_stopped(plan), answers_removed(plan)) == (True, [], [])


def test_other_attempts_go_on() -> None:
    other = claim(after(-60))
    plan = look(active=(RUNNING, seen(other)), runs=(run(), run(other)))
    assert [job.name for job in jobs_stopped(plan)] == [SLOT.job]


def test_job_in_its_grace_period_is_active_and_not_deleted_again() -> None:
    plan = look(active=(RUNNING,), runs=(run(deleting=True),), words={SLOT.job: outcome()})
    assert (plan.status.active, jobs_stopped(plan), outcomes_read(plan), answers_removed(plan)) == (
        (RUNNING,),
        [],
        [],
        [],
    )


def test_job_in_its_grace_period_is_active_even_if_it_failed() -> None:
    plan = look(active=(RUNNING,), runs=(run(state=AttemptState.FAILED, deleting=True),), words={SLOT.job: outcome()})
    assert (plan.status.active, plan.status.executions, outcomes_read(plan)) == ((RUNNING,), (), [])


def test_deleting_job_is_stopped_again_after_a_crash() -> None:
    plan = look(active=(RUNNING,), runs=(run(deleting=True),))
    assert [job.name for job in jobs_stopped(plan)] == [SLOT.job]


@pytest.mark.parametrize("retries", [0, 3])
def test_deleted_job_is_recorded_as_stopped_without_a_retry(retries: int) -> None:
    words = outcome(
        success=False, at=after(8), started_at=after(1), exit_code=143, node_name="n1", output="bye", reason="Error"
    )
    gone = run(deleting=True, deleted_at=after(7), gone=True)
    plan = look(active=(RUNNING,), runs=(gone,), words={SLOT.job: words}, retries=retries, persisted=JobStatus())
    expected = execution(
        RUNNING, success=False, started_at=after(1), finished_at=after(8), exit_code=143, node_name="n1", output="bye",
        reason="Stopped", message=ASKED,
    )  # fmt: skip
    assert plan.status.executions == (expected,)
    assert (plan.status.active, plan.status.error_count, plan.status.status) == ((), 1, "failed")
    assert (plan.wants(WriteStatus), answers_removed(plan)) == (True, []), "the wish stays until the record is written"


def test_job_deleted_without_a_stop_request_is_lost() -> None:
    gone = run(deleting=True, deleted_at=after(7), gone=True)
    plan = look(stops={}, active=(RUNNING,), runs=(gone,), words={SLOT.job: outcome(success=False)}, retries=2)
    assert ([record.reason for record in plan.status.executions], plan.status.active) == (["JobLost"], ())


def test_unseen_job_was_stopped_if_requested() -> None:
    lost = Outcome(success=False, finished_at=after(8), lost=True)
    plan = look(active=(RUNNING,), outcomes={SLOT.job: lost})
    (record,) = plan.status.executions
    assert (record.reason, record.message, record.output) == ("Stopped", ASKED, "")


def test_written_record_sends_the_event_and_ends_the_request() -> None:
    record = execution(success=False, reason="Stopped", message=ASKED)
    plan = look(status={"executions": (record,)})
    assert answers_removed(plan) == [KEY]
    assert told(plan) == [("ExecutionStopped", f"attempt 1 was stopped: {ASKED}")]


# --- what has ended by itself ------------------------------------------------------------------------------------


@pytest.mark.parametrize("retries", [0, 3])
def test_attempt_that_failed_before_its_stop_has_no_retry(retries: int) -> None:
    failed = outcome(success=False, at=after(8), reason="Error", exit_code=3)
    over = run(state=AttemptState.FAILED)
    plan = look(active=(RUNNING,), runs=(over,), outcomes={SLOT.job: failed}, retries=retries, persisted=JobStatus())
    (record,) = plan.status.executions
    assert (record.reason, record.exit_code, plan.status.active, jobs_stopped(plan)) == ("Error", 3, (), [])


def test_attempt_that_succeeded_before_its_stop_is_a_success() -> None:
    done = outcome(at=after(8))
    plan = look(active=(RUNNING,), runs=(run(state=AttemptState.SUCCEEDED),), outcomes={SLOT.job: done})
    assert [record.success for record in plan.status.executions] == [True]
    assert jobs_stopped(plan) == []


SUCCEEDED = outcome(at=after(4), exit_code=0, by_itself=True)
FAILED = outcome(success=False, at=after(4), reason="Error", exit_code=3, by_itself=True)
"""What pods told that were over before anybody deleted them."""


def test_attempt_with_an_ended_pod_waits_for_its_job() -> None:
    plan = look(active=(RUNNING,), runs=(run(),), words={SLOT.job: SUCCEEDED})
    assert (jobs_stopped(plan), plan.wants(WriteStatus), answers_removed(plan), plan.status.active) == (
        [],
        False,
        [],
        (RUNNING,),
    )


@pytest.mark.parametrize("words", [SUCCEEDED, FAILED], ids=["succeeded", "failed"])
@pytest.mark.parametrize("retries", [0, 3])
def test_attempt_over_before_its_deletion_keeps_its_outcome(words: Outcome, retries: int) -> None:
    gone = run(deleting=True, deleted_at=after(7), gone=True)
    plan = look(active=(RUNNING,), runs=(gone,), words={SLOT.job: words}, retries=retries, persisted=JobStatus())
    (record,) = plan.status.executions
    assert (record.success, record.reason, record.exit_code) == (words.success, words.reason, words.exit_code)
    assert (plan.status.active, plan.wants(WriteStatus)) == ((), True), "and nothing is tried again"


@pytest.mark.parametrize("gone", [False, True])
@pytest.mark.parametrize("state", [AttemptState.SUCCEEDED, AttemptState.FAILED])
def test_job_that_ended_before_its_deletion_has_that_outcome(state: AttemptState, *, gone: bool) -> None:
    over = run(state=state, finished_at=after(5), deleting=True, deleted_at=after(6), gone=gone)
    assert outcomes_read(look(active=(RUNNING,), runs=(over,))) == [SLOT.job]
    ended = outcome(success=state is AttemptState.SUCCEEDED, at=after(5))
    plan = look(active=(RUNNING,), runs=(over,), outcomes={SLOT.job: ended}, retries=2)
    assert [record.success for record in plan.status.executions] == [ended.success]
    assert plan.status.active == ()


@pytest.mark.parametrize("state", [AttemptState.SUCCEEDED, AttemptState.FAILED])
def test_job_controller_verdict_after_the_deletion_is_ignored(state: AttemptState) -> None:
    over = run(state=state, finished_at=after(6), deleting=True, deleted_at=after(6))
    plan = look(active=(RUNNING,), runs=(over,), words={SLOT.job: outcome(success=False)})
    assert (plan.status.active, outcomes_read(plan)) == ((RUNNING,), [])


LATER = claim(attempt=2, at=after(30))


@pytest.mark.parametrize(
    ("status", "says"),
    [
        pytest.param({}, "there is no such execution, or it is gone", id="it never was"),
        pytest.param(
            {"executions": (execution(),)}, "the execution had already ended at 2026-03-01T12:00:05Z", id="it has ended"
        ),
        pytest.param(
            {"executions": (execution(success=False),), "active": (LATER,)},
            f"the execution had already ended at 2026-03-01T12:00:05Z; attempt 2 is {LATER.job}",
            id="it has ended, and the next attempt waits",
        ),
        pytest.param(
            {"executions": (execution(success=False, reason="Stopped", message="asked for by somebody else"),)},
            "the execution had already ended at 2026-03-01T12:00:05Z",
            id="it was stopped before",
        ),
    ],
)
def test_a_stop_is_refused_when(status: dict[str, Any], says: str) -> None:
    plan = look(status=status)
    assert answers_removed(plan) == [KEY]
    assert told(plan) == [("StopRefused", f"{KEY}: {says}")]
    assert (jobs_stopped(plan), plan.create) == ([], None)


@pytest.mark.parametrize("text", ["now", "", "2026-03-01T12:00:00"])
def test_stop_request_without_a_readable_time_is_refused(text: str) -> None:
    plan = look(stops={SLOT.job: text}, active=(RUNNING,), runs=(run(),))
    assert (jobs_stopped(plan), answers_removed(plan)) == ([], [KEY])
    assert f'"{text}" does not begin with an RFC 3339 time' in told(plan)[0][1]


@pytest.mark.parametrize(
    ("runs", "refused"),
    [
        pytest.param((), False, id="its Job is gone: it was stopped"),
        pytest.param((run(deleting=True),), False, id="its Job is going"),
        pytest.param((run(state=AttemptState.SUCCEEDED),), True, id="its Job is there: it ended by itself"),
    ],
)
def test_trimmed_stop_is_reported_from_the_job(runs: tuple[AttemptJob, ...], *, refused: bool) -> None:
    plan = look(status={"counted": (SLOT.job,)}, runs=runs)
    assert answers_removed(plan) == [KEY]
    assert [reason for reason, _ in told(plan)] == (["StopRefused"] if refused else [])
    assert SLOT.job in plan.status.counted


def test_unanswered_create_is_still_awaited_by_a_stop() -> None:
    job = job_view(schedule="@manually", stops={SLOT.job: AT})
    status = JobStatus(since=NOON, fingerprint=job.fingerprint)
    assert answers_removed(advance(situation(job, status, unconfirmed_create=SLOT, now=after(9)))) == []


# --- claims ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "entry", [claim(attempt=2, at=after(60)), claim(attempt=2, at=after(1)), SLOT], ids=["to come", "due", "the first"]
)
def test_stopped_claim_is_looked_up_and_recorded(entry: Active) -> None:
    plan = look(stops={entry.job: f"{AT} by ada"}, active=(entry,), retries=5, concurrency="forbid")
    assert plan.create is not None
    assert (plan.create.late, plan.create.entry, answers_removed(plan)) == (True, entry, [])
    given_up = fold_all(plan.status, plan.create.otherwise, plan.situation.job.spec.history)
    (record,) = given_up.executions
    assert (record.id, record.success, record.reason, record.message) == (entry.id, False, "Stopped", ASKED)
    assert record.started_at == min(entry.started_at, after(9))
    assert record.finished_at == after(9)
    assert given_up.active == ()
