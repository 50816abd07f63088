"""Which spec was in force when, as far as an observer can know: an operation has its effect between the moment at
which it was invoked and the moment by which the operator must have seen it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic, TypeVar

from tests.chaos.history import FOREVER

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True, slots=True)
class Change(Generic[T]):
    """Something was set to `value`; `seen` is when that must have had its effect, None: perhaps never."""

    value: T
    invoked: datetime
    seen: datetime | None


@dataclass(frozen=True, slots=True)
class Span(Generic[T]):
    """`value` may have been in force from `first` to `last`, and surely was from `sure` to `until`."""

    value: T
    first: datetime
    sure: datetime | None
    until: datetime
    last: datetime

    def covers(self, begin: datetime, end: datetime) -> bool:
        """Whether it surely was in force all that time."""
        return self.sure is not None and self.sure <= begin and end <= self.until

    def touches(self, begin: datetime, end: datetime) -> bool:
        """Whether it may have been in force at some moment of that time."""
        return self.first <= end and begin <= self.last


def spans(changes: Iterable[Change[T]]) -> list[Span[T]]:
    """The spans of changes in the order of their invocation; neighbours that are equal are one."""
    merged = _merged(changes)
    return [_span(change, merged[n + 1 :]) for n, change in enumerate(merged)]


def projected(changes: Iterable[Change[T]], of: Callable[[T], U]) -> list[Change[U]]:
    """The same changes, as far as one aspect of the value goes."""
    return [Change(of(change.value), change.invoked, change.seen) for change in changes]


def _merged(changes: Iterable[Change[T]]) -> list[Change[T]]:
    merged: list[Change[T]] = []
    for change in sorted(changes, key=lambda change: change.invoked):
        if merged and merged[-1].value == change.value:
            seen = merged[-1].seen or change.seen
            merged[-1] = replace(merged[-1], seen=seen)
        else:
            merged.append(change)
    return merged


def _span(change: Change[T], later: Sequence[Change[T]]) -> Span[T]:
    # An operation without an answer may still be undone by anything that came after it; it undoes nothing for sure.
    until = min((other.invoked for other in later), default=FOREVER)
    last = min((other.seen for other in later if other.seen is not None), default=FOREVER)
    sure = change.seen if change.seen is None or change.seen <= until else None
    return Span(change.value, change.invoked, sure, until, max(last, change.invoked))
