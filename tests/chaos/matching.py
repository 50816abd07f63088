"""Whether runs can be given to targets, one each, by nothing but the time at which they began.

Runs are points and targets are windows. In the order of time, each run goes to the open window that closes first: that
leaves the fewest runs over, and the fewest windows (Glover's rule for convex graphs). If all targets that must run can
have a run, and all runs can have a target, then one assignment does both (Mendelsohn and Dulmage), so each is asked for
by itself.
"""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Window(Generic[T]):
    """Something that wants one point in its time."""

    opens: datetime
    closes: datetime
    what: T


@dataclass(frozen=True, slots=True)
class Point(Generic[R]):
    """Something that happened."""

    at: datetime
    what: R


@dataclass(frozen=True, slots=True)
class Matching(Generic[T, R]):
    """The best assignment. `empty` windows got no point, `over` are points that no window was left for."""

    pairs: list[tuple[Window[T], Point[R]]]
    empty: list[Window[T]]
    over: list[Point[R]]


def match(windows: Iterable[Window[T]], points: Iterable[Point[R]]) -> Matching[T, R]:
    """Give each window a point of its own, as many as can be."""
    coming = sorted(windows, key=lambda window: window.opens, reverse=True)
    open_: list[tuple[datetime, int, Window[T]]] = []
    found: Matching[T, R] = Matching([], [], [])
    for point in sorted(points, key=lambda point: point.at):
        while coming and coming[-1].opens <= point.at:
            heapq.heappush(open_, (coming[-1].closes, len(coming), coming.pop()))
        while open_ and open_[0][0] < point.at:
            found.empty.append(heapq.heappop(open_)[2])
        if open_:
            found.pairs.append((heapq.heappop(open_)[2], point))
        else:
            found.over.append(point)
    found.empty.extend([window for _, _, window in open_] + coming)
    return found
