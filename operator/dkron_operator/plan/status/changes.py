"""The changes of a status, as values. `fold.py` applies them."""

from dataclasses import dataclass
from datetime import datetime

from dkron_crds.job import (
    AcceptedSchedule,
    Active,
    Condition,
    Execution,
    NotedPause,
    SkipReason,
    UnarchivedSlots,
)
from dkron_operator.plan.situation.dependencies import GroupKey
from dkron_operator.plan.status.deferred import DeferredSkipped, DeferredStarted, SlotsDeferred, UndecidedSlots
from dkron_operator.plan.status.dependencies import (
    Link,
    ParentRunsMissed,
)
from dkron_operator.plan.status.line import Dequeued, DroppedFromLine, Returned
from dkron_operator.plan.status.window import Released, Reserved


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
class SinceTakenBack:
    """Slots now count from `to`, because `since` was ahead of the clock."""

    since: datetime
    to: datetime


@dataclass(frozen=True, slots=True)
class RebuiltTakenBack:
    """The status was found wiped by `to`, because `rebuilt_at` was ahead of the clock."""

    rebuilt_at: datetime
    to: datetime


@dataclass(frozen=True, slots=True)
class Decided:
    """The slot fired, or its Job was found."""

    slot: datetime


@dataclass(frozen=True, slots=True)
class SlotsSkipped:
    """The undecided slots up to and including `slot` will never fire: all in `slots`, or only `slot`."""

    slot: datetime
    reason: SkipReason
    at: datetime
    slots: UndecidedSlots | None = None

    def count(self, schedule: AcceptedSchedule | None, mark: datetime | None) -> int | None:
        """How many slots that are on a status with this schedule and mark, which another writer may have moved; None if
        they were settled, as the schedule is another one."""
        return 1 if self.slots is None else self.slots.count(schedule, mark, self.slot)


@dataclass(frozen=True, slots=True)
class Refused:
    """A requested run will never fire. `job`, the name that its Job would have had, has it counted once."""

    reason: SkipReason
    at: datetime
    job: str


@dataclass(frozen=True, slots=True)
class RequestsGone:
    """The requests for these refused runs are gone; `jobs` are the names that their Jobs would have had."""

    jobs: frozenset[str]


@dataclass(frozen=True, slots=True)
class Started:
    """An attempt is running, or is claimed (no uid) and about to run."""

    entry: Active


@dataclass(frozen=True, slots=True)
class Finished:
    """An attempt ended."""

    execution: Execution
    retry: Active | None = None
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

    entries: frozenset[Active]


@dataclass(frozen=True, slots=True)
class ParentRunsHandled:
    """These runs of parents have had their effect as of `at`: a run of this job or, with a `reason`, none."""

    runs: frozenset[GroupKey]
    at: datetime
    reason: SkipReason | None = None


@dataclass(frozen=True, slots=True)
class JobsGone:
    """These finished Jobs no longer exist, so they cannot be counted again."""

    jobs: frozenset[str]


@dataclass(frozen=True, slots=True)
class Lost:
    """The output of the execution of this Job is not where `note` says, which the record shows in its place."""

    job: str
    note: str
    why: str
    """The record shows this then."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """Every receiver of the executions of these Jobs was told, or could not be."""

    jobs: frozenset[str]
    lost: tuple[Lost, ...] = ()


@dataclass(frozen=True, slots=True)
class ArchiveTurned:
    """The operator has an archive, or has none any more."""

    on: bool


@dataclass(frozen=True, slots=True)
class Archived:
    """The archive has the executions of these Jobs, and these slots that did not run."""

    jobs: frozenset[str] = frozenset()
    slots: tuple[UnarchivedSlots, ...] = ()


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


Mark = Decided | DeferredStarted | ParentRunsHandled
"""A change by which a slot, or the runs of parents, are decided."""


@dataclass(frozen=True, slots=True)
class Enqueued:
    """A run begins to wait in line: `entries` are the claims of its members, `marks` decide it, and a request is
    refused under the name `job`. If another write has decided it, its run may have left the line since."""

    entries: tuple[Active, ...]
    marks: tuple[Mark, ...]
    job: str


Change = (
    Accepted | Decided | SlotsSkipped | SlotsDeferred | DeferredStarted | DeferredSkipped | Refused | RequestsGone
    | Started | Enqueued | Dequeued | Returned | DroppedFromLine | Finished | Dropped | Discarded
    | ParentRunsHandled | ParentRunsMissed | JobsGone | Delivered | ArchiveTurned | Archived
    | ConditionsSet | PauseNoted | Link | Reserved | Released | MarkTakenBack | SinceTakenBack | RebuiltTakenBack
)  # fmt: skip
