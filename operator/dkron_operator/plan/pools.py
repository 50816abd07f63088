"""DkronPools as a plan reads them, and who gets the places: a function of the free places and of the lines of pools.

A run takes one place in each pool of its job, all in one decision. So no run holds a place while it waits for another
one, and a run that waits takes nothing from others.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from dkron_crds.job import Trigger
from dkron_crds.pool import PoolOrder
from dkron_operator.plan.line_changes import RunKey
from dkron_pods.problem import Problem

PoolKey = tuple[str, str]
"""Namespace and name of a DkronPool."""


@dataclass(frozen=True, slots=True)
class Pool:
    """A DkronPool that serves jobs."""

    key: PoolKey
    size: int
    order: PoolOrder = PoolOrder.FIFO


@dataclass(frozen=True, slots=True)
class Candidate:
    """A run that could begin but for its places."""

    job: str
    """The uid of its DkronJob."""

    run: RunKey
    id: str
    """The id of its execution."""

    queued_at: datetime
    pools: tuple[PoolKey, ...]
    priority: int = 0


Turn = tuple[int, datetime, int, str, Trigger]


def turn(order: PoolOrder, candidate: Candidate) -> Turn:
    """The turn of a run in a pool with this order: the least is first. Of several of one moment, the order is the same
    each time."""
    trigger, group = candidate.run
    urgency = -candidate.priority if order is PoolOrder.PRIORITY else 0
    return urgency, candidate.queued_at, group, candidate.job, trigger


class PoolLine:
    """The runs that wait for a place in one pool, in the order in which they get one."""

    def __init__(self, order: PoolOrder, candidates: Iterable[Candidate] = ()) -> None:
        self.order = order
        self._runs = sorted(candidates, key=lambda each: turn(order, each))
        self._turns = [turn(order, each) for each in self._runs]

    def __len__(self) -> int:
        return len(self._runs)

    def __getitem__(self, position: int) -> Candidate:
        return self._runs[position]

    def __iter__(self) -> Iterator[Candidate]:
        return iter(self._runs)

    def add(self, candidate: Candidate) -> None:
        """The run waits."""
        mine = turn(self.order, candidate)
        position = bisect_left(self._turns, mine)
        self._turns.insert(position, mine)
        self._runs.insert(position, candidate)

    def discard(self, candidate: Candidate) -> None:
        """The run does not wait, if it did."""
        mine = turn(self.order, candidate)
        position = bisect_left(self._turns, mine)
        if self._turns[position : position + 1] == [mine]:
            del self._turns[position], self._runs[position]


PoolLines = Mapping[PoolKey, PoolLine]


def grants(free: Callable[[PoolKey], int], lines: PoolLines, among: Iterable[PoolKey]) -> list[Candidate]:
    """The runs in the lines `among` these that get their places now. `free` is how many places a pool has left.

    A run is eligible if each of its pools has a free place. The next one is the first eligible run in the line of each
    of its pools. If two pools order two runs differently and no run is first in all of its lines, it is, of the runs
    that are first in one line, the one that has waited longest.
    """
    decision = _Decision(free, lines, among)
    found = []
    while (candidate := decision.following()) is not None:
        decision.take(candidate)
        found.append(candidate)
    return found


class _Decision:
    """Places only become fewer here, so a run that is not eligible stays so, and each line is passed through once."""

    def __init__(self, free: Callable[[PoolKey], int], lines: PoolLines, among: Iterable[PoolKey]) -> None:
        self._free = free
        self._lines = lines
        self._among = sorted(key for key in among if key in lines)
        self._used: Counter[PoolKey] = Counter()
        self._taken: set[tuple[str, RunKey]] = set()
        self._passed: Counter[PoolKey] = Counter()

    def following(self) -> Candidate | None:
        """The run that gets its places next; None if none is eligible."""
        heads = [head for key in self._among if (head := self._head(key)) is not None]
        for head in heads:
            if all(self._head(key) is head for key in head.pools):
                return head
        return min(heads, key=lambda each: turn(PoolOrder.FIFO, each), default=None)

    def take(self, candidate: Candidate) -> None:
        """The run has its places."""
        self._taken.add((candidate.job, candidate.run))
        self._used.update(candidate.pools)
        self._among = [key for key in self._among if self._has_place(key)]

    def _head(self, key: PoolKey) -> Candidate | None:
        line = self._lines[key]
        while self._passed[key] < len(line) and not self._is_eligible(line[self._passed[key]]):
            self._passed[key] += 1
        return line[self._passed[key]] if self._passed[key] < len(line) else None

    def _has_place(self, key: PoolKey) -> bool:
        return self._free(key) > self._used[key]

    def _is_eligible(self, candidate: Candidate) -> bool:
        return (candidate.job, candidate.run) not in self._taken and all(map(self._has_place, candidate.pools))


@dataclass(frozen=True, slots=True)
class Places:
    """The places of one job in its pools, as a plan reads them."""

    needed: bool = True
    """The job names pools."""

    free: bool = True
    """A run that is due may begin at once: each pool has a free place that no run which waits could take."""

    granted: frozenset[RunKey] = frozenset()
    """The runs that wait and whose turn it is."""

    problem: Problem | None = None
    """Why no run gets a place: a pool of the job does not exist, or has no effect."""

    def has_turn(self, run: RunKey) -> bool:
        """Whether a run that waits may begin."""
        return not self.needed or run in self.granted


NO_POOLS = Places(needed=False)
"""The places of a job without pools."""
