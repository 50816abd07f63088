"""The matching is as large as any can be, and serves those that must be served."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from tests.chaos.matching import Point, Window, match
from tests.unit.chaos.model import at

windows = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 6)), max_size=5).map(
    lambda pairs: [Window(at(begin), at(begin + size), n) for n, (begin, size) in enumerate(pairs)]
)
points = st.lists(st.integers(0, 18), max_size=5).map(lambda seconds: [Point(at(s), n) for n, s in enumerate(seconds)])


def fits(window: Window[int], point: Point[int]) -> bool:
    return window.opens <= point.at <= window.closes


def largest(windows: list[Window[int]], points: list[Point[int]]) -> int:
    """By trying everything."""
    if not windows:
        return 0
    first, rest = windows[0], windows[1:]
    best = largest(rest, points)
    for n, point in enumerate(points):
        if fits(first, point):
            best = max(best, 1 + largest(rest, points[:n] + points[n + 1 :]))
    return best


@given(windows, points)
def test_no_matching_is_larger(windows: list[Window[int]], points: list[Point[int]]) -> None:
    found = match(windows, points)
    assert all(fits(window, point) for window, point in found.pairs)
    assert len(found.pairs) == largest(windows, points)
    assert len(found.pairs) + len(found.empty) == len(windows)
    assert len(found.pairs) + len(found.over) == len(points)


@given(windows, windows, points)
def test_items_matchable_one_by_one_match_together(
    must: list[Window[int]], may: list[Window[int]], points: list[Point[int]]
) -> None:
    both = not match(must, points).empty and not match([*must, *may], points).over
    at_once = any(
        not match([*must, *chosen], points).over and not match([*must, *chosen], points).empty
        for size in range(len(may) + 1)
        for chosen in combinations(may, size)
    )
    assert both == at_once
