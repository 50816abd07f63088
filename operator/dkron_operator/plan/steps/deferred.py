"""The turn of deferred slots: which of them fire, one after another, and which are given up."""

from dataclasses import replace
from datetime import datetime

from dkron_crds.base import rfc3339
from dkron_crds.job import Concurrency, JobSpec, MissedRuns, SkipReason
from dkron_crds.requests import FIRST
from dkron_crds.schedule.timeline import TICK, Timeline
from dkron_operator.plan.decide import Skip, decide, start_deadline
from dkron_operator.plan.plan import Plan, busy, creation, has_begun
from dkron_operator.plan.situation.cause import scheduled
from dkron_operator.plan.status.changes import Decided, SlotsSkipped
from dkron_operator.plan.status.deferred import (
    UndecidedSlots,
    count,
    first,
    newest,
    that_wait,
)
from dkron_operator.plan.steps.acceptance import is_accepted
from dkron_operator.plan.steps.pauses import dropped_before, missed_until


def takes_turns(spec: JobSpec) -> bool:
    """Whether missed slots of the job run one after another."""
    return spec.missed_runs is MissedRuns.ALL and spec.concurrency is Concurrency.FORBID


def plan_deferred_slots(plan: Plan, line: Timeline) -> None:
    """Give up the deferred slots that may not run any more, and fire the first other one if it is its turn."""
    if not (plan.status.deferred and is_accepted(plan)):
        return
    _give_up(plan, line)
    while plan.create is None and (slot := first(plan.status.deferred, line, plan.situation.now)) is not None:
        if has_begun(plan, scheduled(slot)):
            plan.record(Decided(slot, deferred=True))
        elif plan.hold is not None or not _fire(plan, line, slot):
            break


def waiting(plan: Plan, line: Timeline | None) -> str:
    """How many slots wait for their turn, as a sentence; empty if none does."""
    now, stretches = plan.situation.now, plan.status.deferred
    slot = None if line is None or not stretches else first(stretches, line, now)
    if line is None or slot is None:
        return ""
    number = count(stretches, UndecidedSlots(line, plan.status.accepted), now)
    return f"{that_wait(number)}, the oldest is {rfc3339(slot)}"


def _give_up(plan: Plan, line: Timeline) -> None:
    now, spec = plan.situation.now, plan.situation.job.spec
    dropped, deadline = dropped_before(plan), start_deadline(plan.situation.job)
    if dropped is not None:
        _skip(plan, line, dropped - TICK, SkipReason.PAUSED)
    # No Job can be named after a slot this old, which only a user has written there.
    _skip(plan, line, FIRST - TICK, SkipReason.MISSED)
    if deadline is not None:
        _skip(plan, line, now - deadline - TICK, SkipReason.DEADLINE_EXCEEDED)
    if plan.hold is None and spec.missed_runs is not MissedRuns.ALL:
        _skip(plan, line, _unwanted(plan, line), SkipReason.MISSED)


def _unwanted(plan: Plan, line: Timeline) -> datetime:
    """Up to when an edit of `missedRuns` leaves no slot to run: of `latest`, the newest missed one runs."""
    now, spec = plan.situation.now, plan.situation.job.spec
    later = line.latest(plan.status.last_schedule_time, missed_until(plan))
    last = newest(plan.status.deferred, line, now)
    return last - TICK if spec.missed_runs is MissedRuns.LATEST and last is not None and later is None else now


def _fire(plan: Plan, line: Timeline, slot: datetime) -> bool:
    """Fire the first deferred slot, or skip it. False if it has to wait."""
    job, now = plan.situation.job, plan.situation.now
    active = busy(plan)
    if active and job.spec.concurrency is not Concurrency.ALLOW:
        # With `replace`, too: an older slot takes no place of a newer run.
        return False
    decision = decide(job, slot=slot, now=now, active=active)
    if not isinstance(decision, Skip):
        entry = scheduled(slot).entry(uid=job.uid, name=job.name, at=now)
        # The mark is no proof for these slots: one write takes the slot from those that wait, and claims it.
        create = creation(plan, entry, replace(decision, claim=True), mark=(Decided(slot, deferred=True),))
        if not isinstance(create, Skip):
            return plan.start(create)
        decision = create
    full = decision.reason is SkipReason.QUEUE_FULL
    _skip(plan, line, now if full else slot, decision.reason, why=decision.why)
    return True


def _skip(plan: Plan, line: Timeline, until: datetime, reason: SkipReason, *, why: str = "") -> None:
    stretches, slots = plan.status.deferred, UndecidedSlots(line, plan.status.accepted)
    last, number = newest(stretches, line, until), count(stretches, slots, until)
    if last is None:
        return
    plan.record(SlotsSkipped(last, reason, slots=slots, deferred=True))
    which = "1 missed slot does" if number == 1 else f"{number} missed slots do"
    detail = f"{reason}, {why}" if why else reason
    text = f"{which} not run, the newest at {rfc3339(last)}: {detail}"
    if reason is SkipReason.PAUSED:
        plan.report("SlotsDropped", text)
    else:
        plan.warn("DeadlineExceeded" if reason is SkipReason.DEADLINE_EXCEEDED else "SlotsMissed", text)
