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
def test_the_job_of_an_attempt_that_stands_in_status_is_stopped(target: str) -> None:
    plan = look(stops={target: AT}, active=(RUNNING,), runs=(run(),))
    assert [job.name for job in jobs_stopped(plan)] == [SLOT.job]
    assert (plan.wants(WriteStatus), answers_removed(plan), plan.status.active) == (False, [], (RUNNING,))


@pytest.mark.parametrize("spec", [{"disabled": True}, {"command": ""}], ids=["disabled", "broken"])
def test_so_is_that_of_a_job_which_is(spec: dict[str, Any]) -> None:
    assert jobs_stopped(look(active=(RUNNING,), runs=(run(),), **spec))


@pytest.mark.parametrize(
    "written", [JobStatus(), JobStatus(active=(SLOT,))], ids=["not at all", "as a claim, without its Job"]
)
def test_an_attempt_that_is_not_written_yet_is_written_before_its_job_is_deleted(written: JobStatus) -> None:
    plan = look(active=(RUNNING,), runs=(run(),), persisted=written)
    assert (plan.wants(WriteStatus), jobs_stopped(plan), answers_removed(plan)) == (True, [], [])


def test_other_attempts_go_on() -> None:
    other = claim(after(-60))
    plan = look(active=(RUNNING, seen(other)), runs=(run(), run(other)))
    assert [job.name for job in jobs_stopped(plan)] == [SLOT.job]


def test_a_job_that_takes_its_grace_period_is_still_active_and_is_not_deleted_again() -> None:
    plan = look(active=(RUNNING,), runs=(run(deleting=True),), words={SLOT.job: outcome()})
    assert (plan.status.active, jobs_stopped(plan), outcomes_read(plan), answers_removed(plan)) == (
        (RUNNING,),
        [],
        [],
        [],
    )


def test_even_if_the_job_controller_says_that_it_failed() -> None:
    plan = look(active=(RUNNING,), runs=(run(state=AttemptState.FAILED, deleting=True),), words={SLOT.job: outcome()})
    assert (plan.status.active, plan.status.executions, outcomes_read(plan)) == ((RUNNING,), (), [])


def test_after_a_crash_its_output_is_asked_for_while_it_is_there() -> None:
    plan = look(active=(RUNNING,), runs=(run(deleting=True),))
    assert [job.name for job in jobs_stopped(plan)] == [SLOT.job]


@pytest.mark.parametrize("retries", [0, 3])
def test_when_its_job_is_gone_it_is_recorded_as_stopped_without_a_retry(retries: int) -> None:
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


def test_without_the_wish_a_job_that_is_deleted_is_lost_although_its_pod_was_heard() -> None:
    gone = run(deleting=True, deleted_at=after(7), gone=True)
    plan = look(stops={}, active=(RUNNING,), runs=(gone,), words={SLOT.job: outcome(success=False)}, retries=2)
    assert ([record.reason for record in plan.status.executions], plan.status.active) == (["JobLost"], ())


def test_a_job_that_went_unseen_was_stopped_if_a_stop_was_requested() -> None:
    lost = Outcome(success=False, finished_at=after(8), lost=True)
    plan = look(active=(RUNNING,), outcomes={SLOT.job: lost})
    (record,) = plan.status.executions
    assert (record.reason, record.message, record.output) == ("Stopped", ASKED, "")


def test_when_the_record_is_written_people_are_told_and_the_wish_goes() -> None:
    record = execution(success=False, reason="Stopped", message=ASKED)
    plan = look(status={"executions": (record,)})
    assert answers_removed(plan) == [KEY]
    assert told(plan) == [("ExecutionStopped", f"attempt 1 was stopped: {ASKED}")]


# --- what has ended by itself ------------------------------------------------------------------------------------


@pytest.mark.parametrize("retries", [0, 3])
def test_an_attempt_that_failed_before_it_could_be_stopped_says_so_and_has_no_retry(retries: int) -> None:
    failed = outcome(success=False, at=after(8), reason="Error", exit_code=3)
    over = run(state=AttemptState.FAILED)
    plan = look(active=(RUNNING,), runs=(over,), outcomes={SLOT.job: failed}, retries=retries, persisted=JobStatus())
    (record,) = plan.status.executions
    assert (record.reason, record.exit_code, plan.status.active, jobs_stopped(plan)) == ("Error", 3, (), [])


def test_an_attempt_that_succeeded_before_it_could_be_stopped_is_a_success() -> None:
    done = outcome(at=after(8))
    plan = look(active=(RUNNING,), runs=(run(state=AttemptState.SUCCEEDED),), outcomes={SLOT.job: done})
    assert [record.success for record in plan.status.executions] == [True]
    assert jobs_stopped(plan) == []


