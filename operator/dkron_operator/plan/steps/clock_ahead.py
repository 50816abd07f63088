"""Timestamps ahead of the clock: marks, `since` and Jobs that a wrong clock or a manual edit has left there.

An operator whose clock was ahead leaves a mark that silences the job until that time. A mark further ahead than
TOLERANCE is therefore moved back to now. The status remembers the coming slots that already have an attempt, so none of
them runs again when it comes due. If executions have been trimmed, the mark moves back no further than to the start of
the oldest one that is kept, because a trimmed slot may have run.

An edit shows sooner that a clock was ahead: a mark after now that is no slot of the schedule is of the schedule before
the edit. It is moved back, too, for it would pass over slots of the new schedule that are still to come.
"""

from datetime import datetime, timedelta

from dkron_crds.base import rfc3339
from dkron_crds.job import JobStatus
from dkron_crds.schedule.timeline import TICK
from dkron_operator.plan.plan import Plan, begun_slots
from dkron_operator.plan.status.changes import MarkTakenBack, TimeTakenBack
from dkron_operator.plan.status.fold import start_of
from dkron_operator.plan.status.mark import fitting
from dkron_operator.plan.status.unknown_jobs import is_ahead
from dkron_operator.plan.steps.slots import timeline

APART = timedelta(seconds=1)
"""How far the clocks of healthy nodes are apart at most."""


def plan_ahead(plan: Plan) -> None:
    """Move a mark, a `since` and a `rebuiltAt` that lie ahead of the clock back to now."""
    status, job, now = plan.status, plan.situation.job, plan.situation.now
    since, mark = status.since, status.last_schedule_time
    # The API server's clock set the creation time, and no slot lies before it.
    if since is not None and is_ahead(since, now) and since > job.created:
        plan.record(TimeTakenBack("since", since, max(now, job.created)))
        plan.warn("ClockWasAhead", f"status.since was {rfc3339(since)}, ahead of the clock: only slots from now on run")
    if status.rebuilt_at is not None and is_ahead(status.rebuilt_at, now):
        plan.record(TimeTakenBack("rebuilt_at", status.rebuilt_at, now))
        text = f"status.rebuiltAt was {rfc3339(status.rebuilt_at)}, ahead of the clock"
        plan.warn("ClockWasAhead", f"{text}: runs that ended before now start no other jobs")
    if mark is not None and (is_ahead(mark, now) or _is_of_the_schedule_before(plan, mark)):
        to, begun = _begun_after(plan, max(now, _unsure_until(status) or now))
        if to < mark:
            plan.record(MarkTakenBack(mark, to, begun))
            text = f"status.lastScheduleTime was {rfc3339(mark)}, ahead of the clock"
            plan.warn("ClockWasAhead", f"{text}: slots after {rfc3339(to)} are decided when due")


def _is_of_the_schedule_before(plan: Plan, mark: datetime) -> bool:
    since = plan.status.since
    if since is None or mark - max(since, plan.situation.now) <= APART:
        return False
    line = timeline(plan)
    return line is not None and line.latest(mark - TICK, mark) is None


def _begun_after(plan: Plan, to: datetime) -> tuple[datetime, tuple[datetime, ...]]:
    """`to`, and the slots after it that have a known attempt; `to` is later if there is no room for all."""
    passed, begun = fitting(slot for slot in begun_slots(plan) if slot > to)
    return passed or to, begun


def _unsure_until(status: JobStatus) -> datetime | None:
    """No slot after this one has run without showing in the status; None if every slot that ran shows."""
    if status.success_count + status.error_count <= len(status.executions):
        return None
    # Executions are dropped in the order of their starts, and no slot starts before its time.
    return min((start_of(each)[0] for each in status.executions), default=status.last_schedule_time)
