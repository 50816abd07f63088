"""The retry of an attempt that failed, and how long it waits."""

from dataclasses import replace
from datetime import datetime, timedelta

from dkron_crds.job import Attempt, RetryBackoff
from dkron_crds.schedule.instants import shifted
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.situation.cause import cause_of
from dkron_operator.plan.situation.view import Outcome
from dkron_operator.plan.status.unknown_jobs import is_ahead
from dkron_operator.plan.steps.replacing import is_replaced


def retry_of(plan: Plan, entry: Attempt, outcome: Outcome) -> Attempt | None:
    """The claim of the attempt that follows one with this outcome; None if none does."""
    job, since = plan.situation.job, plan.status.since
    if entry.attempt > job.spec.retries or job.spec.disabled or is_replaced(plan, entry):
        return None
    if since is not None and shifted(outcome.finished_at, plan.situation.retention) <= since:
        # From before the status was wiped: the next attempt may have come and gone.
        return None
    due = shifted(outcome.finished_at, delay(job.spec.retry_backoff, entry.attempt))
    cause = replace(cause_of(entry), attempt=entry.attempt + 1)
    given = entry.parameters_given
    return cause.entry(uid=job.uid, name=job.name, at=due, node=entry.node_name, given=given)


def due(plan: Plan, retry: Attempt) -> datetime:
    """When this claim of a retry is due. A clock that was ahead has put it later than its backoff allows: it is due
    now, since no record says how long it has waited."""
    now, wait = plan.situation.now, delay(plan.situation.job.spec.retry_backoff, retry.attempt - 1)
    return now if is_ahead(retry.started_at, shifted(now, wait)) else retry.started_at


def delay(backoff: RetryBackoff, attempt: int) -> timedelta:
    """The wait after failed attempt number `attempt` from 1: `initial`, times `factor` each time, at most `max`."""
    seconds = backoff.initial_seconds
    for _ in range(attempt - 1):
        if seconds >= backoff.max_seconds:
            break
        seconds *= backoff.factor
    return timedelta(seconds=min(seconds, backoff.max_seconds))
