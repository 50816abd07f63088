"""Folding in tests: the status after some changes, or what metrics count of them."""

from collections.abc import Iterable

from dkron_crds.job import History, JobStatus
from dkron_operator.plan.status.changes import Change
from dkron_operator.plan.status.facts import Countable
from dkron_operator.plan.status.fold import fold


def fold_all(status: JobStatus, changes: Iterable[Change], history: History) -> JobStatus:
    return fold(status, changes, history)[0]


def fold_one(status: JobStatus, change: Change, history: History) -> JobStatus:
    return fold_all(status, (change,), history)


def counted(status: JobStatus, changes: Iterable[Change]) -> tuple[Countable, ...]:
    return tuple(fact for fact in fold(status, changes, History())[1] if isinstance(fact, Countable))
