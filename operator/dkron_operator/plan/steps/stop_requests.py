"""Executions that a user wants stopped.

The operator deletes the Job once the status lists the attempt, records the attempt when its pod is over, and removes
the annotation once the record is written. Until then the annotation holds the request, so a crash at any moment changes
nothing.

An outcome that exists stands: an attempt whose pod is over is no longer stopped, even if its Job does not say so yet.
"""

from dataclasses import replace

from dkron_crds.base import rfc3339
from dkron_crds.conditions import MAX_MESSAGE
from dkron_crds.job import Attempt, AttemptState
from dkron_crds.stops import STOPPED, Stop
from dkron_operator.plan.actions import RemoveAnnotation, StopJob, WriteStatus
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.situation.view import JobView, Outcome
from dkron_operator.plan.status.fold import is_recorded


def stop_of(job: JobView, entry: Attempt) -> Stop | None:
    """The request to stop this attempt, if there is a valid one."""
    wishes = (stop for stop in job.stops if stop.at is not None)
    return next((stop for stop in wishes if stop.means(job=entry.job, execution=entry.id)), None)


def stopped(plan: Plan, entry: Attempt, stop: Stop) -> Outcome:
    """How a stopped attempt ended, with its pod's last output; its own end if the pod was over before the stop."""
    now = plan.situation.now
    words = plan.situation.final_output.get(entry.job, Outcome(success=False, finished_at=now))
    if words.by_itself:
        return words
    ended = now if words.exit_code is None else words.finished_at
    return replace(words, success=False, finished_at=ended, reason=STOPPED, message=_message(stop), lost=True)


def plan_stops(plan: Plan) -> None:
    """Stop the running attempts, and answer every request that has been fulfilled or cannot be."""
    for stop in plan.situation.job.stops:
        _plan_stop(plan, stop)


def _plan_stop(plan: Plan, stop: Stop) -> None:
    if stop.at is None:
        _refuse(plan, stop, f'"{stop.text}" does not begin with an RFC 3339 time with a zone in the years 1970 to 2261')
        return
    unconfirmed_create = plan.situation.unconfirmed_create
    entry = next((e for e in plan.status.active if stop.means(job=e.job, execution=e.id)), None)
    if entry is not None:
        _stop(plan, entry)
    elif unconfirmed_create is None or not stop.means(job=unconfirmed_create.job, execution=unconfirmed_create.id):
        _answer(plan, stop)


def _stop(plan: Plan, entry: Attempt) -> None:
    """Request the deletion of its Job. Claims without a Job and attempts that are over are handled in `attempts`."""
    attempt = plan.situation.attempts.get(entry.job)
    if attempt is None or attempt.gone or (attempt.finished and not attempt.deleting):
        return
    if not any(e.job == entry.job and not e.is_claim for e in plan.situation.persisted.active):
        # With its Job gone, nothing else would tell the next process that this attempt was made.
        plan.do(WriteStatus())
        return
    words = plan.situation.final_output.get(entry.job)
    if words is None or not (attempt.deleting or words.by_itself):
        plan.do(StopJob(attempt))


def _answer(plan: Plan, stop: Stop) -> None:
    status, persisted = plan.status, plan.situation.persisted
    record = next((e for e in status.executions if stop.means(job=e.job, execution=e.id)), None)
    counted = (name for name in status.counted if name in stop.jobs)
    name = record.job if record is not None else next(counted, None)
    if name is None:
        _refuse(plan, stop, "there is no such execution, or it is gone")
    elif not is_recorded(persisted, name):
        plan.do(WriteStatus())
    elif record is None:
        _answer_trimmed(plan, stop, name)
    elif (record.reason, record.message) == (STOPPED, _message(stop)):
        early = " before it began" if record.state is AttemptState.CANCELLED else ""
        plan.report("ExecutionStopped", f"attempt {record.attempt} was stopped{early}: {record.message}", record.job)
        plan.do(RemoveAnnotation(stop.key))
    else:
        _refuse(plan, stop, f"the execution had already ended at {rfc3339(record.ended_at)}{_after(plan, record)}")


def _answer_trimmed(plan: Plan, stop: Stop, name: str) -> None:
    """The record is too old to have been kept: whether its Job still exists tells how it ended."""
    attempt = plan.situation.attempts.get(name)
    if attempt is None or attempt.gone or attempt.deleting:
        plan.do(RemoveAnnotation(stop.key))
    else:
        _refuse(plan, stop, "the execution has already ended")


def _after(plan: Plan, record: Attempt) -> str:
    """What to stop instead, if a further attempt has been claimed."""
    later = next((e for e in plan.status.active if e.group == record.group and e.attempt > record.attempt), None)
    return "" if later is None else f"; attempt {later.attempt} is {later.job}"


def _refuse(plan: Plan, stop: Stop, why: str) -> None:
    plan.warn("StopRefused", f"{stop.key}: {why}")
    plan.do(RemoveAnnotation(stop.key))


def _message(stop: Stop) -> str:
    at = "" if stop.at is None else f" at {rfc3339(stop.at)}"
    return f"asked for{at}{f' by {stop.by}' if stop.by else ''}"[:MAX_MESSAGE]
