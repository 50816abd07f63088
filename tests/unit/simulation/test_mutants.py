"""The simulation finds operators that have a mistake. Where a seed does not any more, since plans are made in another
way, `python -m tests.simulation --seeds 1000 --mutant NAME` finds one that does.
"""

import pytest

from tests.simulation.mutants import MUTANTS, broken
from tests.simulation.plans import plan
from tests.simulation.simulation import simulate

FOUND_BY = {
    "mark-before-effect": 84,
    "name-without-slot": 0,
    "any-owner": 9,
    "no-conflicts": 234,
    "count-twice": 0,
    "forget-uncertain": 30,
    "believe-lists": 3411,
    "believe-sights": 2556,
}


def test_each_mistake_is_tried() -> None:
    assert FOUND_BY.keys() == MUTANTS.keys()


@pytest.mark.parametrize(("name", "seed"), FOUND_BY.items())
def test_a_mistake_is_found(name: str, seed: int) -> None:
    with broken(name):
        assert simulate(plan(seed)).wrong
    assert not simulate(plan(seed)).wrong, "by nothing else"
