"""Room in a ResourceQuota: which claims of a job may ask for it, and which have waited for too long."""

from datetime import timedelta

from dkron_crds.job import Attempt, AttemptState, Trigger
from dkron_crds.schedule.instants import shifted
from dkron_crds.schedule.timeline import TICK
from dkron_operator.plan.decide import start_deadline
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.situation.quota import REJECTED
from dkron_operator.plan.situation.view import Outcome
from dkron_operator.plan.status.line import run_of

PATIENCE = timedelta(hours=1)
"""How long a run without a start deadline waits for room."""


def may_ask(plan: Plan, entry: Attempt) -> bool:
    """Whether a claim is not held up by a quota. While one refuses Jobs of the namespace, runs ask in turn. One that
    lacks a place in a pool at its turn may get it from then on, and others do not wait for that."""
    quota, run = plan.situation.quota, run_of(entry)
    if not quota.closed:
        return True
    if run in quota.turns and quota.wait:
        plan.wake_at(shifted(plan.situation.now, quota.wait))
    at_turn = run in quota.turns and not quota.wait
    if not at_turn or (entry.state is AttemptState.WAITING and not plan.places.has_turn(run)):
        plan.refused.append(entry)
    return at_turn


def given_up(plan: Plan, entry: Attempt) -> Outcome | None:
    """How a claim ends that may not ask, and has waited for as long as it may; None if it waits on. A slot waits up to
    its start deadline, if it has one."""
    now, quota = plan.situation.now, plan.situation.quota
    deadline = start_deadline(plan.situation.job)
    if entry.trigger is Trigger.SCHEDULE and entry.attempt == 1 and deadline is not None:
        plan.wake_at(shifted(entry.slot, deadline) + TICK)
        return None
    end = shifted(quota.since.get(run_of(entry), now), PATIENCE)
    if now <= end:
        plan.wake_at(end + TICK)
        return None
    return Outcome(success=False, finished_at=now, reason=REJECTED, message=quota.message)
