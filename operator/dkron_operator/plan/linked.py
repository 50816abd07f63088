"""How a status changes by what ties it to other jobs. As in `fold`, each change can be folded twice, or onto a status
that somebody else has written.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from dkron_crds.job import Ended, GroupStatus, Heard, JobStatus
from dkron_operator.plan.kin import RunKey


@dataclass(frozen=True, slots=True)
class Noted:
    """A run of a parent was taken note of; it waits for the other parents, or has no effect."""

    run: Heard


@dataclass(frozen=True, slots=True)
class Settled:
    """Every job that depends on these runs of this one has taken note of them."""

    groups: frozenset[int]


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Their parents show these runs no more, so nothing can take note of them again."""

    runs: frozenset[RunKey]


@dataclass(frozen=True, slots=True)
class Followed:
    """These jobs run after this one, by their names."""

    names: tuple[str, ...]


Link = Noted | Settled | Forgotten | Followed


def fold_link(status: JobStatus, change: Link) -> JobStatus:
    """The status after one change."""
    match change:
        case Noted(run):
            known = any(key(heard) == key(run) for heard in status.heard)
            return status if known else status.model_copy(update={"heard": (*status.heard, run)})
        case Settled(groups):
            kept = tuple(ended for ended in status.ended if ended.group not in groups)
            return status.model_copy(update={"ended": kept})
        case Forgotten(runs):
            return status.model_copy(update={"heard": tuple(run for run in status.heard if key(run) not in runs)})
        case Followed(names):
            # Asked at each plan, and nearly always the same.
            same = status.dependent_jobs == names
            return status if same else status.model_copy(update={"dependent_jobs": names})


def with_ended(status: JobStatus, group: int, *, at: datetime, result: GroupStatus) -> JobStatus:
    """A run is over, and those that depend on it are to take note of it.

    From before the status was wiped it is history: they may have taken note of it, and have forgotten that.
    """
    old = status.rebuilt_at is not None and at <= status.rebuilt_at
    if old or any(ended.group == group for ended in status.ended):
        return status
    return status.model_copy(update={"ended": (*status.ended, Ended(group=group, at=at, status=result))})


def with_effect(status: JobStatus, runs: Iterable[RunKey]) -> JobStatus:
    """These runs of parents have had their effect, whatever it was. The status itself if they had it before."""
    wanted = set(runs)
    if not any(run.waiting and key(run) in wanted for run in status.heard):
        return status
    heard = tuple(
        run.model_copy(update={"waiting": False}) if key(run) in wanted and run.waiting else run for run in status.heard
    )
    return status.model_copy(update={"heard": heard})


def key(run: Heard) -> RunKey:
    """By what a run of a parent is recognized."""
    return run.uid, run.group
