"""Pauses: while a DkronPause holds a job, no slot of it fires and no parent starts it.

A pause begins when the operator sees it, and ends when the operator sees that it is gone, or at its `until`. It decides
nothing by itself: slots that come due meanwhile stay undecided, behind the mark, until the pause ends, and count as
missed then. A pause that drops them has them counted as skipped. The status notes that this pause holds the job, so
an operator that was away at its end still drops what came due in it.
"""

from datetime import datetime

from dkron_crds.job import SkipReason
from dkron_crds.requests import OVERRULED
from dkron_crds.schedule.timeline import TICK
from dkron_operator.plan.decide import Skip
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.situation.pauses import ended_by


def refused_by_pause(plan: Plan, *, force: bool) -> Skip | None:
    """Why a request for a run is refused; None if no pause holds the job, or the request overrules it."""
    hold = plan.hold
    if hold is None or (force and not hold.enforce):
        return None
    overruled = "force does not override this pause" if hold.enforce else OVERRULED
    return Skip(SkipReason.PAUSED, f"the job is {hold}; {overruled}")


def dropped_before(plan: Plan) -> datetime | None:
    """What came due before this moment and is undecided is dropped; None if nothing is."""
    now, noted, hold = plan.situation.now, plan.situation.status.paused, plan.hold
    ended = ended_by(plan.situation.pauses or (), now, drop=True)
    if hold is not None and hold.drop:
        return now + TICK
    if noted is None or not noted.drop:
        return ended
    # It ended, or was changed, unseen: up to then it dropped the slots that came due.
    noted_end = now + TICK if noted.until is None else min(noted.until, now + TICK)
    return noted_end if ended is None else max(ended, noted_end)


def missed_until(plan: Plan) -> datetime:
    """A slot up to this moment was missed: no operator could fire it, or a pause held the job."""
    ended = pause_ended(plan)
    return plan.situation.fireable_since if ended is None else max(plan.situation.fireable_since, ended)


def pause_ended(plan: Plan) -> datetime | None:
    """Up to when pauses that are over held the job, as far as objects and the status show it; None if none did."""
    now, noted = plan.situation.now, plan.situation.status.paused
    ended = ended_by(plan.situation.pauses or (), now)
    ends = [] if ended is None else [ended - TICK]
    if noted is not None and plan.hold is None:
        # For a deleted pause, the only known time is the one at which the deletion was seen.
        ends.append(now if noted.until is None else min(noted.until - TICK, now))
    return max(ends, default=None)
