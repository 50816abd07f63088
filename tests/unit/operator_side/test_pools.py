"""Who gets the places of pools, and which runs hold one: functions of plain data."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dkron_crds.job import Trigger
from dkron_crds.pool import PoolOrder
from dkron_operator.plan.situation.pools import Candidate, Decision, Pool, PoolKey, PoolLines, turn
from tests.support.builders import NAMESPACE, after
from tests.support.examples import examples

FIFO, PRIORITY = PoolOrder.FIFO, PoolOrder.PRIORITY


GUEST = "web"


def key(name: str) -> PoolKey:
    """A pool of our namespace, or, with a large letter, of the guest's own."""
    return GUEST if name.isupper() else NAMESPACE, name


def candidate(
    job: str, pools: str = "a", *, queued: float = 0, priority: int = 0, group: int = 1, namespace: str = NAMESPACE
) -> Candidate:
    """A run of this job that wants a place in each of these pools, which have names of one letter."""
    return Candidate(
        job=job, run=(Trigger.SCHEDULE, group), id=f"{job}-{group}", queued_at=after(queued), namespace=namespace,
        pools=tuple(map(key, pools)), priority=priority,
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Row:
    """With so many free places, and these orders, which jobs get theirs, in this order."""

    free: dict[str, int]
    waiting: Sequence[Candidate]
    granted: str
    by_priority: str = ""
    empty: str = ""
    shares: dict[tuple[str, str], int] = field(default_factory=dict)


ROWS = {
    "no place, no grant": Row(free={"a": 0}, waiting=[candidate("x")], granted=""),
    "fewer than none, after a size shrank": Row(free={"a": -3}, waiting=[candidate("x")], granted=""),
    "the one that has waited longest": Row(
        free={"a": 1}, waiting=[candidate("x", queued=2), candidate("y", queued=1)], granted="y"
    ),
    "fifo knows no priority": Row(
        free={"a": 1}, waiting=[candidate("x", queued=1), candidate("y", queued=2, priority=9)], granted="x"
    ),
    "the highest priority": Row(
        free={"a": 1}, by_priority="a", granted="y",
        waiting=[candidate("x", queued=1), candidate("y", queued=2, priority=9)],
    ),
    "of one priority, the one that has waited longest": Row(
        free={"a": 2}, by_priority="a", granted="zy",
        waiting=[candidate("x", queued=3), candidate("y", queued=2), candidate("z", queued=1)],
    ),
    "of one moment, the order is the same each time": Row(
        free={"a": 1}, waiting=[candidate("y"), candidate("x")], granted="x"
    ),
    "all places or none": Row(free={"a": 1, "b": 0}, waiting=[candidate("x", "ab")], granted=""),
    "the first in all of its lines reserves a place": Row(
        free={"a": 1, "b": 0}, waiting=[candidate("x", "ab", queued=1), candidate("y", "a", queued=2)], granted=""
    ),
    "and no more than one": Row(
        free={"a": 2, "b": 0}, waiting=[candidate("x", "ab", queued=1), candidate("y", "a", queued=2)], granted="y"
    ),
    "the second in line reserves none": Row(
        free={"a": 2, "b": 0}, granted="z",
        waiting=[candidate("x", "ab", queued=1), candidate("y", "ab", queued=2), candidate("z", "a", queued=3)],
    ),
    "nor does the first in one line": Row(
        free={"a": 1, "b": 0}, granted="z",
        waiting=[candidate("x", "b", queued=1), candidate("y", "ab", queued=2), candidate("z", "a", queued=3)],
    ),
    "by priority, the first in all of its lines": Row(
        free={"a": 1, "b": 0}, by_priority="ab", granted="",
        waiting=[candidate("x", "ab", queued=2, priority=1), candidate("y", "a", queued=1)],
    ),
    "pools that disagree reserve none": Row(
        free={"a": 1, "b": 0}, by_priority="b", granted="z",
        waiting=[
            candidate("x", "ab", queued=1), candidate("y", "ab", queued=2, priority=5), candidate("z", "a", queued=3),
        ],
    ),
    "a run whose pool does not exist reserves none": Row(
        free={"a": 1}, waiting=[candidate("x", "a?", queued=1), candidate("y", "a", queued=2)], granted="y"
    ),
    "nor one whose pool has size 0": Row(
        free={"a": 1, "b": 0}, waiting=[candidate("x", "ab", queued=1), candidate("y", "a", queued=2)],
        empty="b", granted="y",
    ),
    "nor is it before the one that does": Row(
        free={"a": 1, "b": 0, "c": 0}, empty="b", granted="",
        waiting=[candidate("x", "ab", queued=1), candidate("y", "ac", queued=2), candidate("z", "a", queued=3)],
    ),
    "priority counts within a namespace": Row(
        free={"a": 3}, by_priority="a", granted="xzy",
        waiting=[
            candidate("x", queued=1), candidate("y", queued=3),
            candidate("z", queued=2, priority=9, namespace=GUEST),
        ],
    ),
    "and a low one first costs its namespace the turn": Row(
        free={"a": 2}, by_priority="a", granted="yz",
        waiting=[
            candidate("x", queued=1, namespace=GUEST), candidate("z", queued=3, priority=9, namespace=GUEST),
            candidate("y", queued=2),
        ],
    ),
    "a namespace gets no more than its share": Row(
        free={"a": 3}, shares={("a", GUEST): 1}, granted="xz",
        waiting=[
            candidate("x", queued=1, namespace=GUEST), candidate("y", queued=2, namespace=GUEST),
            candidate("z", queued=3),
        ],
    ),
    "without a share, a run reserves no place": Row(
        free={"a": 1, "b": 0}, shares={("b", GUEST): 0}, granted="y",
        waiting=[candidate("x", "ab", queued=1, namespace=GUEST), candidate("y", queued=2)],
    ),
    "a guest that lacks a place of its own pool reserves none": Row(
        free={"a": 1, "B": 0}, granted="y",
        waiting=[candidate("x", "aB", queued=1, namespace=GUEST), candidate("y", queued=2)],
    ),
    "nor is it before the run that does": Row(
        free={"a": 1, "b": 0, "C": 0}, granted="",
        waiting=[
            candidate("x", "aC", queued=1, namespace=GUEST), candidate("y", "ab", queued=2), candidate("z", queued=3),
        ],
    ),
    "a guest that lacks a shared place reserves one of its own": Row(
        free={"a": 0, "B": 1}, granted="",
        waiting=[candidate("x", "aB", queued=1, namespace=GUEST), candidate("y", "B", queued=2, namespace=GUEST)],
    ),
    "also while it lacks both, beside a third": Row(
        free={"a": 0, "B": 0, "C": 1}, granted="",
        waiting=[
            candidate("v", "ab", queued=0), candidate("x", "aBC", queued=1, namespace=GUEST),
            candidate("y", "C", queued=2, namespace=GUEST),
        ],
    ),
    "a guest reserves a place beside another pool that is shared": Row(
        free={"a": 1, "b": 0}, granted="",
        waiting=[candidate("x", "ab", queued=1, namespace=GUEST), candidate("y", queued=2)],
    ),
    "a small share of others is not reserved": Row(
        free={"a": 2, "b": 0}, shares={("a", NAMESPACE): 1}, granted="y",
        waiting=[candidate("x", "ab", queued=1, namespace=GUEST), candidate("y", queued=2)],
    ),
    "the last place of the share is": Row(
        free={"a": 2, "b": 0}, shares={("a", GUEST): 1}, granted="z",
        waiting=[
            candidate("x", "ab", queued=1, namespace=GUEST), candidate("y", queued=2, namespace=GUEST),
            candidate("z", queued=3),
        ],
    ),
    "the first eligible run in each of its pools": Row(
        free={"a": 1, "b": 1}, granted="x",
        waiting=[candidate("x", "ab", queued=1), candidate("y", "a", queued=2), candidate("z", "b", queued=3)],
    ),
    "if two pools disagree, the one that has waited longest": Row(
        free={"a": 1, "b": 1}, by_priority="b", granted="x",
        waiting=[candidate("x", "ab", queued=1), candidate("y", "ab", queued=2, priority=5)],
    ),
    "another pool goes on beside that": Row(
        free={"a": 1, "b": 1, "c": 1}, by_priority="b", granted="xz",
        waiting=[
            candidate("x", "ab", queued=1), candidate("y", "ab", queued=2, priority=5), candidate("z", "c", queued=3),
        ],
    ),
    "a run that is first nowhere takes what is left": Row(
        free={"a": 1, "b": 2}, granted="xz",
        waiting=[candidate("x", "ab", queued=1), candidate("y", "a", queued=2), candidate("z", "b", queued=3)],
    ),
    "several runs of one job": Row(
        free={"a": 2}, granted="xx",
        waiting=[candidate("x", group=1), candidate("x", group=2), candidate("x", group=3)],
    ),
}  # fmt: skip


@dataclass
class Shared:
    """Pools with so many free places, and runs that wait. The pools `empty` have size 0."""

    free: dict[str, int]
    orders: dict[str, PoolOrder] = field(default_factory=dict)
    empty: str = ""
    shares: dict[tuple[str, str], int] = field(default_factory=dict)
    """How many places a namespace may take; all, if there is no number."""

    lines: PoolLines = field(default_factory=PoolLines)
    looked: int = 0

    def find(self, key: PoolKey) -> Pool | None:
        size = 0 if key[1] in self.empty else 9
        return Pool(key, size, self.orders.get(key[1], FIFO)) if key[1] in self.free else None

    def left(self, key: PoolKey) -> int:
        return self.free.get(key[1], 0)

    def share(self, key: PoolKey, namespace: str) -> int:
        return self.shares.get((key[1], namespace), 1000)

    def give(self) -> list[Candidate]:
        """Who gets the free places, in this order."""
        found, decision = [], Decision(self.lines, self.find, self.left, self.share)
        for name in sorted(self.free):
            while (candidate := decision.following(key(name))) is not None:
                found.append(candidate)
                self.lines.discard(candidate)
                for _, each in candidate.pools:
                    self.free[each] -= 1
                    self.shares[each, candidate.namespace] = self.share(key(each), candidate.namespace) - 1
                decision.take(candidate)
        self.looked = decision.looked
        return found


def decide(
    free: dict[str, int],
    orders: dict[str, PoolOrder],
    waiting: Sequence[Candidate],
    *,
    empty: str = "",
    shares: dict[tuple[str, str], int] | None = None,
) -> list[Candidate]:
    """Who gets the free places; a pool without an order is fifo."""
    shared = Shared(dict(free), orders, empty, dict(shares or {}))
    for run in waiting:
        shared.lines.add(run)
    return shared.give()


@pytest.mark.parametrize("row", [pytest.param(row, id=name) for name, row in ROWS.items()])
def test_grants(row: Row) -> None:
    found = decide(row.free, dict.fromkeys(row.by_priority, PRIORITY), row.waiting, empty=row.empty, shares=row.shares)
    assert "".join(each.job for each in found) == row.granted


@pytest.mark.parametrize("waiting", [200, 400])
@pytest.mark.parametrize("free", [100, 0], ids=["both are free", "one is full"])
def test_grants_pass_through_no_line(waiting: int, free: int) -> None:
    runs = [candidate("x", "ab", queued=number, group=number, priority=number) for number in range(waiting)]
    shared = Shared({"a": 100, "b": free}, {"b": PRIORITY})
    for run in [*runs, *(candidate("y", queued=waiting, group=number) for number in range(100))]:
        shared.lines.add(run)
    assert {each.job for each in shared.give()} == {"x" if free else "y"}
    assert shared.free["a"] == 0
    assert shared.looked <= 100 * 12


def test_run_of_two_pools_gets_the_next_places() -> None:
    shared, passed = Shared({"a": 0, "b": 0}), 0
    shared.lines.add(candidate("x", "ab"))
    for at in range(1, 10):
        for name in "ab":
            shared.lines.add(candidate("y", name, queued=at, group=at))
        shared.free["ab"[at % 2]] += 1
        given = shared.give()
        if any(each.job == "x" for each in given):
            break
        passed += len(given)
    assert (passed, at) == (0, 2)


@pytest.mark.parametrize("pools", ["ab", "aB"], ids=["of one namespace", "one of them of its own"])
def test_guest_is_not_passed_for_ever(pools: str) -> None:
    """Once its own pool has a place, it keeps that one, and gets the next place of the other."""
    own = pools[1]
    shared, passed = Shared({"a": 0, own: 0}), 0
    shared.lines.add(candidate("x", pools, namespace=GUEST))
    for at in range(1, 10):
        shared.lines.add(candidate("y", "a", queued=at, group=at))
        shared.lines.add(candidate("z", own, queued=at, group=at, namespace=GUEST))
        shared.free[own if at % 2 else "a"] += 1
        given = shared.give()
        if any(each.job == "x" for each in given):
            break
        passed += len(given)
    assert (passed, at) == (0, 2)


NAMES = "abcd"
WANTED = st.sets(st.sampled_from(NAMES), min_size=1).map(lambda names: "".join(sorted(names)))
CANDIDATES = st.lists(
    st.builds(
        candidate, st.sampled_from("stuvwxyz"), WANTED,
        queued=st.integers(0, 5), priority=st.integers(-2, 2), group=st.integers(1, 4),
    ),
    max_size=20, unique_by=lambda each: (each.job, each.run),
)  # fmt: skip
ORDERS = st.fixed_dictionaries({name: st.sampled_from(PoolOrder) for name in NAMES})
FREE = st.fixed_dictionaries({name: st.integers(-1, 4) for name in NAMES})


@settings(max_examples=examples(1000))
@given(FREE, ORDERS, CANDIDATES, st.randoms(use_true_random=False))
def test_places_are_never_exceeded_and_never_left(
    free: dict[str, int], orders: dict[str, PoolOrder], waiting: list[Candidate], random: Random
) -> None:
    granted = decide(free, orders, waiting)
    used = Counter(name for each in granted for _, name in each.pools)
    left = {name: count - used[name] for name, count in free.items()}
    assert all(left[name] >= 0 for name in used)
    waits = [each for each in waiting if each not in granted]
    kept = reserved(left, orders, waits)
    assert [each for each in waits if all(left[name] > kept[name] for _, name in each.pools)] == []
    again = random.sample(waiting, len(waiting))
    assert decide(free, orders, again) == granted


def reserved(left: dict[str, int], orders: dict[str, PoolOrder], waits: Sequence[Candidate]) -> Counter[str]:
    """How many places of each pool stay free for the first run of its line."""

    def is_first(run: Candidate, name: str) -> bool:
        line = [each for each in waits if key(name) in each.pools]
        return run == min(line, key=lambda each: turn(orders[name], each))

    first = [each for each in waits if all(is_first(each, name) for _, name in each.pools)]
    return Counter(name for each in first if any(left[name] <= 0 for _, name in each.pools) for _, name in each.pools)


SHARES = st.dictionaries(
    st.tuples(st.sampled_from(NAMES), st.sampled_from((NAMESPACE, GUEST))), st.integers(0, 2), max_size=4
)


@settings(max_examples=examples(1000))
@given(FREE, ORDERS, CANDIDATES, SHARES)
def test_namespaces_get_their_shares_and_leave_no_place(
    free: dict[str, int], orders: dict[str, PoolOrder], waiting: list[Candidate], shares: dict[tuple[str, str], int]
) -> None:
    runs = [replace(each, namespace=GUEST) if each.job in "stuv" else each for each in waiting]
    shared, waits = Shared(dict(free), orders, shares=dict(shares)), list(runs)
    for each in runs:
        shared.lines.add(each)
    # A grant in one pool may end a reservation in another one, which is decided again then.
    while given := shared.give():
        waits = [each for each in waits if each not in given]
    assert all(shared.shares[each] >= 0 for each in shares)

    def left(run: Candidate, other: Candidate | None = None) -> dict[PoolKey, int]:
        """How many places are free for the run, as far as the other one could have them."""
        share = {each: shared.share(each, run.namespace) for each in run.pools}
        mine = other is None or other.namespace == run.namespace
        return {each: min(shared.left(each), share[each]) if mine else shared.left(each) for each in run.pools}

    counted = [each for each in waits if all(shared.share(pool, each.namespace) > 0 for pool in each.pools)]

    def first(pool: PoolKey) -> Candidate:
        line = [each for each in counted if pool in each.pools]
        heads = [
            min((each for each in line if each.namespace == namespace), key=lambda each: turn(orders[pool[1]], each))
            for namespace in {each.namespace for each in line}
        ]
        return min(heads, key=lambda each: turn(FIFO, each))

    tops = [each for each in counted if all(first(pool) == each for pool in each.pools)]
    keeping = [each for each in tops if min(left(each).values()) <= 0]
    for each in waits:
        kept = any(pool in top.pools and free <= 1 for top in keeping for pool, free in left(each, top).items())
        assert kept or min(left(each).values()) <= 0, f"{each} waits beside free places"


@settings(max_examples=examples(1000))
@given(FREE, st.sampled_from(PoolOrder), CANDIDATES)
def test_pools_with_one_order_serve_it_strictly(
    free: dict[str, int], order: PoolOrder, waiting: list[Candidate]
) -> None:
    """Each run in the common order gets its places if they are free then, or reserves them if none waits before it. A
    run that gets its place in the same decision may still be first in a line of the one that would reserve."""
    left, kept, expected, possible = dict(free), Counter[str](), set(), set()
    behind: set[PoolKey] = set()
    for each in sorted(waiting, key=lambda each: turn(order, each)):
        if all(left[name] > kept[name] for _, name in each.pools):
            left.update({name: left[name] - 1 for _, name in each.pools})
            expected.add((each.job, each.run))
            continue
        if all(left[name] > 0 for _, name in each.pools):
            possible.add((each.job, each.run))
        kept.update(name for _, name in each.pools if behind.isdisjoint(each.pools))
        behind.update(each.pools)
    given = {(each.job, each.run) for each in decide(free, dict.fromkeys(NAMES, order), waiting)}
    assert expected <= given <= expected | possible


@given(CANDIDATES, st.sampled_from(PoolOrder), st.sets(st.integers(0, 19)))
def test_line_keeps_its_order_as_runs_come_and_go(
    waiting: list[Candidate], order: PoolOrder, leaving: set[int]
) -> None:
    lines, left = PoolLines(), [each for number, each in enumerate(waiting) if number not in leaving]
    for each in waiting:
        lines.add(each)
    for each in [each for number, each in enumerate(waiting) if number in leaving] * 2:
        lines.discard(each)
    for name in NAMES:
        expected = sorted((each for each in left if key(name) in each.pools), key=lambda each: turn(order, each))
        assert list(lines.in_turn(Pool(key(name), 1, order))) == expected
        assert (lines.count(key(name)), key(name) in lines) == (len(expected), bool(expected))
