"""The changes of a line: runs leave it to begin, or are dropped from it (docs/adr/0047).

Both apply only to entries that are exactly as the plan saw them. So a run that another process has begun is not
dropped, and one that it has dropped does not begin.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter

from dkron_crds.job import Active, JobStatus, SkipReason, Trigger

TICK = timedelta(milliseconds=1)
RunKey = tuple[Trigger, int]
"""Trigger and group of a run."""


@dataclass(frozen=True, slots=True)
class Dequeued:
    """A run leaves the line to begin: `entries` are the claims of its members."""

    entries: tuple[Active, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class DroppedFromLine:
    """A run leaves the line, and will not begin: `entries` are the claims of its members."""

    entries: tuple[Active, ...]
    reason: SkipReason
    job: str
    """The name that its first Job has without a member: a request is refused under it."""


def run_of(entry: Active) -> RunKey:
    """The run of this entry."""
    return entry.trigger, entry.group


def queued(entry: Active, now: datetime) -> Active:
    """The claim, as one that waits in line from now on."""
    return entry.model_copy(update={"queued_at": now, "started_at": now})


def dequeued(entry: Active, now: datetime) -> Active:
    """The claim, as one that begins now. The clock may have been set back."""
    since = entry.queued_at
    return entry.model_copy(update={"started_at": now if since is None else max(now, since + TICK)})


def line_of(active: Iterable[Active]) -> list[tuple[Active, ...]]:
    """The runs that wait in line, each with the claims of its members; the oldest first. Those that one plan has queued
    stand in the status in their order."""
    waiting = [entry for entry in active if entry.waits_in_line]
    runs: dict[RunKey, list[Active]] = {}
    for entry in sorted(waiting, key=attrgetter("queued_at")):
        runs.setdefault(run_of(entry), []).append(entry)
    return [tuple(entries) for entries in runs.values()]


def with_begun(status: JobStatus, change: Dequeued) -> JobStatus:
    """The status after a run has left the line to begin."""
    left = frozenset(change.entries)
    if not left & frozenset(status.active):
        return status
    active = tuple(dequeued(entry, change.at) if entry in left else entry for entry in status.active)
    return status.model_copy(update={"active": active})
