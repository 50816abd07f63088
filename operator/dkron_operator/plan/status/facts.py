"""The facts that changes make true of a status: which slots they settle, and which attempts they show and record.

`fold` gives them; metrics, the cached job and traces read them. A process counts a fact when the API server has
accepted its write that holds the fact (docs/adr/0020).
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dkron_crds.job import Attempt, JobStatus, SkipReason, Trigger
from dkron_operator.plan.status.deferred import is_in

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


@dataclass(frozen=True, slots=True)
class Marked:
    """The mark was moved to a slot that fires or, if it was ahead of the clock, `back`."""

    slot: datetime
    back: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """`active` shows this attempt, or what is new about it."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Recorded:
    """An attempt is recorded."""

    execution: Attempt


@dataclass(frozen=True, slots=True)
class RequestRefused:
    """A requested run will never fire; `job` is the name that its Job would have had."""

    job: str


Countable = Slots | Recorded
Fact = Countable | Marked | Shown | RequestRefused
Facts = tuple[Fact, ...]


def unfired(slot: datetime, reason: str, count: int = 1) -> Slots:
    """Slots up to this one do not run."""
    return Slots(slot, SlotResult.MISSED if reason in MISSED else SlotResult.SKIPPED, str(reason), count)


def settled(facts: list[Fact], status: JobStatus) -> Facts:
    """These facts of changes that led to this status. A slot has fired once the Jobs of all its claims exist, and then
    once."""
    fired = dict.fromkeys(fact for fact in facts if isinstance(fact, Slots) and fact.result is SlotResult.FIRED)
    if not fired:
        return tuple(facts)
    waiting = claimed_slots(status)
    return (*(fact for fact in fired if fact.slot not in waiting), *(fact for fact in facts if fact not in fired))


def holds(status: JobStatus, fact: Countable) -> bool:
    """Whether a status shows the fact. Used when the answer to a write was lost. A record of the same attempt that says
    something else is of another process, which counts it."""
    if isinstance(fact, Recorded):
        ours = fact.execution
        kept = next((each for each in status.executions if each.job == ours.job), None)
        if kept is None:
            return ours.job in status.counted
        return (kept.finished_at, kept.reason) == (ours.finished_at, ours.reason)
    mark = status.last_schedule_time
    waits = is_in(status.deferred, fact.slot) or fact.slot in claimed_slots(status)
    return mark is not None and mark >= fact.slot and not waits


def claimed_slots(status: JobStatus) -> set[datetime]:
    """The slots whose Jobs are still to be created."""
    return {entry.slot for entry in status.active if claims_slot(entry)}


def claims_slot(entry: Attempt) -> bool:
    """Whether this is the claim of a slot, whose Job is still to be created."""
    return entry.is_claim and entry.trigger is Trigger.SCHEDULE and entry.attempt == 1
