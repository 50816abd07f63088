"""The changes of a line: runs leave it to begin, or are dropped from it (docs/adr/0047).

Both apply only to entries that are exactly as the plan saw them. So a run that another process has begun is not
dropped, and one that it has dropped does not begin.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter

from dkron_crds.job import Attempt, AttemptState, JobStatus, SkipReason
from dkron_operator.plan.situation.cause import RunKey

TICK = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Dequeued:
    """A run leaves the line to begin: `entries` are the claims of its members."""

    entries: tuple[Attempt, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class DroppedFromLine:
    """A run leaves the line, and will not begin: `entries` are the claims of its members."""

    entries: tuple[Attempt, ...]
    reason: SkipReason
    job: str
    """The name that its first Job has without a member: a request is refused under it."""


@dataclass(frozen=True, slots=True)
class Returned:
    """A run that was about to begin waits in line after all: `entries` are the claims of its members."""

    entries: tuple[Attempt, ...]
    at: datetime


def run_of(entry: Attempt) -> RunKey:
    """The run of this entry."""
    return entry.trigger, entry.group


def queued(entry: Attempt, now: datetime) -> Attempt:
    """The claim, as one that waits in line from now on."""
    return entry.model_copy(update={"state": AttemptState.WAITING, "queued_at": now, "started_at": now})


def dequeued(entry: Attempt, now: datetime) -> Attempt:
    """The claim, as one that begins now. The clock may have been set back."""
    since = entry.queued_at
    begins = now if since is None else max(now, since + TICK)
    return entry.model_copy(update={"state": AttemptState.CLAIMED, "started_at": begins})


def returned(entry: Attempt, now: datetime) -> Attempt:
    """The claim, as one that waits in line, at the place that it had there."""
    return queued(entry, entry.queued_at or now)


def returning(status: JobStatus, attempt: Attempt, known: Iterable[RunKey]) -> tuple[Attempt, ...]:
    """The claims of the run of this attempt, if none of its attempts ever began: these can wait in line. `known` are
    the runs of the Jobs that exist."""
    run = run_of(attempt)
    mine = tuple(entry for entry in status.active if run_of(entry) == run)
    begun = any(not entry.is_claim or entry.attempt > 1 for entry in mine)
    ended = any((record.trigger, record.group) == run for record in status.executions)
    claimed = tuple(entry for entry in mine if entry.state is AttemptState.CLAIMED)
    return () if begun or ended or run in known else claimed


def line_of(active: Iterable[Attempt]) -> list[tuple[Attempt, ...]]:
    """The runs that wait in line, each with the claims of its members; the oldest first. Those that one plan has queued
    stand in the status in their order."""
    waiting = [entry for entry in active if entry.state is AttemptState.WAITING]
    runs: dict[RunKey, list[Attempt]] = {}
    for entry in sorted(waiting, key=attrgetter("queued_at")):
        runs.setdefault(run_of(entry), []).append(entry)
    return [tuple(entries) for entries in runs.values()]


def with_begun(status: JobStatus, change: Dequeued) -> JobStatus:
    """The status after a run has left the line to begin."""
    return _with_each(status, change, dequeued)


def with_returned(status: JobStatus, change: Returned) -> JobStatus:
    """The status after a run has come into line, or back."""
    return _with_each(status, change, returned)


def _with_each(status: JobStatus, change: Dequeued | Returned, to: Callable[[Attempt, datetime], Attempt]) -> JobStatus:
    moved = frozenset(change.entries)
    if not moved & frozenset(status.active):
        return status
    active = tuple(to(entry, change.at) if entry in moved else entry for entry in status.active)
    return status.model_copy(update={"active": active})
