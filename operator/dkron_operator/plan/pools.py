"""DkronPools as a plan reads them, and who gets the places: a function of the free places and of the runs that wait.

A run takes one place in each pool of its job, all in one decision. So no run holds a place while it waits for another
one, and a run that waits takes nothing from others.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from heapq import nsmallest

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

    @property
    def age(self) -> tuple[datetime, int, str, Trigger]:
        """The one that has waited longest compares least. Of several of one moment, the order is the same each time."""
        trigger, group = self.run
        return self.queued_at, group, self.job, trigger


def in_line(order: PoolOrder, candidates: Iterable[Candidate], most: int | None = None) -> list[Candidate]:
    """The runs in the order in which a pool with this order gives them places; only the first ones if `most` is
    given."""
    by_priority = order is PoolOrder.PRIORITY

    def key(each: Candidate) -> tuple[int, tuple[datetime, int, str, Trigger]]:
        return (-each.priority if by_priority else 0), each.age

    return sorted(candidates, key=key) if most is None else nsmallest(most, candidates, key=key)


def grants(pools: Iterable[Pool], free: Mapping[PoolKey, int], candidates: Iterable[Candidate]) -> list[Candidate]:
    """The runs that get their places now, of which there are so many `free`.

    A run is eligible if each of its pools has a free place. The next one is the first eligible run in the line of each
    of its pools; if two pools order two runs differently and no run is first in all of its lines, the eligible run that
    has waited longest.
    """
    decision = _Decision(pools, free, candidates)
    found = []
    while (candidate := decision.following()) is not None:
        decision.take(candidate)
        found.append(candidate)
    return found


class _Decision:
    """Places only become fewer here, so a run that is not eligible leaves its lines for good."""

    def __init__(self, pools: Iterable[Pool], free: Mapping[PoolKey, int], candidates: Iterable[Candidate]) -> None:
        self._free = dict(free)
        self._taken: set[tuple[str, RunKey]] = set()
        waiting = [each for each in candidates if self._is_eligible(each)]
        by_pool: dict[PoolKey, list[Candidate]] = defaultdict(list)
        for each in waiting:
            for key in each.pools:
                by_pool[key].append(each)
        self._lines = {pool.key: deque(in_line(pool.order, by_pool[pool.key])) for pool in pools if pool.key in by_pool}
        self._by_age = deque(in_line(PoolOrder.FIFO, waiting))

    def following(self) -> Candidate | None:
        """The run that gets its places next; None if none is eligible."""
        heads = {key: self._head(line) for key, line in self._lines.items()}
        for head in heads.values():
            if head is not None and all(heads[key] is head for key in head.pools):
                return head
        return self._head(self._by_age)

    def take(self, candidate: Candidate) -> None:
        """The run has its places."""
        self._taken.add((candidate.job, candidate.run))
        for key in candidate.pools:
            self._free[key] -= 1
            if self._free[key] <= 0:
                del self._lines[key]

    def _head(self, line: deque[Candidate]) -> Candidate | None:
        while line and not self._is_eligible(line[0]):
            line.popleft()
        return line[0] if line else None

    def _is_eligible(self, candidate: Candidate) -> bool:
        has_places = all(self._free.get(key, 0) > 0 for key in candidate.pools)
        return has_places and (candidate.job, candidate.run) not in self._taken


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
