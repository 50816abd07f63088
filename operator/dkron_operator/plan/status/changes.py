"""The changes of a status, as values. `fold.py` applies them."""

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from dkron_crds.job import (
    AcceptedSchedule,
    Attempt,
    Condition,
    JobStatus,
    NotedPause,
    Receiver,
    SkipReason,
    UnarchivedSlots,
)
from dkron_operator.plan.situation.dependencies import GroupKey
from dkron_operator.plan.status.deferred import SlotsDeferred, UndecidedSlots, count, first
from dkron_operator.plan.status.dependencies import Link, ParentRunsPassed
from dkron_operator.plan.status.line import Dequeued, DroppedFromLine, Returned
from dkron_operator.plan.status.window import Reserved


@dataclass(frozen=True, slots=True)
class Accepted:
    """The schedule is in force, with slots counted from `since`."""

    since: datetime
    fingerprint: str
    """Identifies the accepted schedule."""

    rebuilt: bool = False
    """The status was wiped."""

    schedule: AcceptedSchedule | None = None
    """What makes the job due by itself; None if nothing does."""


@dataclass(frozen=True, slots=True)
class MarkTakenBack:
    """The mark moved from `mark`, ahead of the clock, back to `to`. The slots `begun` between the two have run."""

    mark: datetime
    to: datetime
    begun: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True)
class TimeTakenBack:
    """A time of the status moved back to `to`, because it was ahead of the clock."""

    of: Literal["since", "rebuilt_at"]
    time: datetime
    to: datetime


@dataclass(frozen=True, slots=True)
class Decided:
    """The slot fired, or its Job was found. `deferred`: it is the first of those that wait for their turn."""

    slot: datetime
    deferred: bool = False


@dataclass(frozen=True, slots=True)
class SlotsSkipped:
    """The undecided slots up to and including `slot` will never fire: all in `slots`, or only `slot`. `deferred`: those
    that wait for their turn."""

    slot: datetime
    reason: SkipReason
    slots: UndecidedSlots | None = None
    deferred: bool = False

    def count(self, status: JobStatus) -> int | None:
        """How many slots that are on this status, which another writer may have changed; None if they were settled, as
        the schedule is another one, or the mark has passed them."""
        mark, slots = status.last_schedule_time, self.slots
        if not self.deferred and mark is not None and mark >= self.slot:
            return None
        if slots is None:
            return 1
        if slots.schedule != status.accepted:
            return None
        return count(status.deferred, slots, self.slot) if self.deferred else slots.number(mark, self.slot)

    def first(self, status: JobStatus) -> datetime | None:
        """The first of them, on this status."""
        if self.slots is None:
            return self.slot
        if self.deferred:
            return first(status.deferred, self.slots.line, self.slot)
        return self.slots.first(status.last_schedule_time)


@dataclass(frozen=True, slots=True)
class Refused:
    """A requested run will never fire. `job`, the name that its Job would have had, has it counted once."""

    reason: SkipReason
    at: datetime
    job: str


Memory = Literal["counted", "refused", "heard", "consumed", "ended"]
"""The lists of a status from which entries go one by one."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """These entries of a list are no longer needed, by what identifies each: finished Jobs that no longer exist,
    refused runs whose requests are gone, runs that their parents no longer show, jobs that are no parents any more, and
    runs that no dependent job waits for, or that are given up."""

    of: Memory
    keys: frozenset[Hashable]


@dataclass(frozen=True, slots=True)
class Started:
    """An attempt is claimed, or its Job was seen to wait or run."""

    entry: Attempt


@dataclass(frozen=True, slots=True)
class Finished:
    """An attempt ended."""

    execution: Attempt
    retry: Attempt | None = None
    """The claim of the next attempt, if there is one."""

    deliver: bool = False
    """Processors or notification endpoints still have to be told."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """A claim was given up before its Job existed. `reason` is set if its slot is skipped as well."""

    job: str
    reason: SkipReason | None = None


@dataclass(frozen=True, slots=True)
class Discarded:
    """These entries of `active` are not an operator's. An entry that has changed since stays."""

    entries: frozenset[Attempt]


@dataclass(frozen=True, slots=True)
class ParentRunsHandled:
    """These runs of parents have had their effect as of `at`: a run of this job or, with a `reason`, none."""

    runs: frozenset[GroupKey]
    at: datetime
    reason: SkipReason | None = None


@dataclass(frozen=True, slots=True)
class Lost:
    """The output of the execution of this Job is not where `note` says, which the record shows in its place."""

    job: str
    note: str
    why: str
    """The record shows this then."""


@dataclass(frozen=True, slots=True)
class HandedOver:
    """A receiver has got the executions of these Jobs, or cannot get them, and the archive these slots that did not
    run."""

    to: Receiver
    jobs: frozenset[str] = frozenset()
    lost: tuple[Lost, ...] = ()
    slots: tuple[UnarchivedSlots, ...] = ()


@dataclass(frozen=True, slots=True)
class ArchiveTurned:
    """The operator has an archive, or has none any more."""

    on: bool


@dataclass(frozen=True, slots=True)
class ConditionsSet:
    """What users see: the verdict on the spec, when the job runs next, and after which jobs."""

    generation: int
    conditions: tuple[Condition, ...]
    next: datetime | None
    runs_after: str = ""


@dataclass(frozen=True, slots=True)
class PauseNoted:
    """A pause holds the job; None: no pause does any more."""

    noted: NotedPause | None


Mark = Decided | ParentRunsHandled
"""A change by which a slot, or the runs of parents, are decided."""


@dataclass(frozen=True, slots=True)
class Enqueued:
    """A run begins to wait in line: `entries` are the claims of its members, `marks` decide it, and a request is
    refused under the name `job`. If another write has decided it, its run may have left the line since."""

    entries: tuple[Attempt, ...]
    marks: tuple[Mark, ...]
    job: str


Change = (
    Accepted | Decided | SlotsSkipped | SlotsDeferred | Refused | Forgotten
    | Started | Enqueued | Dequeued | Returned | DroppedFromLine | Finished | Dropped | Discarded
    | ParentRunsHandled | ParentRunsPassed | HandedOver | ArchiveTurned
    | ConditionsSet | PauseNoted | Link | Reserved | MarkTakenBack | TimeTakenBack
)  # fmt: skip
