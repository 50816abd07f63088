"""The counters of a status: executions by their result and day, and what was due and did not run."""

from datetime import UTC, datetime, timedelta

from dkron_crds.base import saturated
from dkron_crds.job import Attempt, Day, JobStatus, Skipped, SkipReason, Trigger
from dkron_crds.schedule.instants import later
from dkron_operator.plan.status.outbox import owed_slots


def with_execution(status: JobStatus, execution: Attempt) -> JobStatus:
    """Count an execution."""
    ended = execution.ended_at
    days = _days(status.days, ended, success=execution.success)
    if execution.success:
        last = later(status.last_success, ended)
        return _updated(status, success_count=saturated(status.success_count + 1), last_success=last, days=days)
    errors = saturated(status.error_count + 1)
    return _updated(status, error_count=errors, last_error=later(status.last_error, ended), days=days)


def _days(days: tuple[Day, ...], ended: datetime, *, success: bool) -> tuple[Day, ...]:
    date = ended.astimezone(UTC).date()
    totals = {day.date: day for day in days}
    today = totals.get(date, Day(date=date, success=0, failed=0))
    succeeded, failed = saturated(today.success + success), saturated(today.failed + (not success))
    totals[date] = today.model_copy(update={"success": succeeded, "failed": failed})
    newest = max(totals)
    return tuple(totals[day] for day in sorted(totals) if newest - day <= timedelta(days=1))


def with_skipped(status: JobStatus, *, count: int, reason: SkipReason, at: datetime) -> JobStatus:
    """Count slots and requests that do not run."""
    before = status.skipped
    if before is None:
        return _updated(status, skipped=Skipped(count=saturated(count), last_time=at, last_reason=reason))
    skipped = before.model_copy(update={"count": saturated(before.count + count)})
    if at >= before.last_time:
        # Of an older one, as of a missed slot that waited, the reason says nothing about the newest.
        skipped = skipped.model_copy(update={"last_time": at, "last_reason": reason})
    return _updated(status, skipped=skipped)


def with_claim_skipped(status: JobStatus, claim: Attempt, reason: SkipReason) -> JobStatus:
    """Count the slot or request of a claim that was given up, and owe it to the archive."""
    if claim.trigger is Trigger.SCHEDULE:
        status = owed_slots(status, claim.slot, claim.slot, count=1, reason=reason)
    return with_skipped(status, count=1, reason=reason, at=claim.slot)


def _updated(status: JobStatus, **fields: object) -> JobStatus:
    return status.model_copy(update=fields)
