"""Due slots: which fire, which are skipped and why, which comes next, and which pause holds them."""

from datetime import datetime

from dkron_crds.base import rfc3339
from dkron_crds.job import MissedRuns, NotedPause, SkipReason, Trigger
from dkron_crds.requests import FIRST
from dkron_crds.schedule.timeline import TICK, Timeline
from dkron_operator.plan.actions import AcceptJob, Enqueue
from dkron_operator.plan.decide import Skip, decide, start_deadline
from dkron_operator.plan.plan import Plan, busy, creation, has_begun
from dkron_operator.plan.situation.cause import scheduled
from dkron_operator.plan.status.changes import Decided, PauseNoted, SlotsSkipped
from dkron_operator.plan.status.deferred import SlotsDeferred, UndecidedSlots, first, has_room, that_wait
from dkron_operator.plan.steps.acceptance import first_moment, is_accepted
from dkron_operator.plan.steps.deferred import plan_deferred_slots, takes_turns
from dkron_operator.plan.steps.dependents import is_over
from dkron_operator.plan.steps.line import newest_surplus
from dkron_operator.plan.steps.pauses import dropped_before, missed_until, pause_ended
from dkron_pods.inline import is_inline


def timeline(plan: Plan) -> Timeline | None:
    """The job's slots; None if it has none of its own."""
    job, since = plan.situation.job, plan.status.since
    silent = job.spec.disabled or job.spec.parents or plan.situation.own_problem is not None
    if job.schedule is None or since is None or silent or is_over(plan):
        return None
    return Timeline(job.schedule, since, first_moment(plan.status, job.spec.starts_at), job.spec.expires_at)


def plan_found_slots(plan: Plan) -> None:
    """Move the mark over slots whose Jobs exist. Slots in between, whose skipping was not written before a crash, are
    recorded now. A slot still to come is decided when it is due."""
    line, now = timeline(plan), plan.situation.now
    found = (attempt for attempt in plan.situation.attempts.values() if attempt.trigger is Trigger.SCHEDULE)
    for slot in sorted({attempt.slot for attempt in found if attempt.slot <= now}):
        mark = plan.status.last_schedule_time
        if mark is None or slot > mark:
            if line is not None:
                _pass_until(plan, line, slot - TICK, SkipReason.MISSED)
            plan.record(Decided(slot))


def plan_slots(plan: Plan) -> None:
    """Skip the missed slots, fire the first due one, and set the next one to come."""
    line = timeline(plan)
    if line is None:
        return
    now = plan.situation.now
    if not plan.situation.caller and is_inline(plan.situation.job.spec):
        # The slots are inline calls, and another process makes them.
        plan.next_slot = line.next(now)
        return
    plan_deferred_slots(plan, line)
    slot, hold = line.next(plan.status.last_schedule_time), plan.hold
    while plan.create is None and slot is not None and slot <= now:
        if not is_accepted(plan):
            plan.do(AcceptJob())
            break
        if not _pass_dropped(plan, line, slot) and (hold is not None or not _settle(plan, line, slot)):
            break
        slot = line.next(plan.status.last_schedule_time)
    if hold is not None:
        # The end of the pause is when the job is planned again.
        plan.next_slot = None if hold.until is None else line.next(max(hold.until - TICK, now))
        return
    plan.next_slot = line.next(now) if slot is not None and slot <= now else slot
    if plan.next_slot is not None:
        plan.wake_at(plan.next_slot)


def plan_pause(plan: Plan) -> None:
    """Record which pause holds the job, if any. One that drops slots stays recorded until all are dropped."""
    noted, hold = plan.status.paused, plan.hold
    if hold is not None and hold.changes_at is not None:
        plan.wake_at(hold.changes_at)
    if noted is not None and noted.drop and (plan.wants(AcceptJob) or not _is_dropped(plan)):
        return
    if hold is None:
        if noted is not None:
            plan.record(PauseNoted(None))
        return
    since = plan.situation.now if noted is None else noted.since
    # A pause drops no slots after its end, even if another one holds the job longer.
    until = hold.drops_until if hold.drop else hold.until
    noting = NotedPause(name=hold.pause.name, since=since, until=until, drop=hold.drop, enforce=hold.enforce)
    plan.record(PauseNoted(noting))


def _is_dropped(plan: Plan) -> bool:
    """Whether no slot is left that a pause drops."""
    until = dropped_before(plan)
    line = None if until is None else timeline(plan)
    if until is None or line is None:
        return True
    slots = (line.next(plan.status.last_schedule_time), first(plan.status.deferred, line, plan.situation.now))
    return all(slot is None or slot >= until for slot in slots)


def _pass_dropped(plan: Plan, line: Timeline, slot: datetime) -> bool:
    """Count the slots that a pause drops."""
    until = dropped_before(plan)
    return until is not None and slot < until and _pass_until(plan, line, until - TICK, SkipReason.PAUSED)


def _settle(plan: Plan, line: Timeline, slot: datetime) -> bool:
    """Decide the first due slot, or skip several at once. False if it has to wait."""
    return (
        _pass_unnamed(plan, line, slot)
        or _pass_late(plan, line)
        or _pass_missed(plan, line, slot)
        or _fire(plan, line, slot)
    )