SUCCEEDED = outcome(at=after(4), exit_code=0, by_itself=True)
FAILED = outcome(success=False, at=after(4), reason="Error", exit_code=3, by_itself=True)
"""What pods told that were over before anybody deleted them."""


def test_an_attempt_whose_pod_is_over_is_not_stopped_and_waits_for_its_job_to_say_so() -> None:
    plan = look(active=(RUNNING,), runs=(run(),), words={SLOT.job: SUCCEEDED})
    assert (jobs_stopped(plan), plan.wants(WriteStatus), answers_removed(plan), plan.status.active) == (
        [],
        False,
        [],
        (RUNNING,),
    )


@pytest.mark.parametrize("words", [SUCCEEDED, FAILED], ids=["succeeded", "failed"])
@pytest.mark.parametrize("retries", [0, 3])
def test_an_attempt_that_was_over_before_its_job_was_deleted_keeps_its_outcome(words: Outcome, retries: int) -> None:
    gone = run(deleting=True, deleted_at=after(7), gone=True)
    plan = look(active=(RUNNING,), runs=(gone,), words={SLOT.job: words}, retries=retries, persisted=JobStatus())
    (record,) = plan.status.executions
    assert (record.success, record.reason, record.exit_code) == (words.success, words.reason, words.exit_code)
    assert (plan.status.active, plan.wants(WriteStatus)) == ((), True), "and nothing is tried again"


@pytest.mark.parametrize("gone", [False, True])
@pytest.mark.parametrize("state", [AttemptState.SUCCEEDED, AttemptState.FAILED])
def test_a_job_that_ended_before_its_deletion_has_that_outcome(state: AttemptState, *, gone: bool) -> None:
    over = run(state=state, finished_at=after(5), deleting=True, deleted_at=after(6), gone=gone)
    assert outcomes_read(look(active=(RUNNING,), runs=(over,))) == [SLOT.job]
    ended = outcome(success=state is AttemptState.SUCCEEDED, at=after(5))
    plan = look(active=(RUNNING,), runs=(over,), outcomes={SLOT.job: ended}, retries=2)
    assert [record.success for record in plan.status.executions] == [ended.success]
    assert plan.status.active == ()


@pytest.mark.parametrize("state", [AttemptState.SUCCEEDED, AttemptState.FAILED])
def test_what_its_controller_says_after_the_deletion_does_not_count(state: AttemptState) -> None:
    over = run(state=state, finished_at=after(6), deleting=True, deleted_at=after(6))
    plan = look(active=(RUNNING,), runs=(over,), words={SLOT.job: outcome(success=False)})
    assert (plan.status.active, outcomes_read(plan)) == ((RUNNING,), [])


LATER = claim(attempt=2, at=after(30))


@pytest.mark.parametrize(
    ("status", "says"),
    [
        pytest.param({}, "there is no such execution (any more)", id="it never was"),
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
def test_a_wish_without_a_time_that_can_be_read_is_refused(text: str) -> None:
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
def test_of_a_record_that_was_trimmed_at_once_the_job_tells(runs: tuple[AttemptJob, ...], *, refused: bool) -> None:
    plan = look(status={"counted": (SLOT.job,)}, runs=runs)
    assert answers_removed(plan) == [KEY]
    assert [reason for reason, _ in told(plan)] == (["StopRefused"] if refused else [])
    assert SLOT.job in plan.status.counted


def test_an_attempt_whose_creation_got_no_answer_may_still_turn_up() -> None:
    job = job_view(schedule="@manually", stops={SLOT.job: AT})
    status = JobStatus(since=NOON, fingerprint=job.fingerprint)
    assert answers_removed(advance(situation(job, status, unconfirmed_create=SLOT, now=after(9)))) == []


# --- claims ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "entry", [claim(attempt=2, at=after(60)), claim(attempt=2, at=after(1)), SLOT], ids=["to come", "due", "the first"]
)
def test_a_claim_is_looked_for_and_recorded_as_stopped_if_it_never_began(entry: Active) -> None:
    plan = look(stops={entry.job: f"{AT} by ada"}, active=(entry,), retries=5, concurrency="forbid")
    assert plan.create is not None
    assert (plan.create.late, plan.create.entry, answers_removed(plan)) == (True, entry, [])
    given_up = fold_all(plan.status, plan.create.otherwise, plan.situation.job.spec.history)
    (record,) = given_up.executions
    assert (record.id, record.success, record.reason, record.message) == (entry.id, False, "Stopped", ASKED)
    assert record.started_at == min(entry.started_at, after(9))
    assert record.finished_at == after(9)
    assert given_up.active == ()
