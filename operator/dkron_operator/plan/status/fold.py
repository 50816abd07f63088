"""How a status changes.

Every change can be folded twice, or onto a status that another writer has changed meanwhile, with the same result. That
makes a lost answer or a crash harmless.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby

from dkron_crds.attempt_names import started_at
from dkron_crds.attempts import MAX_OUTPUT
from dkron_crds.conditions import MAX_CONDITIONS, ConditionType
from dkron_crds.job import (
    Active,
    Condition,
    Execution,
    GroupStatus,
    History,
    JobStatus,
    SkipReason,
)
from dkron_crds.schedule.instants import later
from dkron_crds.status import MAX_COUNTED, MAX_REFUSED
from dkron_operator.plan.situation.cause import ON_REQUEST
from dkron_operator.plan.status.archive_outbox import archived, owed_slots, turned, with_owed
from dkron_operator.plan.status.changes import (
    Accepted,
    Archived,
    ArchiveTurned,
    Change,
    ConditionsSet,
    Decided,
    Delivered,
    Discarded,
    Dropped,
    Enqueued,
    Finished,
    JobsGone,
    Lost,
    MarkTakenBack,
    ParentRunsHandled,
    PauseNoted,
    RebuiltTakenBack,
    Refused,
    RequestsGone,
    SinceTakenBack,
    SlotsSkipped,
    Started,
)
from dkron_operator.plan.status.counters import with_claim_skipped, with_execution, with_skipped
from dkron_operator.plan.status.deferred import (
    DeferredSkipped,
    DeferredStarted,
    SlotsDeferred,
    first,
    without,
)
from dkron_operator.plan.status.dependencies import (
    EndedBefore,
    Followed,
    Forgotten,
    GivenUp,
    Link,
    Noted,
    ParentRunsMissed,
    Settled,
    Tracked,
    Untracked,
    consumed,
    fold_link,
    with_consumed,
    with_effect,
    with_ended,
)
from dkron_operator.plan.status.line import Dequeued, DroppedFromLine, Returned, with_begun, with_returned
from dkron_operator.plan.status.mark import marked, taken_back, with_ran_ahead
from dkron_operator.plan.status.trim import trimmed
from dkron_operator.plan.status.window import Released, Reserved, fold_window


def fold_all(status: JobStatus, changes: Iterable[Change], history: History) -> JobStatus:
    """The status after all the changes, in order."""
    for kind, group in groupby(changes, type):
        if kind is Started:
            entries = [change.entry for change in group if isinstance(change, Started)]
            status = _with_all_active(status, entries)
            continue
        for change in group:
            status = fold(status, change, history)
    return status


def fold(status: JobStatus, change: Change, history: History) -> JobStatus:  # noqa: C901, PLR0911, PLR0912 - one case, one line
    """The status after one change."""
    match change:
        case Accepted():
            return _accepted(status, change)
        case Decided(slot):
            return marked(status, slot)
        case SlotsSkipped():
            return _passed(status, change)
        case SlotsDeferred() | DeferredStarted() | DeferredSkipped():
            return _deferred(status, change)
        case Refused() | RequestsGone():
            return _refused(status, change)
        case Started(entry):
            return _with_all_active(status, [entry])
        case Finished():
            return status if is_recorded(status, change.execution.job) else _finished(status, change, history)
        case Dropped(job, reason):
            return _dropped(status, job, reason)
        case Enqueued():
            return _enqueued(status, change, history)
        case Dequeued():
            return with_begun(status, change)
        case Returned():
            return with_returned(status, change)
        case DroppedFromLine():
            return _dropped_from_line(status, change)
        case Discarded(entries):
            return _with(status, active=tuple(entry for entry in status.active if entry not in entries))
        case JobsGone(jobs):
            return _with(status, counted=tuple(name for name in status.counted if name not in jobs))
        case Delivered():
            return _delivered(status, change)
        case ArchiveTurned(on):
            return turned(status, on=on)
        case Archived():
            return archived(status, change)
        case PauseNoted(noted):
            return _with(status, paused=noted)
        case ConditionsSet(generation, conditions, upcoming, runs_after):
            told = (*conditions, *_of_others(status, conditions))[:MAX_CONDITIONS]
            return _with(status, observed_generation=generation, conditions=told, next=upcoming, runs_after=runs_after)
        case (
            ParentRunsHandled() | ParentRunsMissed() | Noted() | Settled() | GivenUp()
            | Tracked() | Untracked() | EndedBefore() | Forgotten() | Followed()
        ):  # fmt: skip
            return _linked(status, change)
        case Reserved() | Released():
            return fold_window(status, change)
        case MarkTakenBack(mark, to, begun):
            return taken_back(status, to, begun) if status.last_schedule_time == mark else status
        case SinceTakenBack(since, to):
            return _with(status, since=to) if status.since == since else status
        case RebuiltTakenBack(rebuilt_at, to):
            return _with(status, rebuilt_at=to) if status.rebuilt_at == rebuilt_at else status


def _accepted(status: JobStatus, change: Accepted) -> JobStatus:
    if status.since is not None and status.fingerprint == change.fingerprint:
        if status.accepted == change.schedule:
            # Another operator noticed the change first: slots count from then.
            return status
        return _with(status, since=max(status.since, change.since), accepted=change.schedule)
    rebuilt_at = change.since if change.rebuilt else status.rebuilt_at
    # Another operator settled the slots before the change that it noticed: `since` never moves back.
    since = later(status.since, change.since)
    return _with(
        status,
        since=since,
        fingerprint=change.fingerprint,
        accepted=change.schedule,
        rebuilt_at=rebuilt_at,
        deferred=(),
    )


def _delivered(status: JobStatus, change: Delivered) -> JobStatus:
    executions = status.executions
    for lost in change.lost:
        executions = tuple(_without_note(each, lost) if each.job == lost.job else each for each in executions)
    owed = tuple(name for name in status.undelivered if name not in change.jobs)
    return _with(status, undelivered=owed, executions=executions)


def _without_note(execution: Execution, lost: Lost) -> Execution:
    lines = execution.output.split("\n")
    if lost.note not in lines:
        return execution
    lines[lines.index(lost.note)] = lost.why
    # A user with permission to write the status may have made it longer than an operator does.
    return execution.model_copy(update={"output": "\n".join(lines)[:MAX_OUTPUT]})


def _of_others(status: JobStatus, ours: tuple[Condition, ...]) -> Iterator[Condition]:
    """Conditions that another writer keeps in the status, as they are now. Those that find no room go. Stalled is ours,
    and absent while it does not hold."""
    types = {condition.type for condition in ours} | {ConditionType.STALLED}
    return (condition for condition in status.conditions if condition.type not in types)


def recorded(status: JobStatus) -> set[str]:
    """Names of the Jobs that have been counted, for callers that look up many of them."""
    return {*status.counted, *(execution.job for execution in status.executions)}


def is_recorded(status: JobStatus, job: str) -> bool:
    """Whether the Job of this name has been counted."""
    return job in status.counted or any(execution.job == job for execution in status.executions)


def is_known(status: JobStatus, job: str) -> bool:
    """Whether the Job of this name has been counted, or is active or claimed."""
    return is_recorded(status, job) or any(entry.job == job for entry in status.active)


def _with(status: JobStatus, **fields: object) -> JobStatus:
    return status.model_copy(update=fields)


def _passed(status: JobStatus, change: SlotsSkipped) -> JobStatus:
    mark = status.last_schedule_time
    if mark is not None and mark >= change.slot:
        return status
    count = change.count(status.accepted, mark)
    if count is None:
        return status
    passed = marked(status, change.slot)
    if not count:
        return passed
    began = change.slot if change.slots is None else change.slots.first(mark)
    owing = owed_slots(passed, began, change.slot, count=count, reason=change.reason)
    return with_skipped(owing, count=count, reason=change.reason, at=change.at)


def _deferred(status: JobStatus, change: SlotsDeferred | DeferredStarted | DeferredSkipped) -> JobStatus:
    match change:
        case SlotsDeferred(until):
            stretches = change.onto(status.deferred, status.accepted, status.last_schedule_time)
            return status if stretches is None else marked(_with(status, deferred=stretches), until)
        case DeferredStarted(slot):
            return _with(status, deferred=without(status.deferred, slot))
        case DeferredSkipped(until, reason, at):
            count = change.count(status.deferred, status.accepted)
            if count is None:
                return status
            after = _with(status, deferred=without(status.deferred, until))
            if not count:
                return after
            began = first(status.deferred, change.slots.line, until)
            owing = owed_slots(after, began, until, count=count, reason=reason)
            return with_skipped(owing, count=count, reason=reason, at=at)


def _refused(status: JobStatus, change: Refused | RequestsGone) -> JobStatus:
    if isinstance(change, RequestsGone):
        return _with(status, refused=tuple(name for name in status.refused if name not in change.jobs))
    if change.job in status.refused:
        return status
    after = _with(status, refused=(*status.refused, change.job))
    return with_skipped(after, count=1, reason=change.reason, at=change.at)


def _with_all_active(status: JobStatus, entries: Sequence[Active]) -> JobStatus:
    """Any number of attempts at the cost of one."""
    done, active = recorded(status), {entry.job: entry for entry in status.active}
    changed = False
    for entry in entries:
        known = active.get(entry.job)
        if entry.job not in done and (known is None or (entry.uid and entry != known)):
            active[entry.job], changed = entry, True
    return _with(status, active=tuple(active.values())) if changed else status


def _enqueued(status: JobStatus, change: Enqueued, history: History) -> JobStatus:
    decided = fold_all(status, change.marks, history)
    if change.job in status.refused or (change.marks and decided == status):
        return status
    return _with_all_active(decided, change.entries)


def _dropped(status: JobStatus, job: str, reason: SkipReason | None) -> JobStatus:
    claim = next((e for e in status.active if e.job == job and not e.uid), None)
    if claim is None:
        return status
    status = _with(status, active=tuple(e for e in status.active if e is not claim))
    if reason is not None:
        status = with_claim_skipped(status, claim, reason)
    over = not any(e.group == claim.group for e in status.active)
    ended = any(e.group == claim.group for e in status.executions)
    return _with_group(status, status.executions, claim.group) if over and ended else status


def _dropped_from_line(status: JobStatus, change: DroppedFromLine) -> JobStatus:
    """The status after a run was dropped from the line, which counts once, however many members it has."""
    first, left = change.entries[0], {entry.job: entry for entry in change.entries}
    # Comparing two entries takes long, and most are not among those that leave.
    kept = tuple([entry for entry in status.active if entry.job not in left or left[entry.job] != entry])
    if len(kept) + len(change.entries) != len(status.active):
        return status
    status = _with(status, active=kept)
    if first.trigger in ON_REQUEST and change.job not in status.refused:
        # Its annotation, or its DkronRun, may still ask for it.
        status = _with(status, refused=(*status.refused, change.job)[-MAX_REFUSED:])
    return with_claim_skipped(status, first, change.reason)


def _linked(status: JobStatus, change: ParentRunsHandled | ParentRunsMissed | Link) -> JobStatus:
    if isinstance(change, ParentRunsMissed):
        return _overrun(status, change)
    if not isinstance(change, ParentRunsHandled):
        return fold_link(status, change)
    after = with_effect(status, change.runs)
    if after is status or change.reason is None:
        return after
    return with_skipped(after, count=1, reason=change.reason, at=change.at)


def _overrun(status: JobStatus, change: ParentRunsMissed) -> JobStatus:
    before = consumed(status, change.uid)
    if before is None or before >= change.count:
        return status
    after = with_consumed(status, change.uid, change.count)
    return with_skipped(after, count=change.count - before, reason=SkipReason.OVERRUN, at=change.at)


def _finished(status: JobStatus, change: Finished, history: History) -> JobStatus:
    execution = change.execution
    executions = tuple(sorted((execution, *status.executions), key=start_of, reverse=True))
    active = tuple(e for e in status.active if e.job != execution.job)
    if change.retry is not None and not is_known(status, change.retry.job):
        active = (*active, change.retry)
    # The list exceeds the limit only if a user has written names by hand. Drop the oldest names: a list that is too
    # long could not be written.
    status = _with(status, active=active, counted=(*status.counted, execution.job)[-MAX_COUNTED:])
    status = with_execution(with_ran_ahead(status, execution), execution)
    if not any(e.group == execution.group for e in active):
        status = _with_group(status, executions, execution.group)
    unarchived = () if status.unarchived is None else (*status.unarchived.executions, execution.job)
    kept = trimmed(executions, limit=history.executions, active=active, owed=unarchived)
    status = with_owed(_with(status, executions=kept), unarchived, executions)
    return _owed(status, execution.job) if change.deliver else status


def _owed(status: JobStatus, job: str) -> JobStatus:
    """The execution of this Job still has to be delivered. An execution that is not kept cannot be."""
    kept = {execution.job for execution in status.executions}
    return _with(status, undelivered=tuple(name for name in (*status.undelivered, job) if name in kept))


def start_of(execution: Execution) -> tuple[datetime, int]:
    """When it was requested, taken from the start of its id: the times that a pod reports are whole seconds."""
    try:
        return started_at(execution.id), execution.attempt
    except (ValueError, OverflowError):
        # A user has edited the status by hand.
        return execution.started_at, execution.attempt


def _with_group(status: JobStatus, executions: tuple[Execution, ...], group: int) -> JobStatus:
    members = [e for e in executions if e.group == group]
    result = group_status(members)
    status = with_ended(status, group, at=max(e.finished_at for e in members), result=result)
    running = {entry.group for entry in status.active}
    if any(e.group > group and e.group not in running for e in executions):
        return status
    return status.model_copy(update={"status": result})


def group_status(executions: Iterable[Execution]) -> GroupStatus:
    """The result of a finished group. The last attempt of each member decides, so a successful retry makes up for
    earlier failures."""
    last: dict[str, Execution] = {}
    for execution in sorted(executions, key=lambda execution: execution.attempt):
        last[execution.member] = execution
    results = {execution.success for execution in last.values()}
    if len(results) > 1:
        return GroupStatus.PARTIALLY_FAILED
    return GroupStatus.SUCCESS if True in results else GroupStatus.FAILED
