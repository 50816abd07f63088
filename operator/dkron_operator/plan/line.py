"""The line of a job: runs that were decided, and wait until they may begin.

A run that waits is a claim in `status.active` with `queuedAt`. The write that decides its slot or request also claims
it, so it is decided once. Nothing follows from the claim before the API server has it. Its Job has the name that its
cause gives, so the run begins once, whichever process creates the Job. A run without any trace but its claims waits; as
soon as one of its members has a Job, the others begin, too.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from dkron_crds.job import Active, Concurrency, QueueOrder, SkipReason, Trigger
from dkron_crds.schedule.instants import shifted
from dkron_crds.schedule.timeline import TICK, Timeline
from dkron_operator.plan.actions import CreateJob, ExplainRefusal, Report, Severity
from dkron_operator.plan.cause import ON_REQUEST
from dkron_operator.plan.changes import Dropped
from dkron_operator.plan.decide import refuses_requests, start_deadline
from dkron_operator.plan.plan import Plan, is_over_for_good, waits_in_line
from dkron_operator.plan.upstream_runs import is_over

_WHY = {
    SkipReason.DISABLED: "the job was disabled while the run waited in line",
    SkipReason.SUCCEEDED: "the job is ephemeral, and has succeeded",
    SkipReason.QUEUE_EXPIRED: "it waited in line for longer than spec.queue.expires",
    SkipReason.QUEUE_FULL: "newer runs wait in line, as many as spec.queue.max allows",
    SkipReason.DEADLINE_EXCEEDED: "it waited in line beyond spec.startingDeadlineSeconds",
}


def why_dropped(plan: Plan, entry: Active) -> SkipReason | None:
    """Why a run that waits leaves the line; None if it stays, and then the job is planned again when that changes."""
    job, now = plan.situation.job, plan.situation.now
    run = plan.situation.runs.by_group(entry.group)
    closed = refuses_requests(job) if entry.trigger in ON_REQUEST else job.spec.disabled
    if closed and not (run is not None and run.force):
        return SkipReason.DISABLED
    if is_over(plan):
        return SkipReason.SUCCEEDED
    for reason, end in _ends(plan, entry):
        if now > end:
            return reason
        plan.wake_at(end + TICK)
    return SkipReason.QUEUE_FULL if _is_surplus(plan, entry) else None


def may_begin(plan: Plan, entry: Active) -> bool:
    """Whether the job itself lets a run that waits begin now: it is ready, no pause holds it, and it is its turn."""
    if plan.hold is not None or plan.situation.problem is not None:
        return False
    concurrency = plan.situation.job.spec.concurrency
    if entry.trigger is Trigger.BACKFILL or concurrency is Concurrency.ALLOW:
        return True
    if any(not (waits_in_line(plan, other) or is_over_for_good(plan, other)) for other in plan.status.active):
        return False
    return _turns(plan)[0] == (entry.trigger, entry.group)


def is_claimed(plan: Plan, entry: Active) -> bool:
    """Whether the API server has the claim, so that the run may begin."""
    return any(other.job == entry.job for other in plan.situation.persisted.active)


def dropped(plan: Plan, entry: Active, reason: SkipReason) -> CreateJob:
    """Drop the whole run from the line, unless another process has created its Job."""
    run = plan.situation.runs.by_group(entry.group)
    if run is not None:
        plan.do(ExplainRefusal(run.uid, reason, _WHY[reason]))
    group = (entry.trigger, entry.group)
    others = (other for other in plan.status.active if (other.trigger, other.group) == group and other is not entry)
    return CreateJob(
        entry,
        late=True,
        otherwise=(Dropped(entry.job, reason), *(Dropped(other.job) for other in others)),
        reports=(Report(Severity.WARNING, reason, f"a run does not begin: {_WHY[reason]}", subject=entry.job),),
    )


def newest_surplus(plan: Plan, line: Timeline) -> datetime | None:
    """The newest due slot that more than `max` newer ones would push out of the line at once; None if there is none."""
    queue, mark = plan.situation.job.spec.queue, plan.status.last_schedule_time
    if queue.order is not QueueOrder.NEWEST:
        return None
    slot = line.latest(mark, plan.situation.now)
    for _ in range(queue.max):
        if slot is None:
            break
        slot = line.latest(mark, slot - TICK)
    return slot


def remark(plan: Plan) -> str:
    """How many runs wait, as a sentence; empty if none does."""
    count = len(_turns(plan))
    return "" if not count else "1 run waits in line" if count == 1 else f"{count} runs wait in line"


def _ends(plan: Plan, entry: Active) -> Iterable[tuple[SkipReason, datetime]]:
    """Up to when the run may wait, and the reason after that."""
    job = plan.situation.job
    limits: list[tuple[SkipReason, timedelta | None, datetime]] = []
    if entry.queued_at is not None:
        limits.append((SkipReason.QUEUE_EXPIRED, job.spec.queue.patience, entry.queued_at))
    if entry.trigger is Trigger.SCHEDULE:
        limits.append((SkipReason.DEADLINE_EXCEEDED, start_deadline(job), entry.slot))
    return [(reason, shifted(since, limit)) for reason, limit, since in limits if limit is not None]


def _is_surplus(plan: Plan, entry: Active) -> bool:
    queue = plan.situation.job.spec.queue
    if queue.order is not QueueOrder.NEWEST or entry.trigger is Trigger.BACKFILL:
        return False
    return (entry.trigger, entry.group) in _turns(plan)[queue.max :]


def _turns(plan: Plan) -> list[tuple[Trigger, int]]:
    """The runs that wait for the job itself, in the order in which they begin."""
    waiting = [entry for entry in plan.status.active if waits_in_line(plan, entry)]
    waiting = [entry for entry in waiting if entry.trigger is not Trigger.BACKFILL]
    newest = plan.situation.job.spec.queue.order is QueueOrder.NEWEST
    waiting.sort(key=lambda entry: (entry.queued_at, entry.slot, entry.job), reverse=newest)
    return list(dict.fromkeys((entry.trigger, entry.group) for entry in waiting))
