"""Who gets the places of pools, and which runs hold one: functions of plain data."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dkron_crds.job import Trigger
from dkron_crds.pool import PoolOrder
from dkron_operator.plan.pools import Candidate, PoolKey, PoolLine, grants, turn
from tests.support.builders import NAMESPACE, after
from tests.support.examples import examples

FIFO, PRIORITY = PoolOrder.FIFO, PoolOrder.PRIORITY


def key(name: str) -> PoolKey:
    return NAMESPACE, name


def candidate(job: str, pools: str = "a", *, queued: float = 0, priority: int = 0, group: int = 1) -> Candidate:
    """A run of this job that wants a place in each of these pools, which have names of one letter."""
    return Candidate(
        job=job, run=(Trigger.SCHEDULE, group), id=f"{job}-{group}", queued_at=after(queued),
        pools=tuple(map(key, pools)), priority=priority,
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Row:
    """With so many free places, and these orders, which jobs get theirs, in this order."""

    free: dict[str, int]
    waiting: Sequence[Candidate]
    granted: str
    by_priority: str = ""


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
    "a run that waits for another pool blocks none": Row(
        free={"a": 1, "b": 0}, waiting=[candidate("x", "ab", queued=1), candidate("y", "a", queued=2)], granted="y"
    ),
    "nor one whose pool does not exist": Row(
        free={"a": 1}, waiting=[candidate("x", "a?", queued=1), candidate("y", "a", queued=2)], granted="y"
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
        free={"a": 1, "b": 1, "c": 1}, by_priority="b", granted="zx",
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


def decide(free: dict[str, int], orders: dict[str, PoolOrder], waiting: Sequence[Candidate]) -> list[Candidate]:
    """Who gets the free places; a pool without an order is fifo."""
    wanted = {each for run in waiting for each in run.pools}
    lines = {pool: PoolLine(orders.get(pool[1], FIFO)) for pool in sorted(wanted)}
    for run in waiting:
        for pool in run.pools:
            lines[pool].add(run)
    return grants(lambda pool: free.get(pool[1], 0), lines, lines)


@pytest.mark.parametrize("row", [pytest.param(row, id=name) for name, row in ROWS.items()])
def test_grants(row: Row) -> None:
    found = decide(row.free, dict.fromkeys(row.by_priority, PRIORITY), row.waiting)
    assert "".join(each.job for each in found) == row.granted


@pytest.mark.parametrize("waiting", [200, 400])
def test_grants_of_differing_pools_pass_through_no_line(waiting: int, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [candidate("x", "ab", queued=number, group=number, priority=number) for number in range(waiting)]
    lines = {key("a"): PoolLine(FIFO, runs), key("b"): PoolLine(PRIORITY, runs)}
    looked = Counter[str]()
    plain = PoolLine.__getitem__
    monkeypatch.setattr(PoolLine, "__iter__", lambda _: pytest.fail("a grant passes through a whole line"))
    monkeypatch.setattr(PoolLine, "__getitem__", lambda line, at: (looked.update(["head"]), plain(line, at))[1])
    assert len(grants(lambda _: 100, lines, lines)) == 100
    assert looked["head"] <= 100 * 12


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
    idle = [each for each in waiting if each not in granted and all(left[name] > 0 for _, name in each.pools)]
    assert idle == []
    again = random.sample(waiting, len(waiting))
    assert decide(free, orders, again) == granted


@settings(max_examples=examples(1000))
@given(FREE, st.sampled_from(PoolOrder), CANDIDATES)
def test_pools_with_one_order_serve_it_strictly(
    free: dict[str, int], order: PoolOrder, waiting: list[Candidate]
) -> None:
    """Each run in the common order gets its places if they are free then."""
    left, expected = dict(free), set()
    for each in sorted(waiting, key=lambda each: turn(order, each)):
        if all(left[name] > 0 for _, name in each.pools):
            left.update({name: left[name] - 1 for _, name in each.pools})
            expected.add((each.job, each.run))
    assert {(each.job, each.run) for each in decide(free, dict.fromkeys(NAMES, order), waiting)} == expected


@given(CANDIDATES, st.sampled_from(PoolOrder), st.sets(st.integers(0, 19)))
def test_line_keeps_its_order_as_runs_come_and_go(
    waiting: list[Candidate], order: PoolOrder, leaving: set[int]
) -> None:
    line, left = PoolLine(order), [each for number, each in enumerate(waiting) if number not in leaving]
    for each in waiting:
        line.add(each)
    for each in [each for number, each in enumerate(waiting) if number in leaving] * 2:
        line.discard(each)
    assert list(line) == list(PoolLine(order, left)) == sorted(left, key=lambda each: turn(order, each))
    assert len(line) == len(left)
