"""Executions that users want stopped."""

from typing import Any

import pytest

from dkron_crds.job import Attempt, AttemptState, JobStatus
from dkron_operator.plan.actions import Report, WriteStatus
from dkron_operator.plan.advance import advance
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.situation.view import AttemptJob, Outcome
from tests.support.builders import NOON, after, claim, execution, job_view, outcome, run, seen, situation
from tests.support.folding import fold_all
from tests.support.plans import answers_removed, jobs_stopped, outcomes_read

AT = "2026-03-01T12:00:05Z"
ASKED = "asked for at 2026-03-01T12:00:05Z by ada"
SLOT = claim()
RUNNING = seen(SLOT)
KEY = f"stop.dkron.io/{SLOT.job}"


def look(
    *,
    stops: dict[str, str] | None = None,
    active: tuple[Attempt, ...] = (),
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
    return [(report.reason, report.message) for report in plan.actions_of(Report) if report.reason != "Scheduled"]


# --- what runs ---------------------------------------------------------------------------------------------------


OTHER = seen(claim(after(-60)))


@pytest.mark.parametrize(
    ("target", "others", "spec"),
    [
        pytest.param(SLOT.job, (), {}, id="by its Job"),
        pytest.param(SLOT.id, (), {}, id="by its id"),
        pytest.param(SLOT.job, (OTHER,), {}, id="beside another attempt, which goes on"),
        pytest.param(SLOT.job, (), {"disabled": True}, id="of a disabled job"),
        pytest.param(SLOT.job, (), {"command": ""}, id="of a broken job"),
    ],
)
def test_job_of_an_active_attempt_is_stopped(target: str, others: tuple[Attempt, ...], spec: dict[str, Any]) -> None:
    active = (RUNNING, *others)
    plan = look(stops={target: AT}, active=active, runs=tuple(map(run, active)), **spec)
    assert [job.name for job in jobs_stopped(plan)] == [SLOT.job]
    assert (plan.wants(WriteStatus), answers_removed(plan), plan.status.active) == (False, [], active)


@pytest.mark.parametrize(
    "written", [JobStatus(), JobStatus(active=(SLOT,))], ids=["not at all", "as a claim, without its Job"]
)
def test_unwritten_attempt_is_written_before_its_job_is_deleted(written: JobStatus) -> None:
    plan = look(active=(RUNNING,), runs=(run(),), persisted=written)
    assert (plan.wants(WriteStatus), jobs_stopped(plan), answers_removed(plan)) == (True, [], [])


SUCCEEDED = outcome(at=after(4), exit_code=0, by_itself=True)
FAILED = outcome(success=False, at=after(4), reason="Error", exit_code=3, by_itself=True)
"""The final words of pods that were over before they were deleted."""
ENDED_LATE: dict[str, Any] = {"deleting": True, "deleted_at": after(6), "finished_at": after(6)}


@pytest.mark.parametrize(
    ("job", "words"),
    [
        pytest.param(run(deleting=True), outcome(), id="in its grace period"),
        pytest.param(run(state=AttemptState.FAILED, deleting=True), outcome(), id="failed in its grace period"),
        pytest.param(run(), SUCCEEDED, id="whose pod has ended"),
        pytest.param(run(state=AttemptState.SUCCEEDED, **ENDED_LATE), outcome(success=False), id="succeeded too late"),
        pytest.param(run(state=AttemptState.FAILED, **ENDED_LATE), outcome(success=False), id="failed too late"),
    ],
)
def test_stop_waits_for_a_job(job: AttemptJob, words: Outcome) -> None:
    plan = look(active=(RUNNING,), runs=(job,), words={SLOT.job: words})
    assert (plan.status.active, plan.status.executions, plan.wants(WriteStatus)) == ((RUNNING,), (), False)
    assert (jobs_stopped(plan), outcomes_read(plan), answers_removed(plan)) == ([], [], [])


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


@pytest.mark.parametrize(("state", "early"), [(AttemptState.FAILED, ""), (AttemptState.CANCELLED, " before it began")])
def test_written_record_sends_the_event_and_ends_the_request(state: AttemptState, early: str) -> None:
    record = execution(state=state, reason="Stopped", message=ASKED)
    plan = look(status={"executions": (record,)})
    assert answers_removed(plan) == [KEY]
    assert told(plan) == [("ExecutionStopped", f"attempt 1 was stopped{early}: {ASKED}")]


# --- what has ended by itself ------------------------------------------------------------------------------------


DELETED_LATER = {"deleting": True, "deleted_at": after(6)}


@pytest.mark.parametrize("fields", [{}, DELETED_LATER, DELETED_LATER | {"gone": True}], ids=["exists", "goes", "gone"])
@pytest.mark.parametrize("success", [True, False])
def test_attempt_that_ended_before_its_stop_keeps_its_outcome(fields: dict[str, Any], *, success: bool) -> None:
    over = run(state=AttemptState.SUCCEEDED if success else AttemptState.FAILED, finished_at=after(5), **fields)
    assert outcomes_read(look(active=(RUNNING,), runs=(over,))) == [SLOT.job]
    ended = outcome(success=success, at=after(5), exit_code=3)
    plan = look(active=(RUNNING,), runs=(over,), outcomes={SLOT.job: ended}, retries=2, persisted=JobStatus())
    (record,) = plan.status.executions
    assert (record.success, record.exit_code, plan.status.active, jobs_stopped(plan)) == (success, 3, (), [])


@pytest.mark.parametrize("words", [SUCCEEDED, FAILED], ids=["succeeded", "failed"])
@pytest.mark.parametrize("retries", [0, 3])
def test_attempt_over_before_its_deletion_keeps_its_outcome(words: Outcome, retries: int) -> None:
    gone = run(deleting=True, deleted_at=after(7), gone=True)
    plan = look(active=(RUNNING,), runs=(gone,), words={SLOT.job: words}, retries=retries, persisted=JobStatus())
    (record,) = plan.status.executions
    assert (record.success, record.reason, record.exit_code) == (words.success, words.reason, words.exit_code)
    assert (plan.status.active, plan.wants(WriteStatus)) == ((), True), "and nothing is tried again"


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
            {"executions": (execution(success=False, reason="Stopped", message="asked for by another user"),)},
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
def test_stopped_claim_is_looked_up_and_recorded(entry: Attempt) -> None:
    plan = look(stops={entry.job: f"{AT} by ada"}, active=(entry,), retries=5, concurrency="forbid")
    assert plan.create is not None
    assert (plan.create.late, plan.create.entry, answers_removed(plan)) == (True, entry, [])
    given_up = fold_all(plan.status, plan.create.otherwise, plan.situation.job.spec.history)
    (record,) = given_up.executions
    assert (record.id, record.success, record.reason, record.message) == (entry.id, False, "Stopped", ASKED)
    assert record.started_at == min(entry.started_at, after(9))
    assert record.finished_at == after(9)
    assert given_up.active == ()
