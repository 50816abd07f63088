"""The line of a job: runs that were decided, and wait until they may begin (docs/adr/0047).

The write that decides a slot or a request also claims its run, so it is decided once. A write of its own takes the run
from the line, and only then its Job is created, under the name that its cause gives.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from dkron_crds.job import Attempt, AttemptState, Concurrency, QueueOrder, SkipReason, Trigger
from dkron_crds.schedule.instants import shifted
from dkron_crds.schedule.timeline import TICK, Timeline
from dkron_operator.plan.actions import ExplainRefusal
from dkron_operator.plan.decide import refuses_requests, start_deadline
from dkron_operator.plan.plan import Line, Plan, dropped_from_line, is_over_for_good, overrules_line
from dkron_operator.plan.situation.cause import ON_REQUEST, RunKey
from dkron_operator.plan.status.line import line_of, run_of
from dkron_operator.plan.steps.dependents import is_over
from dkron_operator.plan.steps.replacing import is_replaced

_WHY = {
    SkipReason.DISABLED: "the job was disabled while the run waited in line",
    SkipReason.SUCCEEDED: "the job is ephemeral, and has succeeded",
    SkipReason.QUEUE_EXPIRED: "it waited in line for longer than spec.queue.expires",
    SkipReason.QUEUE_FULL: "newer runs wait in line, as many as spec.queue.max allows",
    SkipReason.DEADLINE_EXCEEDED: "it waited in line beyond spec.startingDeadlineSeconds",
    SkipReason.REPLACED: "it waited in line, and a newer run took its turn",
}


def plan_line(plan: Plan) -> None:
    """Drop the runs that may not wait any longer."""
    runs = line_of(plan.status.active)
    if not runs:
        return
    surplus = _surplus(plan, runs)
    for entries in runs:
        reason = _why_dropped(plan, entries[0]) or (SkipReason.QUEUE_FULL if run_of(entries[0]) in surplus else None)
        if reason is not None:
            _drop(plan, entries, reason)


def may_begin(plan: Plan, entry: Attempt) -> bool:
    """Whether the job itself lets a run that waits begin now: it is ready, no pause holds it, and it is its turn."""
    if plan.hold is not None or plan.situation.problem is not None:
        return False
    if overrules_line(plan, entry):
        return True
    spec = plan.situation.job.spec
    if spec.concurrency is Concurrency.ALLOW:
        # All may begin. Where they get places one by one, the newest is first if the job wants that.
        return spec.queue.order is QueueOrder.OLDEST or _line(plan).turns[0] == run_of(entry)
    line = _line(plan)
    return not line.blocked and line.turns[0] == run_of(entry)


def newest_surplus(plan: Plan, line: Timeline) -> datetime | None:
    """The newest due slot that `max` newer ones would push out of the line at once; None if there is none."""
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
    """How many runs wait, and whether a pool is why, as a sentence; empty if none does."""
    begins = None if plan.create is None else run_of(plan.create.entry)
    count = sum(run_of(entries[0]) != begins for entries in line_of(plan.status.active))
    if not count:
        return ""
    pools = plan.situation.job.spec.pools if plan.ready and plan.places.needed else ()
    why = f", for a place in {', '.join(sorted(pools))}" if pools else ""
    why = f"{why}, for room in a ResourceQuota" if plan.refused else why
    return f"1 run waits in line{why}" if count == 1 else f"{count} runs wait in line{why}"


def _why_dropped(plan: Plan, entry: Attempt) -> SkipReason | None:
    """Why the run leaves the line; None if it stays, and then the job is planned again when that changes."""
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
    return SkipReason.REPLACED if plan.may_lack_room and is_replaced(plan, entry) else None


def _ends(plan: Plan, entry: Attempt) -> Iterator[tuple[SkipReason, datetime]]:
    """Up to when the run may wait, and the reason after that."""
    job = plan.situation.job
    if (patience := job.spec.queue.patience) is not None:
        yield SkipReason.QUEUE_EXPIRED, shifted(entry.started_at, patience)
    if entry.trigger is Trigger.SCHEDULE and (deadline := start_deadline(job)) is not None:
        yield SkipReason.DEADLINE_EXCEEDED, shifted(entry.slot, deadline)


def _surplus(plan: Plan, runs: Sequence[tuple[Attempt, ...]]) -> frozenset[RunKey]:
    """The runs that newer ones push out of the line."""
    queue = plan.situation.job.spec.queue
    if queue.order is not QueueOrder.NEWEST:
        return frozenset()
    return frozenset(_line(plan).turns[queue.max :]) if len(runs) > queue.max else frozenset()


def _line(plan: Plan) -> Line:
    """The line of the job. Each claim in it asks, so it is computed again only when `active` has changed."""
    active = plan.status.active
    if plan.line is None or plan.line.active is not active:
        waiting = (entries[0] for entries in line_of(active))
        turns = tuple(run_of(entry) for entry in waiting if not overrules_line(plan, entry))
        newest_first = plan.situation.job.spec.queue.order is QueueOrder.NEWEST
        blocked = any(not (other.state is AttemptState.WAITING or is_over_for_good(plan, other)) for other in active)
        plan.line = Line(active, turns[::-1] if newest_first else turns, blocked)
    return plan.line


def _drop(plan: Plan, entries: tuple[Attempt, ...], reason: SkipReason) -> None:
    first, why = entries[0], _WHY[reason]
    plan.record(dropped_from_line(plan, entries, reason))
    plan.warn(reason, f"a run does not begin: {why}", first.job)
    run = plan.situation.runs.by_group(first.group)
    if run is not None:
        plan.do(ExplainRefusal(run.uid, reason, why))
