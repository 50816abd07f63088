"""Executions that somebody wants stopped: the Job is deleted once the attempt stands in status, the attempt is recorded
when its pod is over, and the annotation goes when the record is written. Until then it is what remembers the wish, so a
crash at any moment changes nothing.

An outcome that exists is the outcome: an attempt whose pod is over is not stopped any more, though its Job has yet to
say so.
"""

from dataclasses import replace

from dkron_crds.base import rfc3339
from dkron_crds.conditions import MAX_MESSAGE
from dkron_crds.job import Active, Execution
from dkron_crds.stops import Stop
from dkron_operator.plan.actions import RemoveAnnotation, StopJob, WriteStatus
from dkron_operator.plan.fold import is_recorded
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.view import JobView, Outcome

STOPPED = "Stopped"
"""The reason of an execution that was stopped."""


def stop_of(job: JobView, entry: Active) -> Stop | None:
    """The wish to stop this attempt, if there is one that can be read."""
    wishes = (stop for stop in job.stops if stop.at is not None)
    return next((stop for stop in wishes if stop.means(job=entry.job, execution=entry.id)), None)


def stopped(plan: Plan, entry: Active, stop: Stop) -> Outcome:
    """How an attempt ended that was stopped, with what its pod told before it went; if that was over before, how it
    ended by itself."""
    now = plan.situation.now
    words = plan.situation.last_words.get(entry.job, Outcome(success=False, finished_at=now))
    if words.by_itself:
        return words
    ended = now if words.exit_code is None else words.finished_at
    return replace(words, success=False, finished_at=ended, reason=STOPPED, message=_message(stop), lost=True)


def plan_stops(plan: Plan) -> None:
    """Stop what runs, and answer every wish that has been fulfilled or cannot be."""
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


def _stop(plan: Plan, entry: Active) -> None:
    """Have its Job deleted; a claim without one is dealt with where claims are, and what is over is recorded there."""
    run = plan.situation.runs.get(entry.job)
    if run is None or run.gone or (run.finished and not run.deleting):
        return
    if not any(e.job == entry.job and e.uid for e in plan.situation.persisted.active):
        # With its Job gone, nothing else would tell the next process that this attempt was made.
        plan.do(WriteStatus())
        return
    words = plan.situation.last_words.get(entry.job)
    if words is None or not (run.deleting or words.by_itself):
        plan.do(StopJob(run))


def _answer(plan: Plan, stop: Stop) -> None:
    status, persisted = plan.status, plan.situation.persisted
    record = next((e for e in status.executions if stop.means(job=e.job, execution=e.id)), None)
    name = record.job if record is not None else _counted(plan, stop)
    if name is None:
        _refuse(plan, stop, "there is no such execution (any more)")
    elif not is_recorded(persisted, name):
        plan.do(WriteStatus())
    elif record is None:
        _answer_trimmed(plan, stop, name)
    elif (record.reason, record.message) == (STOPPED, _message(stop)):
        plan.tell("ExecutionStopped", f"attempt {record.attempt} was stopped, as was {record.message}", record.job)
        plan.do(RemoveAnnotation(stop.key))
    else:
        _refuse(plan, stop, f"the execution ended at {rfc3339(record.finished_at)} already{_after(plan, record)}")


def _answer_trimmed(plan: Plan, stop: Stop, name: str) -> None:
    """The record was so old that it did not stay: whether its Job is still there tells how it ended."""
    run = plan.situation.runs.get(name)
    if run is None or run.gone or run.deleting:
        plan.do(RemoveAnnotation(stop.key))
    else:
        _refuse(plan, stop, "the execution has ended already")


def _counted(plan: Plan, stop: Stop) -> str | None:
    return next((name for name in plan.status.counted if name in stop.jobs), None)


def _after(plan: Plan, record: Execution) -> str:
    """What to stop instead, where a further attempt has been claimed."""
    later = next((e for e in plan.status.active if e.group == record.group and e.attempt > record.attempt), None)
    return "" if later is None else f"; attempt {later.attempt} is {later.job}"


def _refuse(plan: Plan, stop: Stop, why: str) -> None:
    plan.warn("StopRefused", f"{stop.key}: {why}")
    plan.do(RemoveAnnotation(stop.key))


def _message(stop: Stop) -> str:
    at = "" if stop.at is None else f" at {rfc3339(stop.at)}"
    return f"asked for{at}{f' by {stop.by}' if stop.by else ''}"[:MAX_MESSAGE]
