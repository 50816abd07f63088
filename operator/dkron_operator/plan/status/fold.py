"""How a status changes, and which facts the changes make true.

Every change can be folded twice, or onto a status that another writer has changed meanwhile, with the same result, and
the second time it makes no fact true. That makes a lost answer or a crash harmless.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

from dkron_crds.attempt_names import started_at
from dkron_crds.conditions import MAX_CONDITIONS, ConditionType
from dkron_crds.job import (
    Attempt,
    AttemptState,
    Condition,
    GroupStatus,
    History,
    JobStatus,
    Receiver,
    SkipReason,
)
from dkron_crds.schedule.instants import later
from dkron_crds.status import MAX_COUNTED, MAX_REFUSED
from dkron_operator.plan.situation.cause import ON_REQUEST
from dkron_operator.plan.status.changes import (
    Accepted,
    ArchiveTurned,
    Change,
    ConditionsSet,
    Decided,
    Discarded,
    Dropped,
    Enqueued,
    Finished,
    Forgotten,
    HandedOver,
    MarkTakenBack,
    Memory,
    ParentRunsHandled,
    PauseNoted,
    Refused,
    SlotsSkipped,
    Started,
    TimeTakenBack,
)
from dkron_operator.plan.status.counters import with_claim_skipped, with_execution, with_skipped
from dkron_operator.plan.status.deferred import (
    SlotsDeferred,
    is_in,
    without,
)
from dkron_operator.plan.status.dependencies import (
    Followed,
    Noted,
    ParentRunsPassed,
    Tracked,
    consumed,
    fold_link,
    key,
    published,
    with_consumed,
    with_effect,
    with_ended,
)
from dkron_operator.plan.status.facts import (
    REPLACED,
    Fact,
    Facts,
    Marked,
    Recorded,
    RequestRefused,
    Shown,
    SlotResult,
    Slots,
    claims_slot,
    settled,
    unfired,
)
from dkron_operator.plan.status.line import Dequeued, DroppedFromLine, Returned, with_begun, with_returned
from dkron_operator.plan.status.mark import marked, taken_back, with_ran_ahead
from dkron_operator.plan.status.outbox import (
    handed_over,
    owed_slots,
    owed_to,
    turned,
    with_entry,
    without_missing,
)
from dkron_operator.plan.status.trim import trimmed
from dkron_operator.plan.status.window import Reserved, fold_window

KEYS: Mapping[Memory, Callable[[Any], Hashable]] = {
    "counted": str,
    "refused": str,
    "heard": key,
    "consumed": attrgetter("job"),
    "ended": attrgetter("group"),
}
"""What identifies an entry of these lists."""


def fold(status: JobStatus, changes: Iterable[Change], history: History) -> tuple[JobStatus, Facts]:
    """The status after all the changes, in order, and what has become true by them."""
    facts: list[Fact] = []
    for kind, group in groupby(changes, type):
        if kind is Started:
            entries = [change.entry for change in group if isinstance(change, Started)]
            status = _with_all_active(status, entries, facts)
            continue
        for change in group:
            status = _fold_one(status, change, history, facts)
    return status, settled(facts, status)


def _fold_one(status: JobStatus, change: Change, history: History, facts: list[Fact]) -> JobStatus:  # noqa: C901, PLR0911, PLR0912 - one case, one line
    """The status after one change, whose facts are added."""
    match change:
        case Accepted():
            return _accepted(status, change)
        case Decided(slot, deferred):
            return _had_its_turn(status, slot, facts) if deferred else _decided(status, slot, facts)
        case SlotsSkipped():
            return _skipped(status, change, facts)
        case SlotsDeferred(until):
            stretches = change.onto(status.deferred, status.accepted, status.last_schedule_time)
            return status if stretches is None else marked(_with(status, deferred=stretches), until)
        case Refused():
            return _refused(status, change, facts)
        case Forgotten(of, keys):
            return _forgotten(status, of, keys)
        case Started(entry):
            return _with_all_active(status, [entry], facts)
        case Finished():
            return status if is_recorded(status, change.execution.job) else _finished(status, change, history, facts)
        case Dropped():
            return _dropped(status, change, facts)
        case Enqueued():
            return _enqueued(status, change, history, facts)
        case Dequeued():
            return with_begun(status, change)
        case Returned():
            return with_returned(status, change)
        case DroppedFromLine():
            return _dropped_from_line(status, change, facts)
        case Discarded(entries):
            return _with(status, active=tuple(entry for entry in status.active if entry not in entries))
        case HandedOver():
            return handed_over(status, change)
        case ArchiveTurned(on):
            return turned(status, on=on)
        case PauseNoted(noted):
            return _with(status, paused=noted)
        case ConditionsSet(generation, conditions, upcoming, runs_after):
            told = (*conditions, *_of_others(status, conditions))[:MAX_CONDITIONS]
            return _with(status, observed_generation=generation, conditions=told, next=upcoming, runs_after=runs_after)
        case ParentRunsHandled():
            return _handled(status, change)
        case ParentRunsPassed():
            return _parent_runs_passed(status, change)
        case Noted() | Tracked() | Followed():
            return fold_link(status, change)
        case Reserved():
            return fold_window(status, change)
        case MarkTakenBack():
            return _taken_back(status, change, facts)
        case TimeTakenBack(of, time, to):
            return _with(status, **{of: to}) if getattr(status, of) == time else status


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


def _decided(status: JobStatus, slot: datetime, facts: list[Fact]) -> JobStatus:
    mark = status.last_schedule_time
    if mark is None or slot > mark:
        facts += [Marked(slot), Slots(slot, SlotResult.FIRED)]
    return marked(status, slot)


def _taken_back(status: JobStatus, change: MarkTakenBack, facts: list[Fact]) -> JobStatus:
    if status.last_schedule_time != change.mark:
        return status
    status = taken_back(status, change.to, change.begun)
    facts.append(Marked(status.last_schedule_time or change.to, back=True))
    return status


def _skipped(status: JobStatus, change: SlotsSkipped, facts: list[Fact]) -> JobStatus:
    slot, count = change.slot, change.count(status)
    if count is None:
        return status
    after = _with(status, deferred=without(status.deferred, slot)) if change.deferred else marked(status, slot)
    if not count:
        return after
    facts.append(unfired(slot, change.reason, count))
    owing = owed_slots(after, change.first(status), slot, count=count, reason=change.reason)
    return with_skipped(owing, count=count, reason=change.reason, at=slot)


def _had_its_turn(status: JobStatus, slot: datetime, facts: list[Fact]) -> JobStatus:
    if is_in(status.deferred, slot):
        facts.append(Slots(slot, SlotResult.FIRED))
    return _with(status, deferred=without(status.deferred, slot))


def _refused(status: JobStatus, change: Refused, facts: list[Fact]) -> JobStatus:
    if change.job in status.refused:
        return status
    facts.append(RequestRefused(change.job))
    after = _with(status, refused=(*status.refused, change.job))
    return with_skipped(after, count=1, reason=change.reason, at=change.at)


def _forgotten(status: JobStatus, of: Memory, keys: frozenset[Hashable]) -> JobStatus:
    identify = KEYS[of]
    kept = tuple(each for each in getattr(status, of) if identify(each) not in keys)
    return _with(status, **{of: kept}, published=published(status)) if of == "ended" else _with(status, **{of: kept})


def _with_all_active(status: JobStatus, entries: Sequence[Attempt], facts: list[Fact]) -> JobStatus:
    """Any number of attempts at the cost of one."""
    done, active = recorded(status), {entry.job: entry for entry in status.active}
    changed = False
    for entry in entries:
        known = active.get(entry.job)
        if entry.job not in done and (known is None or _is_news(entry, known)):
            active[entry.job], changed = entry, True
            facts.append(Shown(entry))
            if known is not None and claims_slot(known):
                facts.append(Slots(known.slot, SlotResult.FIRED))
    return _with(status, active=tuple(active.values())) if changed else status


def _is_news(entry: Attempt, known: Attempt) -> bool:
    """Whether an entry replaces the one that the status has. A leader that was away may have seen the Job before Kueue
    evicted it, or admitted it again."""
    if entry.is_claim or entry == known:
        return False
    return entry.uid != known.uid or _stage(entry) >= _stage(known)


def _stage(entry: Attempt) -> tuple[int, bool]:
    """Orders the states of a Job that Kueue may evict any number of times."""
    return entry.evictions, entry.state is AttemptState.RUNNING


def _enqueued(status: JobStatus, change: Enqueued, history: History, facts: list[Fact]) -> JobStatus:
    decided, found = fold(status, change.marks, history)
    if change.job in status.refused or (change.marks and decided == status):
        return status
    facts += found
    return _with_all_active(decided, change.entries, facts)


def _dropped(status: JobStatus, change: Dropped, facts: list[Fact]) -> JobStatus:
    claim = next((e for e in status.active if e.job == change.job and e.is_claim), None)
    if claim is None:
        return status
    if claims_slot(claim):
        facts.append(unfired(claim.slot, change.reason or REPLACED))
    status = _with(status, active=tuple(e for e in status.active if e is not claim))
    if change.reason is not None:
        status = with_claim_skipped(status, claim, change.reason)
    over = not any(e.group == claim.group for e in status.active)
    ended = any(e.group == claim.group for e in status.executions)
    return _with_group(status, status.executions, claim.group) if over and ended else status


def _dropped_from_line(status: JobStatus, change: DroppedFromLine, facts: list[Fact]) -> JobStatus:
    """The status after a run was dropped from the line, which counts once, however many members it has."""
    first, left = change.entries[0], {entry.job: entry for entry in change.entries}
    # Comparing two entries takes long, and most are not among those that leave.
    kept = tuple([entry for entry in status.active if entry.job not in left or left[entry.job] != entry])
    if len(kept) + len(change.entries) != len(status.active):
        return status
    if claims_slot(first):
        facts.append(unfired(first.slot, change.reason))
    status = _with(status, active=kept)
    if first.trigger in ON_REQUEST and change.job not in status.refused:
        # Its annotation, or its DkronRun, may still ask for it.
        status = _with(status, refused=(*status.refused, change.job)[-MAX_REFUSED:])
    return with_claim_skipped(status, first, change.reason)


def _handled(status: JobStatus, change: ParentRunsHandled) -> JobStatus:
    after = with_effect(status, change.runs)
    if after is status or change.reason is None:
        return after
    return with_skipped(after, count=1, reason=change.reason, at=change.at)


def _parent_runs_passed(status: JobStatus, change: ParentRunsPassed) -> JobStatus:
    before = consumed(status, change.uid)
    if before is None or before >= change.count:
        return status
    after = with_consumed(status, change.uid, change.count)
    if change.missed is None:
        return after
    return with_skipped(after, count=change.count - before, reason=SkipReason.OVERRUN, at=change.missed)


def _finished(status: JobStatus, change: Finished, history: History, facts: list[Fact]) -> JobStatus:
    execution = change.execution
    # A claim whose Job was refused has fired as well.
    facts += [Slots(e.slot, SlotResult.FIRED) for e in status.active if e.job == execution.job and claims_slot(e)]
    facts.append(Recorded(execution))
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
    status = with_entry(status, execution.job, deliver=change.deliver)
    unarchived = owed_to(status, Receiver.ARCHIVE)
    kept = trimmed(executions, limit=history.executions, active=active, owed=unarchived)
    return without_missing(_with(status, executions=kept), executions)


def start_of(execution: Attempt) -> tuple[datetime, int]:
    """When it was requested, taken from the start of its id: the times that a pod reports are whole seconds."""
    try:
        return started_at(execution.id), execution.attempt
    except (ValueError, OverflowError):
        # A user has edited the status by hand.
        return execution.started_at, execution.attempt


def _with_group(status: JobStatus, executions: tuple[Attempt, ...], group: int) -> JobStatus:
    members = [e for e in executions if e.group == group]
    result = group_status(members)
    status = with_ended(status, group, at=max(e.ended_at for e in members), result=result)
    running = {entry.group for entry in status.active}
    if any(e.group > group and e.group not in running for e in executions):
        return status
    return status.model_copy(update={"status": result})


def group_status(executions: Iterable[Attempt]) -> GroupStatus:
    """The result of a finished group. The last attempt of each member decides, so a successful retry makes up for
    earlier failures."""
    last: dict[str, Attempt] = {}
    for execution in sorted(executions, key=lambda execution: execution.attempt):
        last[execution.member] = execution
    results = {execution.success for execution in last.values()}
    if len(results) > 1:
        return GroupStatus.PARTIALLY_FAILED
    return GroupStatus.SUCCESS if True in results else GroupStatus.FAILED
