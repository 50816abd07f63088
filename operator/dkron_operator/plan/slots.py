"""Slots that are due: which fire, which are passed over and why, and which comes next."""

from datetime import datetime

from dkron_crds.base import rfc3339
from dkron_crds.job import Concurrency, MissedRuns, SkipReason, Trigger
from dkron_crds.requests import FIRST
from dkron_crds.schedule.timeline import TICK, Timeline
from dkron_operator.plan.acceptance import is_accepted
from dkron_operator.plan.cause import scheduled
from dkron_operator.plan.decide import Skip, decide, start_deadline
from dkron_operator.plan.fold import Decided, Passed
from dkron_operator.plan.inline_calls import is_anothers
from dkron_operator.plan.plan import Draft, busy, creation, has_begun
from dkron_operator.plan.upstream_runs import is_over


def timeline(draft: Draft) -> Timeline | None:
    """The job's slots; None if it has none by itself."""
    job, since = draft.situation.job, draft.status.since
    silent = job.spec.disabled or job.spec.parents or draft.situation.problem is not None
    if job.schedule is None or since is None or silent or is_over(draft):
        return None
    return Timeline(job.schedule, since, job.spec.starts_at, job.spec.expires_at)


def plan_found_slots(draft: Draft) -> None:
    """Move the mark over slots whose Jobs exist. Those in between, whose passing a crash has kept from being written
    down, are written down now. A slot that is still to come is decided when it is due."""
    line, now = timeline(draft), draft.situation.now
    found = (run for run in draft.situation.runs.values() if run.trigger is Trigger.SCHEDULE)
    for slot in sorted({run.slot for run in found if run.slot <= now}):
        mark = draft.status.last_schedule_time
        if mark is None or slot > mark:
            if line is not None:
                _pass_until(draft, line, slot - TICK, SkipReason.MISSED)
            draft.note(Decided(slot))


def plan_slots(draft: Draft) -> datetime | None:
    """Pass over what is lost, fire the first slot that is due, and return the next one to come."""
    line = timeline(draft)
    if line is None:
        return None
    now = draft.situation.now
    if is_anothers(draft.situation):
        return line.next(now)
    slot = line.next(draft.status.last_schedule_time)
    while draft.create is None and slot is not None and slot <= now:
        if not is_accepted(draft):
            draft.accept = True
            break
        if not _settle(draft, line, slot):
            break
        slot = line.next(draft.status.last_schedule_time)
    if slot is not None and slot <= now:
        slot = line.next(now)
    if slot is not None:
        draft.wake_at(slot)
    return slot


def _settle(draft: Draft, line: Timeline, slot: datetime) -> bool:
    """Decide the first slot that is due, or pass over several at once. False if it has to wait."""
    return (
        _pass_unnamed(draft, line, slot)
        or _pass_late(draft, line)
        or _pass_missed(draft, line, slot)
        or _fire(draft, slot)
    )


def _pass_unnamed(draft: Draft, line: Timeline, slot: datetime) -> bool:
    """Nothing can be named after a slot before 1970. Such a one is due where somebody has written `since` by hand."""
    return slot < FIRST and _pass_until(draft, line, FIRST - TICK, SkipReason.MISSED)


def _pass_late(draft: Draft, line: Timeline) -> bool:
    deadline = start_deadline(draft.situation.job)
    if deadline is None:
        return False
    return _pass_until(draft, line, draft.situation.now - deadline - TICK, SkipReason.DEADLINE_EXCEEDED)


def _pass_missed(draft: Draft, line: Timeline, slot: datetime) -> bool:
    able = draft.situation.able_since
    match draft.situation.job.spec.missed_runs:
        case _ if slot > able:
            return False
        case MissedRuns.SKIP if not _within_reach(draft, line):
            return _pass_until(draft, line, able, SkipReason.MISSED)
        case MissedRuns.ALL:
            return False
        case _:
            newest = line.latest(draft.status.last_schedule_time, able)
            return newest is not None and _pass_until(draft, line, newest - TICK, SkipReason.MISSED)


def _within_reach(draft: Draft, line: Timeline) -> bool:
    """Whether the newest missed slot was only missed because one replica has followed another: that is no downtime."""
    reach, able = draft.situation.reach_since, draft.situation.able_since
    newest = line.latest(draft.status.last_schedule_time, able)
    return reach is not None and newest is not None and newest > reach


def _pass_until(draft: Draft, line: Timeline, until: datetime, reason: SkipReason) -> bool:
    mark = draft.status.last_schedule_time
    newest = line.latest(mark, min(until, draft.situation.now))
    if newest is None:
        return False
    count = line.count(mark, newest)
    draft.note(Passed(newest, count, reason, at=newest))
    slots = "1 slot was" if count == 1 else f"{count} slots were"
    event = "DeadlineExceeded" if reason is SkipReason.DEADLINE_EXCEEDED else "SlotsMissed"
    draft.warn(event, f"{slots} not run, the newest at {rfc3339(newest)}")
    return True


def _fire(draft: Draft, slot: datetime) -> bool:
    job, now = draft.situation.job, draft.situation.now
    if has_begun(draft, scheduled(slot)):
        # By a clock that was ahead.
        draft.note(Decided(slot))
        return True
    decision = decide(job, slot=slot, now=now, active=busy(draft))
    if isinstance(decision, Skip):
        return not _catching_up(draft, slot) and _skip(draft, slot, decision)
    entry = scheduled(slot).entry(uid=job.uid, name=job.name, at=now)
    create = creation(draft, entry, decision, mark=(Decided(slot),))
    if isinstance(create, Skip):
        return _skip(draft, slot, create)
    draft.create = create
    return True


def _skip(draft: Draft, slot: datetime, skip: Skip) -> bool:
    draft.note(Passed(slot, 1, skip.reason, at=slot))
    why = f"{skip.reason}, {skip.why}" if skip.why else skip.reason
    draft.warn("SlotSkipped", f"the slot at {rfc3339(slot)} is skipped: {why}")
    return True


def _catching_up(draft: Draft, slot: datetime) -> bool:
    # Whoever wants every missed run, and no two at once, wants them one after another.
    spec = draft.situation.job.spec
    return (
        spec.missed_runs is MissedRuns.ALL
        and spec.concurrency is Concurrency.FORBID
        and slot <= draft.situation.able_since
    )
