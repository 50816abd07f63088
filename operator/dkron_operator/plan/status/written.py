"""The facts that a write of a status makes true: which slots it settles, and which executions it records. The metrics
count them.

A process counts a fact when the API server has accepted its write that holds the fact. Changes folded a second time, or
onto the status of another writer, settle nothing again.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from dkron_crds.job import AcceptedSchedule, Active, Execution, JobStatus, SkipReason, Trigger
from dkron_operator.plan.status.changes import (
    Accepted,
    Change,
    Decided,
    Discarded,
    Dropped,
    Enqueued,
    Finished,
    MarkTakenBack,
    SlotsSkipped,
    Started,
)
from dkron_operator.plan.status.deferred import (
    DeferredSkipped,
    DeferredStarted,
    SlotsDeferred,
    Stretches,
    is_in,
    not_after,
    without,
)
from dkron_operator.plan.status.fold import is_known, is_recorded
from dkron_operator.plan.status.line import DroppedFromLine

REPLACED = "Replaced"
"""The reason of a claimed slot that did not run because a newer one took its claim before its Job existed."""


class SlotResult(StrEnum):
    """What became of a scheduled slot."""

    FIRED = "fired"
    SKIPPED = "skipped"
    MISSED = "missed"


MISSED = frozenset({SkipReason.MISSED, SkipReason.DEADLINE_EXCEEDED})
"""Reasons that mean that the operator could not fire in time. The others are rules of the job."""


@dataclass(frozen=True, slots=True)
class Slots:
    """`count` slots up to `slot` are settled."""

    slot: datetime
    result: SlotResult
    reason: str = ""
    count: int = 1


Fact = Slots | Execution


def facts(
    before: JobStatus, changes: Iterable[Change], *, mark: datetime, forgotten: frozenset[str] = frozenset()
) -> tuple[Fact, ...]:
    """The facts that the changes make true of the status that they are folded onto.

    `mark` is the newest slot ever seen settled, and `forgotten` are recorded Jobs. A user who wipes the status takes
    neither back.
    """
    reading = _Reading(before, max(mark, before.last_schedule_time or mark), forgotten)
    for change in changes:
        reading.apply(change)
    return tuple(reading.facts())


def holds(status: JobStatus, fact: Fact) -> bool:
    """Whether a status shows the fact. Used when the answer to a write was lost. A record of the same attempt that says
    something else is of another process, which counts it."""
    if isinstance(fact, Execution):
        kept = next((each for each in status.executions if each.job == fact.job), None)
        end = None if kept is None else (kept.finished_at, kept.reason)
        return is_recorded(status, fact.job) and end in (None, (fact.finished_at, fact.reason))
    mark = status.last_schedule_time
    waits = is_in(status.deferred, fact.slot) or fact.slot in _claims(status).values()
    return mark is not None and mark >= fact.slot and not waits


def _claims(status: JobStatus) -> dict[str, datetime]:
    """The slots whose Jobs are still to be created, by the names of those Jobs."""
    return {entry.job: entry.slot for entry in status.active if _claims_slot(entry)}


def _claims_slot(entry: Active) -> bool:
    return not entry.uid and entry.trigger is Trigger.SCHEDULE and entry.attempt == 1


@dataclass(slots=True)
class _Reading:
    """Collects the facts. A claimed slot is settled when its Jobs exist, or are given up."""

    before: JobStatus
    mark: datetime
    forgotten: frozenset[str]
    deferred: Stretches = field(init=False)
    claims: dict[str, datetime] = field(init=False)
    accepted: AcceptedSchedule | None = field(init=False)
    fired: dict[datetime, None] = field(default_factory=dict)
    others: list[Slots] = field(default_factory=list)
    ended: dict[str, Execution] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.deferred = self.before.deferred
        self.claims = _claims(self.before)
        self.accepted = self.before.accepted

    def apply(self, change: Change) -> None:
        match change:
            case Decided(slot) if slot > self.mark:
                self.mark = slot
                self.fired[slot] = None
            case SlotsSkipped(slot) if slot > self.mark:
                self._pass(change)
            case Accepted():
                self.accepted = change.schedule
            case SlotsDeferred() | DeferredStarted() | DeferredSkipped():
                self._defer(change)
            case MarkTakenBack(mark, to, _) if mark == self.mark:
                self.mark, self.deferred = to, not_after(self.deferred, to)
            case Started() | Enqueued():
                self._claim(change)
            case Dropped() | DroppedFromLine():
                self._drop(change)
            case Discarded(entries):
                self._discard(entries)
            case Finished(execution):
                self._finish(execution)
            case _:
                pass

    def facts(self) -> Iterator[Fact]:
        waiting = set(self.claims.values())
        yield from (Slots(slot, SlotResult.FIRED) for slot in self.fired if slot not in waiting)
        yield from self.others
        yield from self.ended.values()

    def _pass(self, change: SlotsSkipped) -> None:
        count = change.count(self.accepted, self.mark)
        if count is None:
            return
        self.mark = change.slot
        if count:
            self.others.append(_unfired(change.slot, change.reason, count))

    def _defer(self, change: SlotsDeferred | DeferredStarted | DeferredSkipped) -> None:
        match change:
            case SlotsDeferred(until):
                stretches = change.onto(self.deferred, self.accepted, self.mark)
                if stretches is not None:
                    self.mark, self.deferred = until, stretches
            case DeferredStarted(slot) if is_in(self.deferred, slot):
                self.deferred = without(self.deferred, slot)
                self.fired[slot] = None
            case DeferredSkipped(until, reason) if count := change.count(self.deferred, self.accepted):
                self.deferred = without(self.deferred, until)
                self.others.append(_unfired(until, reason, count))
            case _:
                pass

    def _finish(self, execution: Execution) -> None:
        self._settle(execution.job)
        if not (execution.job in self.forgotten or is_recorded(self.before, execution.job)):
            self.ended.setdefault(execution.job, execution)

    def _discard(self, entries: frozenset[Active]) -> None:
        # Its slot was settled before the entry was written, or is another one's to settle.
        for entry in entries:
            self.claims.pop(entry.job, None)

    def _drop(self, change: Dropped | DroppedFromLine) -> None:
        if isinstance(change, Dropped):
            jobs, reason = [change.job], change.reason or REPLACED
        else:
            first = change.entries[0]
            if first not in self.before.active and is_known(self.before, first.job):
                # It has begun.
                return
            jobs, reason = [entry.job for entry in change.entries], change.reason
        slots = {self.claims.pop(job) for job in jobs if job in self.claims}
        self.others += [_unfired(slot, reason, 1) for slot in slots]

    def _start(self, entry: Active) -> None:
        if not _claims_slot(entry):
            self._settle(entry.job)
        elif not (entry.job in self.known or is_known(self.before, entry.job)):
            self.claims[entry.job] = entry.slot

    def _claim(self, change: Started | Enqueued) -> None:
        if isinstance(change, Started):
            self._start(change.entry)
            return
        before = (self.mark, self.deferred)
        for mark in change.marks:
            self.apply(mark)
        if (self.mark, self.deferred) != before:
            for entry in change.entries:
                self._start(entry)

    def _settle(self, job: str) -> None:
        self.known.add(job)
        slot = self.claims.pop(job, None)
        if slot is not None:
            self.fired[slot] = None


def _unfired(slot: datetime, reason: str, count: int) -> Slots:
    result = SlotResult.MISSED if reason in MISSED else SlotResult.SKIPPED
    return Slots(slot, result, str(reason), count)
