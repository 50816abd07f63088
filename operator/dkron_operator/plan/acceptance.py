"""Acceptance: from which moment slots count, and what becomes of those of the schedule before an edit.

A job is accepted in two steps, before any of its slots is decided: the status says since when slots count, and then an
annotation says that it does. Whoever wipes the status, and with it the API server's record of who wrote it, leaves the
annotation: such a job is not new, and no slot of it runs again.
"""

from datetime import datetime

from dkron_crds.base import rfc3339
from dkron_crds.job import AcceptedSchedule, JobSpec, ReadyReason, SkipReason, Trigger
from dkron_crds.schedule import ScheduleError, TimezoneError, parse
from dkron_crds.schedule.timeline import TICK, Timeline
from dkron_operator.plan.fold import Accepted, Decided, Passed
from dkron_operator.plan.plan import Plan, begun_slots
from dkron_operator.plan.upstream_runs import is_over

BROKEN = "-"
"""The fingerprint of a spec that cannot run: mended, it is another one, and no slot in between fires."""


def plan_acceptance(plan: Plan) -> None:
    """Notice a new job, an edit, and a status that somebody wiped."""
    situation, job, status = plan.situation, plan.situation.job, plan.status
    broken = situation.problem is not None
    fingerprint = BROKEN if broken else job.fingerprint
    schedule = None if broken else accepted_schedule(job.spec)
    if status.since is None and not (job.accepted or job.status_written):
        plan.note(Accepted(job.created, fingerprint, schedule=schedule))
    elif status.since is None:
        plan.note(Accepted(situation.now, fingerprint, rebuilt=True, schedule=schedule))
        text = "status was wiped: it is rebuilt from the Jobs that exist, counters restart, and slots count from now"
        plan.warn("StatusRebuilt", text)
    elif (status.fingerprint != fingerprint or status.accepted != schedule) and _is_pending(plan):
        # What has become of a slot of the old schedule is found out first.
        return
    elif status.fingerprint != fingerprint:
        _settle_old_slots(plan, SkipReason.NOT_READY if broken else SkipReason.EDITED)
        # A clock that is behind does not lead back to what was settled by the edit before.
        plan.note(Accepted(max(situation.now, status.since, job.created), fingerprint, schedule=schedule))
        if status.fingerprint == BROKEN:
            plan.tell(ReadyReason.SCHEDULED, "the job is in order again; its slots count from now")
    elif status.accepted != schedule:
        _accept_expiry(plan, status.since, schedule)


def is_accepted(plan: Plan) -> bool:
    """Whether slots may be decided: the API server has the moment from which they count, and the annotation that says
    so. Without the first another replica may count from another moment, and a slot of `@every` that is fired before is
    none; without the second a wiped status would look new."""
    since = plan.status.since
    return since is not None and since == plan.situation.persisted.since and plan.situation.accepted


def accepted_schedule(spec: JobSpec) -> AcceptedSchedule | None:
    """What makes the job due by itself; None if nothing does."""
    if not spec.schedule or spec.disabled or spec.parents:
        return None
    return AcceptedSchedule(
        schedule=spec.schedule, timezone=spec.timezone, starts_at=spec.starts_at, expires_at=spec.expires_at
    )


def _accept_expiry(plan: Plan, since: datetime, schedule: AcceptedSchedule | None) -> None:
    """Only `expiresAt` differs, or an older version has written the status. The phase of `@every` stays, unless the job
    was over: what it had due meanwhile was none of its slots."""
    old, now = plan.status.accepted, plan.situation.now
    expired = old is not None and old.expires_at is not None and old.expires_at < now
    _settle_old_slots(plan, SkipReason.EDITED)
    plan.note(Accepted(max(now, since) if expired else since, plan.status.fingerprint, schedule=schedule))


def _is_pending(plan: Plan) -> bool:
    """Whether the create of a slot's Job got no answer, or a slot that is due is claimed for a call whose process may
    have made it."""
    unconfirmed_create, mark, window = (
        plan.situation.unconfirmed_create,
        plan.status.last_schedule_time,
        plan.status.window,
    )
    if (
        unconfirmed_create is not None
        and unconfirmed_create.trigger is Trigger.SCHEDULE
        and (mark is None or unconfirmed_create.slot > mark)
    ):
        return True
    return window is not None and window.slots[0] <= plan.situation.now


def _settle_old_slots(plan: Plan, reason: SkipReason) -> None:
    """Count what the schedule before the edit had due and nobody has decided."""
    line, mark = _old_timeline(plan), plan.status.last_schedule_time
    newest = None if line is None else line.latest(mark, plan.situation.now)
    if line is None or newest is None:
        return
    count = line.count(mark, newest) - len(_begun(plan, line, newest))
    if count == 0:
        plan.note(Decided(newest))
        return
    plan.note(Passed(newest, count, reason, at=newest))
    slots = "1 slot that was due was" if count == 1 else f"{count} slots that were due were"
    why = "the job is not in order" if reason is SkipReason.NOT_READY else "the job was edited before"
    plan.warn("SlotsMissed", f"{slots} not run, the newest at {rfc3339(newest)}: {why}")


def _begun(plan: Plan, line: Timeline, newest: datetime) -> set[datetime]:
    """The slots of the old schedule that have an attempt already, though the mark does not say so yet."""
    mark = plan.status.last_schedule_time
    undecided = {slot for slot in begun_slots(plan) if slot <= newest and (mark is None or slot > mark)}
    return {slot for slot in undecided if line.latest(slot - TICK, slot) == slot}


def _old_timeline(plan: Plan) -> Timeline | None:
    old, since = plan.status.accepted, plan.status.since
    if old is None or since is None or is_over(plan):
        return None
    try:
        schedule = parse(old.schedule, timezone=old.timezone, name=plan.situation.job.dkron_name)
    except (ScheduleError, TimezoneError):
        # Written by hand, or by a version that took more.
        return None
    return Timeline(schedule, since, old.starts_at, old.expires_at)
