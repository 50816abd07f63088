"""DkronPools as a plan reads them, and who gets the places: a function of the free places and of the lines of pools.

A run takes one place in each pool of its job, all in one decision. So no run holds a place while it waits for another
one.
"""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from heapq import merge

from dkron_crds.job import Trigger
from dkron_crds.pool import PoolOrder
from dkron_operator.plan.situation.cause import RunKey
from dkron_pods.problem import Problem

MOST_WAITING = 10_000
"""How many runs of a namespace may wait for places in pools."""
PoolKey = tuple[str, str]
"""Namespace and name of a DkronPool."""
Group = tuple[str, tuple[PoolKey, ...]]
"""Runs of one namespace that need places in the same pools."""


@dataclass(frozen=True, slots=True)
class Pool:
    """A DkronPool that serves jobs."""

    key: PoolKey
    size: int
    order: PoolOrder = PoolOrder.FIFO
    per_namespace: int | None = None
    """How many places the runs of one namespace may hold; None if all."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A run that could begin but for its places."""

    job: str
    """The uid of its DkronJob."""

    run: RunKey
    id: str
    """The id of its execution."""

    queued_at: datetime
    namespace: str
    pools: tuple[PoolKey, ...]
    priority: int = 0
    place: int = 0
    """How many runs of its job stand before it."""

    @property
    def group(self) -> Group:
        """Where it needs places."""
        return self.namespace, self.pools


Turn = tuple[int, datetime, int, int, str, Trigger]


def turn(order: PoolOrder, candidate: Candidate) -> Turn:
    """The turn of a run in a pool with this order, among the runs of its namespace: the least is first. Of several of
    one moment, the order is the same each time."""
    trigger, group = candidate.run
    urgency = -candidate.priority if order is PoolOrder.PRIORITY else 0
    return urgency, candidate.queued_at, candidate.place, group, candidate.job, trigger


def _waited(candidate: Candidate) -> Turn:
    """The turn of a run among runs of several namespaces."""
    return turn(PoolOrder.FIFO, candidate)


class _Runs:
    """The runs that wait in one group, in both orders."""

    def __init__(self) -> None:
        self._sorted: dict[PoolOrder, list[Candidate]] = {order: [] for order in PoolOrder}

    def __len__(self) -> int:
        return len(self._sorted[PoolOrder.FIFO])

    def add(self, candidate: Candidate) -> None:
        for order, runs in self._sorted.items():
            insort(runs, candidate, key=partial(turn, order))

    def discard(self, candidate: Candidate) -> None:
        for order, runs in self._sorted.items():
            position = bisect_left(runs, turn(order, candidate), key=partial(turn, order))
            if runs[position : position + 1] == [candidate]:
                del runs[position]

    def by(self, order: PoolOrder) -> Sequence[Candidate]:
        return self._sorted[order]


class PoolLines:
    """The runs that wait for places, by groups. All runs of a group need the same, so a decision looks at the first run
    of each group, however many wait behind it."""

    def __init__(self) -> None:
        self._groups: dict[PoolKey, dict[Group, _Runs]] = {}

    def __contains__(self, key: PoolKey) -> bool:
        return key in self._groups

    def count(self, key: PoolKey) -> int:
        """How many runs wait for a place in a pool."""
        return sum(map(len, self._groups.get(key, {}).values()))

    def add(self, candidate: Candidate) -> None:
        """The run waits."""
        group = candidate.group
        runs = self._groups.get(candidate.pools[0], {}).get(group) or _Runs()
        runs.add(candidate)
        for key in candidate.pools:
            self._groups.setdefault(key, {})[group] = runs

    def discard(self, candidate: Candidate) -> None:
        """The run does not wait, if it did."""
        group = candidate.group
        runs = self._groups.get(candidate.pools[0], {}).get(group)
        if runs is None:
            return
        runs.discard(candidate)
        for key in () if runs else candidate.pools:
            del self._groups[key][group]
            if not self._groups[key]:
                del self._groups[key]

    def groups(self, key: PoolKey) -> Collection[Group]:
        """The groups of the runs that wait for a place in a pool."""
        return self._groups.get(key, ())

    def firsts(self, pool: Pool, among: Iterable[Group]) -> Iterator[Candidate]:
        """The first runs of these groups in the line of a pool, in their order there: of the runs that are first in
        their namespaces, the one that has waited longest is next."""
        groups, found = self._groups.get(pool.key, {}), defaultdict[str, list[Candidate]](list)
        for group in among:
            found[group[0]].append(groups[group].by(pool.order)[0])
        of_namespaces = (sorted(runs, key=partial(turn, pool.order)) for runs in found.values())
        return merge(*of_namespaces, key=_waited)

    def in_turn(self, pool: Pool) -> Iterator[Candidate]:
        """The runs that wait for a place in a pool, in the order in which they get one."""
        found = defaultdict[str, list[Sequence[Candidate]]](list)
        for (namespace, _), runs in self._groups.get(pool.key, {}).items():
            found[namespace].append(runs.by(pool.order))
        return merge(*(merge(*each, key=partial(turn, pool.order)) for each in found.values()), key=_waited)


