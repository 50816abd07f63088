"""How a status changes by the links between jobs. As in `fold`, each change can be folded twice, or onto a status that
another writer has changed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from dkron_crds.base import saturated
from dkron_crds.job import Consumed, Ended, GroupStatus, Heard, JobStatus, Published
from dkron_crds.status import MAX_ENDED
from dkron_operator.plan.situation.dependencies import GroupKey


@dataclass(frozen=True, slots=True)
class Noted:
    """The job noted a run of a parent. The run waits for the other parents, or has no effect."""

    run: Heard


@dataclass(frozen=True, slots=True)
class Tracked:
    """The runs that this parent has shown so far are consumed; only later ones count."""

    consumed: Consumed


@dataclass(frozen=True, slots=True)
class ParentRunsPassed:
    """A parent has shown runs that can no longer be noted. `count` includes all runs consumed before. They were
    `missed` at that time, or had ended before the job depended on the parent."""

    uid: str
    count: int
    missed: datetime | None = None


@dataclass(frozen=True, slots=True)
class Followed:
    """These jobs run after this one, by their names."""

    names: tuple[str, ...]


Link = Noted | Tracked | Followed
"""All but `ParentRunsPassed`, which may count as skipped (see `fold`)."""


def fold_link(status: JobStatus, change: Link) -> JobStatus:
    """The status after one change."""
    match change:
        case Noted(run):
            known = any(key(heard) == key(run) for heard in status.heard)
            return status if known else _noted(status, run)
        case Tracked(entry):
            return _tracked(status, entry)
        case Followed(names):
            # Every plan folds this, and the names rarely change.
            same = status.dependent_jobs == names
            return status if same else status.model_copy(update={"dependent_jobs": names})


def published(status: JobStatus) -> Published:
    """How many runs have ever stood in `ended`; where that was not counted, how many stand there now."""
    if status.published is not None:
        return status.published
    good = sum(ended.status is GroupStatus.SUCCESS for ended in status.ended)
    return Published(success=good, failed=len(status.ended) - good)


def with_consumed(status: JobStatus, uid: str, count: int) -> JobStatus:
    """Raise the count of consumed runs of the parent with this uid to `count`; it never falls."""
    counted = tuple(
        each.model_copy(update={"count": count}) if each.uid == uid and each.count < count else each
        for each in status.consumed
    )
    return status.model_copy(update={"consumed": counted})


def consumed(status: JobStatus, uid: str) -> int | None:
    """How many runs of the parent with this uid are consumed; None if they are not counted."""
    return next((each.count for each in status.consumed if each.uid == uid), None)


def oldest_first(ended: Iterable[Ended]) -> list[Ended]:
    """The order in which ended runs are given up."""
    return sorted(ended, key=lambda each: (each.at, each.group))


def _tracked(status: JobStatus, entry: Consumed) -> JobStatus:
    before = next((each for each in status.consumed if each.job == entry.job), None)
    if before is not None and before.model_copy(update={"count": entry.count}) == entry:
        # Another operator has begun to count first, and its count may be higher by now.
        return status
    return status.model_copy(update={"consumed": (*(each for each in status.consumed if each is not before), entry)})


def _noted(status: JobStatus, run: Heard) -> JobStatus:
    after = status.model_copy(update={"heard": (*status.heard, run)})
    before = consumed(status, run.uid)
    return after if before is None else with_consumed(after, run.uid, saturated(before + 1))


def with_ended(status: JobStatus, group: int, *, at: datetime, result: GroupStatus) -> JobStatus:
    """A run is over, and dependent jobs can note it.

    A run from before the status was wiped is history: dependent jobs may have noted it already and forgotten it since.
    """
    old = status.rebuilt_at is not None and at <= status.rebuilt_at
    if old or any(ended.group == group for ended in status.ended):
        return status
    before = published(status)
    kind = "success" if result is GroupStatus.SUCCESS else "failed"
    shown = (*status.ended, Ended(group=group, at=at, status=result))
    if len(shown) > MAX_ENDED:
        # The plan leaves room; a status that another writer changed may not.
        given_up = {each.group for each in oldest_first(shown)[:-MAX_ENDED]}
        shown = tuple(each for each in shown if each.group not in given_up)
    counted = before.model_copy(update={kind: saturated(getattr(before, kind) + 1)})
    return status.model_copy(update={"ended": shown, "published": counted})


def with_effect(status: JobStatus, runs: Iterable[GroupKey]) -> JobStatus:
    """These runs of parents have had their effect, whatever it was. Returns the same object if they had it before."""
    wanted = set(runs)
    if not any(run.waiting and key(run) in wanted for run in status.heard):
        return status
    heard = tuple(
        run.model_copy(update={"waiting": False}) if key(run) in wanted and run.waiting else run for run in status.heard
    )
    return status.model_copy(update={"heard": heard})


def key(run: Heard) -> GroupKey:
    """What identifies a run of a parent."""
    return run.uid, run.group