def _pass_unnamed(plan: Plan, line: Timeline, slot: datetime) -> bool:
    """No Job can be named after a slot before 1970. It is due only if a user has edited `since` by hand."""
    return slot < FIRST and _pass_until(plan, line, FIRST - TICK, SkipReason.MISSED)


def _pass_late(plan: Plan, line: Timeline) -> bool:
    deadline = start_deadline(plan.situation.job)
    if deadline is None:
        return False
    return _pass_until(plan, line, plan.situation.now - deadline - TICK, SkipReason.DEADLINE_EXCEEDED)


def _pass_missed(plan: Plan, line: Timeline, slot: datetime) -> bool:
    able = missed_until(plan)
    match plan.situation.job.spec.missed_runs:
        case _ if slot > able:
            return False
        case MissedRuns.SKIP if not _within_reach(plan, line):
            return _pass_until(plan, line, able, SkipReason.MISSED)
        case MissedRuns.ALL:
            return False
        case _:
            newest = line.latest(plan.status.last_schedule_time, able)
            return newest is not None and _pass_until(plan, line, newest - TICK, SkipReason.MISSED)


def _within_reach(plan: Plan, line: Timeline) -> bool:
    """Whether the newest missed slot was missed only because one replica followed another, which is not downtime."""
    reach, paused = plan.situation.handover_since, pause_ended(plan)
    newest = line.latest(plan.status.last_schedule_time, missed_until(plan))
    if reach is None or newest is None:
        return False
    return newest > (reach if paused is None else max(reach, paused))


def _pass_until(plan: Plan, line: Timeline, until: datetime, reason: SkipReason) -> bool:
    mark = plan.status.last_schedule_time
    newest = line.latest(mark, min(until, plan.situation.now))
    if newest is None:
        return False
    count = line.count(mark, newest)
    plan.record(SlotsSkipped(newest, reason, slots=UndecidedSlots(line, plan.status.accepted)))
    slots = "1 slot" if count == 1 else f"{count} slots"
    if reason is SkipReason.PAUSED:
        plan.report("SlotsDropped", f"{slots} did not run because of a pause, the newest at {rfc3339(newest)}")
        return True
    own = (SkipReason.DEADLINE_EXCEEDED, SkipReason.QUEUE_FULL)
    event = str(reason) if reason in own else "SlotsMissed"
    plan.warn(event, f"{slots} did not run, the newest at {rfc3339(newest)}")
    return True


def _fire(plan: Plan, line: Timeline, slot: datetime) -> bool:
    job, now = plan.situation.job, plan.situation.now
    if has_begun(plan, scheduled(slot)):
        # It was fired by a clock that was ahead.
        plan.record(Decided(slot))
        return True
    decision = decide(job, slot=slot, now=now, active=busy(plan))
    if isinstance(decision, Skip):
        # A job that wants every missed run, and never two at once, gets them one after another.
        owed = slot <= missed_until(plan) and takes_turns(job.spec)
        return _defer(plan, line, slot) if owed else _skip(plan, line, slot, decision)
    entry = scheduled(slot).entry(uid=job.uid, name=job.name, at=now)
    create = creation(plan, entry, decision, mark=(Decided(slot),))
    if isinstance(create, Skip) and create.reason is SkipReason.QUEUE_FULL:
        return _pass_until(plan, line, now, create.reason)
    if isinstance(create, Skip):
        return _skip(plan, line, slot, create)
    surplus = newest_surplus(plan, line) if isinstance(create, Enqueue) else None
    if surplus is not None and surplus >= slot:
        return _pass_until(plan, line, surplus, SkipReason.QUEUE_FULL)
    return plan.start(create)


def _skip(plan: Plan, line: Timeline, slot: datetime, skip: Skip) -> bool:
    plan.record(SlotsSkipped(slot, skip.reason, slots=UndecidedSlots(line, plan.status.accepted)))
    why = f"{skip.reason}, {skip.why}" if skip.why else skip.reason
    plan.warn("SlotSkipped", f"the slot at {rfc3339(slot)} is skipped: {why}")
    return True


def _defer(plan: Plan, line: Timeline, slot: datetime) -> bool:
    """Have the missed slots wait for their turn. Slots that come due later are decided at their time."""
    mark = plan.status.last_schedule_time
    ahead = min((begun for begun in plan.status.ran_ahead if begun > slot), default=None)
    until = missed_until(plan) if ahead is None else min(missed_until(plan), ahead - TICK)
    newest = line.latest(mark, min(until, plan.situation.now)) or slot
    if not has_room(plan.status.deferred):
        # Each outage adds a stretch, and one run was active in all of them.
        return _pass_until(plan, line, newest, SkipReason.MISSED)
    plan.record(SlotsDeferred(newest, UndecidedSlots(line, plan.status.accepted)))
    count = line.count(mark, newest)
    plan.report("SlotsDeferred", f"{that_wait(count)}, the newest is {rfc3339(newest)}")
    return True
