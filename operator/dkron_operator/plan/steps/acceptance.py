"""Acceptance: from which moment slots count, and what happens to the slots of the schedule before an edit.

The operator accepts a job in two steps before it decides any slot: it writes to the status since when slots count, and
then sets an annotation that says so. If a client wipes the status, and with it the API server's record of who wrote it,
the annotation remains. The job therefore does not look new, and none of its slots runs again.
"""

from datetime import datetime

from dkron_crds.base import rfc3339
from dkron_crds.job import AcceptedSchedule, JobSpec, JobStatus, ReadyReason, SkipReason, Trigger
from dkron_crds.schedule import ScheduleError, TimezoneError, parse
from dkron_crds.schedule.instants import shifted
from dkron_crds.schedule.timeline import TICK, Timeline
from dkron_operator.plan.plan import Plan, begun_slots
from dkron_operator.plan.status.changes import Accepted, Decided, SlotsSkipped
from dkron_operator.plan.status.deferred import UndecidedSlots, newest
from dkron_operator.plan.status.deferred import count as number_of
from dkron_operator.plan.steps.dependents import is_over

BROKEN = "-"
"""The fingerprint of a spec that cannot run: a repair changes it, so no slot in between fires."""


def plan_acceptance(plan: Plan) -> None:
    """Notice a new job, an edit, and a wiped status."""
    situation, job, status = plan.situation, plan.situation.job, plan.status
    broken = situation.own_problem is not None
    fingerprint = BROKEN if broken else job.fingerprint
    schedule = None if broken else accepted_schedule(job.spec)
    if status.since is None and not (job.accepted or job.status_written):
        plan.record(Accepted(job.created, fingerprint, schedule=schedule))
    elif status.since is None:
        plan.record(Accepted(situation.now, fingerprint, rebuilt=True, schedule=schedule))
        text = "status was wiped: it is rebuilt from the Jobs that exist, counters restart, and only slots after"
        plan.warn("StatusRebuilt", f"{text} {rfc3339(situation.now)} run")
    elif (status.fingerprint != fingerprint or status.accepted != schedule) and _is_pending(plan):
        # First find out what happened to the pending slot of the old schedule.
        return
    elif status.fingerprint != fingerprint:
        _settle_old_slots(plan, SkipReason.NOT_READY if broken else SkipReason.EDITED)
        # If the clock is behind, do not go back before what the last edit settled.
        plan.record(Accepted(max(situation.now, status.since, job.created), fingerprint, schedule=schedule))
        if status.fingerprint == BROKEN:
            plan.report(ReadyReason.SCHEDULED, "the job is valid again; only slots from now on run")
    elif status.accepted != schedule:
        _accept_expiry(plan, status.since, schedule)


def is_accepted(plan: Plan) -> bool:
    """Whether slots may be decided: the API server has the moment from which they count, and the annotation that says
    so.

    Without that moment, another replica may count from a different one, and an `@every` slot that fires before would be
    wrong. Without the annotation, a wiped status would look new.
    """
    since = plan.status.since
    return since is not None and since == plan.situation.persisted.since and plan.situation.accepted


def first_moment(status: JobStatus, starts: datetime | None) -> datetime | None:
    """The earliest moment of a slot, also of one whose schedule lets it run late; None if any may run. A wiped status
    has forgotten which slots have run, so no slot up to then runs."""
    rebuilt = None if status.rebuilt_at is None else shifted(status.rebuilt_at, TICK)
    return max((each for each in (starts, rebuilt) if each is not None), default=None)


def accepted_schedule(spec: JobSpec) -> AcceptedSchedule | None:
    """What makes the job due by itself; None if nothing does."""
    if not spec.schedule or spec.disabled or spec.parents:
        return None
    return AcceptedSchedule(
        schedule=spec.schedule, timezone=spec.timezone, starts_at=spec.starts_at, expires_at=spec.expires_at
    )


def _accept_expiry(plan: Plan, since: datetime, schedule: AcceptedSchedule | None) -> None:
    """Accept a change of only `expiresAt`, or a status that an older version wrote. The phase of `@every` stays,
    unless the job had expired: what came due in the meantime was not one of its slots."""
    old, now = plan.status.accepted, plan.situation.now
    expired = old is not None and _is_over(old, now)
    if expired or not _extends(old, schedule, now):
        _settle_old_slots(plan, SkipReason.EDITED)
    plan.record(Accepted(max(now, since) if expired else since, plan.status.fingerprint, schedule=schedule))


def _extends(old: AcceptedSchedule | None, new: AcceptedSchedule | None, now: datetime) -> bool:
    """Whether all slots that are due by the old schedule are due by the new one, so that they may still run."""
    if old is None or new is None or _is_over(new, now):
        return False
    return old.model_copy(update={"expires_at": new.expires_at}) == new


def _is_over(schedule: AcceptedSchedule, now: datetime) -> bool:
    return schedule.expires_at is not None and schedule.expires_at < now


def _is_pending(plan: Plan) -> bool:
    """Whether the create call of a slot's Job got no answer, or a due slot is claimed for an inline call that the
    claiming process may have made."""
    unsure, mark, window = plan.situation.unconfirmed_create, plan.status.last_schedule_time, plan.status.window
    if window is not None and window.slots[0] <= plan.situation.now:
        return True
    return unsure is not None and unsure.trigger is Trigger.SCHEDULE and (mark is None or unsure.slot > mark)


def _settle_old_slots(plan: Plan, reason: SkipReason) -> None:
    """Count the slots that the schedule before the edit had due and that are still undecided."""
    line, status, now = _old_timeline(plan), plan.status, plan.situation.now
    if line is None:
        return
    undecided = UndecidedSlots(line, status.accepted, _begun(plan, line, now))
    waiting, due = newest(status.deferred, line, now), line.latest(status.last_schedule_time, now)
    count = number_of(status.deferred, undecided, now) + undecided.number(status.last_schedule_time, now)
    if waiting is not None:
        plan.record(SlotsSkipped(waiting, reason, slots=undecided, deferred=True))
    if due is not None and undecided.number(status.last_schedule_time, due):
        plan.record(SlotsSkipped(due, reason, slots=undecided))
    elif due is not None:
        plan.record(Decided(due))
    last = due or waiting
    if count and last is not None:
        slots = "1 due slot" if count == 1 else f"{count} due slots"
        why = "the job is not valid" if reason is SkipReason.NOT_READY else "the job was edited first"
        plan.warn("SlotsMissed", f"{slots} did not run, the newest at {rfc3339(last)}: {why}")


def _begun(plan: Plan, line: Timeline, until: datetime) -> frozenset[datetime]:
    """The slots of the old schedule that already have an attempt, though the mark has not passed them yet."""
    mark = plan.status.last_schedule_time
    undecided = {slot for slot in begun_slots(plan) if slot <= until and (mark is None or slot > mark)}
    return frozenset(slot for slot in undecided if line.latest(slot - TICK, slot) == slot)


def _old_timeline(plan: Plan) -> Timeline | None:
    old, since = plan.status.accepted, plan.status.since
    if old is None or since is None or is_over(plan):
        return None
    try:
        schedule = parse(old.schedule, timezone=old.timezone, name=plan.situation.job.dkron_name)
    except (ScheduleError, TimezoneError):
        # Written by hand, or by a version that accepted more schedules.
        return None
    return Timeline(schedule, since, first_moment(plan.status, old.starts_at), old.expires_at)
