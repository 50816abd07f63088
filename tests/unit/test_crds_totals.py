"""The total of a day, from what was written and from what the jobs show."""

from datetime import date

import pytest

from dkron_crds.status import Day
from dkron_crds.totals import as_days, counts, daily_totals

FIRST, SECOND = date(2026, 3, 1), date(2026, 3, 2)
Pair = tuple[int, int]


def day(pair: Pair, at: date = FIRST) -> tuple[Day, ...]:
    return (Day(date=at, success=pair[0], failed=pair[1]),)


@pytest.mark.parametrize(
    ("stored", "departed", "living", "expected"),
    [
        pytest.param((5, 2), (0, 0), [(3, 1), (2, 1)], (5, 2), id="nothing has changed since the sums were written"),
        pytest.param((5, 2), (0, 0), [(3, 1), (4, 1)], (7, 2), id="a job has counted since"),
        pytest.param((5, 2), (0, 0), [(3, 1)], (5, 2), id="a job has gone since"),
        pytest.param((5, 2), (2, 1), [(3, 1)], (5, 2), id="a job had gone before"),
        pytest.param((5, 2), (2, 1), [(4, 1)], (6, 2), id="a job had gone before, another has counted since"),
        pytest.param((5, 2), (0, 0), [(9, 0)], (9, 2), id="successes and failures are told apart"),
        pytest.param((5, 2), (0, 0), [], (5, 2), id="no job is left"),
        pytest.param((0, 0), (0, 0), [(1, 0)], (1, 0), id="nothing was ever written"),
    ],
)
def test_the_total_of_a_day(stored: Pair, departed: Pair, living: list[Pair], expected: Pair) -> None:
    totals = daily_totals(day(stored), day(departed), (day(share) for share in living))
    assert totals == {FIRST: day(expected)[0]}


def test_each_day_is_summed_by_itself() -> None:
    living = (day((1, 0)) + day((2, 0), SECOND), day((4, 0), SECOND))
    assert daily_totals(day((3, 0)), (), living) == {FIRST: day((3, 0))[0], SECOND: day((6, 0), SECOND)[0]}
    assert daily_totals((), (), ()) == {}


def test_days_are_sorted_without_empty_ones() -> None:
    shuffled = (*day((1, 0), SECOND), *day((0, 1)), *day((0, 0), date(2026, 3, 3)))
    assert as_days(counts(shuffled)) == (*day((0, 1)), *day((1, 0), SECOND))
    assert as_days(counts(shuffled), newest=1) == day((1, 0), SECOND)
