"""Which run takes the place of which, with concurrency `replace`."""

from datetime import datetime

from dkron_crds.job import Attempt, Concurrency, Trigger
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.situation.view import AttemptJob


def is_replaced(plan: Plan, entry: Attempt) -> bool:
    """Whether a newer run has replaced this one (concurrency replace)."""
    return plan.situation.job.spec.concurrency is Concurrency.REPLACE and any(
        is_newer(plan, other, entry) for other in plan.status.active
    )


def is_newer(plan: Plan, one: Attempt, other: Attempt) -> bool:
    """Whether the trigger of `one` came later, and the other makes way for it. Slots are ordered by their group
    numbers, whatever the clock said when they were claimed. Requests may name any time, so two of them are ordered by
    when their first attempts began."""
    if Trigger.BACKFILL in (one.trigger, other.trigger):
        return False
    if one.group == other.group or {one.trigger, other.trigger} == {Trigger.SCHEDULE}:
        return one.group > other.group
    return _first_began(plan, one) > _first_began(plan, other)


def older_jobs(plan: Plan, entry: Attempt) -> tuple[AttemptJob, ...]:
    """The Jobs that a run deletes before it begins (concurrency replace)."""
    if plan.situation.job.spec.concurrency is not Concurrency.REPLACE:
        return ()
    standing = {other.job for other in plan.status.active if is_newer(plan, entry, other)}
    found = (attempt for attempt in plan.situation.attempts.values() if attempt.name in standing)
    return tuple(attempt for attempt in found if not (attempt.finished or attempt.gone or attempt.deleting))


def _first_began(plan: Plan, entry: Attempt) -> datetime:
    """When the first attempt of this run began, as far as the history goes back. A retry begins later than its run, and
    one that waits for its backoff begins in the future."""
    run = (entry.trigger, entry.group)
    before = () if entry.attempt == 1 else plan.status.executions
    began = [record.started_at for record in before if (record.trigger, record.group) == run]
    return min([entry.started_at, *began])