class Decision:
    """Who gets the next place, as long as no place becomes free and no run joins a line. `find` is a pool that serves,
    `left` is how many places it has left, and `share` how many of its places a namespace may still take.

    A run is eligible if each of its pools has a free place for it. The next one is the first eligible run in the line
    of each of its pools. If pools order runs differently and no run is first in all of its lines, it is, of the runs
    that are first in one line, the one that has waited longest.

    A run that is first in the line of each of its pools and lacks a place in one of them reserves one in each of the
    others. So later runs do not pass it for ever, and at most one place of a pool stays free for that. A run does
    not count in any line if one of its pools has size 0, or if its namespace has its share of one.

    A guest is a run that takes a place in a pool of another namespace. While it lacks a place in a pool of any other
    namespace than that one, it reserves nothing there and does not count in the line of those that do: only its own
    namespace decides when it could begin.
    """

    def __init__(
        self,
        lines: PoolLines,
        find: Callable[[PoolKey], Pool | None],
        left: Callable[[PoolKey], int],
        share: Callable[[PoolKey, str], int],
    ) -> None:
        self._lines = lines
        self._find = find
        self._left = left
        self._share = share
        self._pools: dict[PoolKey, Pool | None] = {}
        self._free: dict[PoolKey, dict[str, int]] = defaultdict(dict)
        self._heads: dict[PoolKey, Candidate | None] = {}
        self._tops: dict[PoolKey, Candidate | None] = {}
        self._kept: set[tuple[PoolKey, str]] = set()
        """Pools whose free places are all reserved, for a namespace."""
        self._start: PoolKey | None = None
        self._way: dict[Candidate, PoolKey] = {}
        """The runs on the way from the pool `_start` to the run that `following` found last: each is the first eligible
        one in the line of this pool, and goes before the one that it follows."""
        self.looked = 0
        """How many groups were looked at."""
        self.reserved: set[tuple[PoolKey, ...]] = set()
        """The pools of each run that reserved a place which another one needed."""

    def following(self, key: PoolKey) -> Candidate | None:
        """The next run to get its places, of those that are eligible in the line of this pool or go before these; None
        if none is. The way to the last one is continued, so that all calls together walk a chain of pools once."""
        known = self._way if self._start == key else {}
        while known and self._head(next(reversed(known.values()))) is not next(reversed(known)):
            known.popitem()
        self._start, self._way = key, known
        if known and (found := self._walk()) is not None:
            return found
        self._way = {}
        if (head := self._head(key)) is not None:
            self._way[head] = key
        # If the orders of the pools lead in a circle, the one that has waited longest is next.
        return self._walk() or min(self._way, key=_waited, default=None)

    def _walk(self) -> Candidate | None:
        """Go on from the end of the way to a run that is first in each of its pools. None if the way is empty, or comes
        back to a run that it has passed."""
        while self._way:
            run = next(reversed(self._way))
            ahead = ((first, each) for each in run.pools if (first := self._head(each)) not in (run, None))
            first, key = next(ahead, (None, None))
            if first is None or key is None:
                return run
            if first in self._way:
                return None
            self._way[first] = key
        return None

    def take(self, candidate: Candidate) -> None:
        """The run has left its lines, and its places are not free any more."""
        for key in candidate.pools:
            for known in (self._free, self._heads, self._tops):
                known.pop(key, None)

    def is_free(self, group: Group) -> bool:
        """Whether a run of the group may take its places now, as far as runs that wait are concerned."""
        return self._has_places(group) and not any(self._is_kept(key, group[0]) for key in group[1])

    def _head(self, key: PoolKey) -> Candidate | None:
        """The first eligible run in the line of the pool."""
        head = self._heads.get(key)
        if key not in self._heads or (head is not None and not self.is_free(head.group)):
            firsts = self._firsts(key, self._has_places)
            self._heads[key] = next((run for run in firsts if self.is_free(run.group)), None)
        return self._heads[key]

    def reserves(self, key: PoolKey) -> Candidate | None:
        """The run that has a free place of the pool reserved; None if none has."""
        top = self._top(key)
        if top is None or self._places(key, top.namespace) <= 0 or not self._lacking(top.group):
            return None
        first = all(self._waits_elsewhere(top.group, each) or self._top(each) is top for each in top.pools)
        return top if first else None

    def _top(self, key: PoolKey) -> Candidate | None:
        """The first run in the line of the pool that may reserve a place there, whether there are places for it or
        not."""
        top = self._tops.get(key)
        # A share that was free may be taken since, or the place of a guest in another pool.
        if key not in self._tops or (top is not None and not self._may_reserve(key, top.group)):
            self._tops[key] = next(self._firsts(key, partial(self._may_reserve, key)), None)
        return self._tops[key]

    def _firsts(self, key: PoolKey, may: Callable[[Group], bool]) -> Iterator[Candidate]:
        pool = self._pool(key)
        if pool is None:
            return iter(())
        groups = self._lines.groups(key)
        self.looked += len(groups)
        return self._lines.firsts(pool, filter(may, groups))

    def _is_kept(self, key: PoolKey, namespace: str) -> bool:
        """Whether the last place that is free for the namespace is reserved: the first run of the line lacks another
        one."""
        if self._places(key, namespace) > 1:
            return False
        top = self.reserves(key)
        if top is None or (namespace != top.namespace and self._left(key) > 1):
            return False
        self._kept.add((key, namespace))
        self.reserved.add(top.pools)
        return True

    def _lacking(self, group: Group) -> list[PoolKey]:
        """The pools that have no place for the group."""
        namespace, pools = group
        return [key for key in pools if self._places(key, namespace) <= 0]

    def _waits_elsewhere(self, group: Group, key: PoolKey) -> bool:
        """Whether the runs are guests in the pool, and lack a place in a pool of any other namespace than its own."""
        return group[0] != key[0] and any(each[0] != key[0] for each in self._lacking(group))

    def _may_reserve(self, key: PoolKey, group: Group) -> bool:
        return self._may_wait(group) and not self._waits_elsewhere(group, key)

    def _has_places(self, group: Group) -> bool:
        namespace, pools = group
        return all(self._places(key, namespace) > 0 and (key, namespace) not in self._kept for key in pools)

    def _may_wait(self, group: Group) -> bool:
        namespace, pools = group
        return all(
            (pool := self._pool(key)) is not None and pool.size > 0 and self._share(key, namespace) > 0
            for key in pools
        )  # fmt: skip

    def _places(self, key: PoolKey, namespace: str) -> int:
        free = self._free[key]
        if namespace not in free:
            free[namespace] = min(self._left(key), self._share(key, namespace))
        return free[namespace]

    def _pool(self, key: PoolKey) -> Pool | None:
        if key not in self._pools:
            self._pools[key] = self._find(key)
        return self._pools[key]


@dataclass(frozen=True, slots=True)
class Places:
    """The places of one job in its pools, as a plan reads them."""

    needed: bool = True
    """The job names pools."""

    free: bool = True
    """A run that is due may begin at once: each pool has a free place that no run which waits could take."""

    granted: frozenset[RunKey] = frozenset()
    """The runs that wait and whose turn it is."""

    crowded: bool = False
    """As many runs of the namespace wait for places as may wait."""

    problem: Problem | None = None
    """Why no run gets a place: a pool of the job does not exist, or has no effect."""

    def has_turn(self, run: RunKey) -> bool:
        """Whether a run that waits may begin."""
        return not self.needed or run in self.granted


NO_POOLS = Places(needed=False)
"""The places of a job without pools."""
