"""What lies ahead of the clock: marks, beginnings and Jobs that a wrong clock or a hand has put there.

An operator whose clock was ahead leaves a mark that silences the job until then. The rule by which that heals: a mark
further ahead than TOLERANCE is taken back to now, and the status remembers the slots to come that have an attempt
already: none of them runs again when it comes due. Where executions were dropped before, the mark goes back no further
than to the oldest one that is kept: what was dropped may have run.
"""

from datetime import datetime

from dkron_crds.base import rfc3339
from dkron_crds.job import JobStatus
from dkron_crds.status import MAX_RAN_AHEAD
from dkron_operator.plan.fold import MarkTakenBack, SinceTakenBack, start_of
from dkron_operator.plan.plan import Plan, begun_slots
from dkron_operator.plan.unknown_jobs import is_ahead


def plan_ahead(plan: Plan) -> None:
    """Take back a mark and a beginning that lie ahead of the clock."""
    status, job, now = plan.status, plan.situation.job, plan.situation.now
    since, mark = status.since, status.last_schedule_time
    # The API server's clock has made the creation, and no slot lies before it.
    if since is not None and is_ahead(since, now) and since > job.created:
        plan.note(SinceTakenBack(since, max(now, job.created)))
        plan.warn("ClockWasAhead", f"status.since was {rfc3339(since)}, ahead of the clock: slots count from now")
    if mark is not None and is_ahead(mark, now):
        to, begun = _begun_after(plan, max(now, _unsure_until(status) or now))
        if to < mark:
            plan.note(MarkTakenBack(mark, to, begun))
            text = f"the mark was {rfc3339(mark)}, ahead of the clock: slots after {rfc3339(to)} are decided when due"
            plan.warn("ClockWasAhead", text)


def _begun_after(plan: Plan, to: datetime) -> tuple[datetime, tuple[datetime, ...]]:
    """The slots after that time of which an attempt is known, and the time itself, later if there is no room for all
    of them."""
    begun = sorted(slot for slot in begun_slots(plan) if slot > to)
    if len(begun) <= MAX_RAN_AHEAD:
        return to, tuple(begun)
    return begun[-MAX_RAN_AHEAD - 1], tuple(begun[-MAX_RAN_AHEAD:])


def _unsure_until(status: JobStatus) -> datetime | None:
    """No slot after this one has run without being shown; None if every slot that has run is shown."""
    if status.success_count + status.error_count <= len(status.executions):
        return None
    # Executions are dropped in the order of their starts, and no slot starts before its time.
    return min((start_of(each)[0] for each in status.executions), default=status.last_schedule_time)
