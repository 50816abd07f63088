"""The simulation finds operators that have a mistake. Where a seed does not any more, since plans are made in another
way, `python -m tests.simulation --seeds 1000 --mutant NAME` finds one that does.
"""

import pytest

from tests.simulation.batches import SEEDS
from tests.simulation.mutants import MUTANTS, broken
from tests.simulation.planner import plan
from tests.simulation.simulation import simulate

FOUND_BY = {
    "mark-before-effect": 143,
    "name-without-slot": 25,
    "any-owner": 89,
    "no-conflicts": 52,
    "count-twice": 25,
    "forget-uncertain": 89,
    "believe-lists": 118,
    "believe-sights": 149,
    "lost-without-job": 25,
    "never-sweep": 277,
    "late-stops": 143,
    "deaf-to-stops": 29,
    "lost-when-gone": 123,
    "deaf-to-parents": 45,
    "deaf-to-pauses": 53,
    "forget-paused": 53,
}
"""All of them are among the seeds that `make test` simulates."""


def test_each_mistake_is_tried() -> None:
    assert FOUND_BY.keys() == MUTANTS.keys()
    assert max(FOUND_BY.values()) < SEEDS


@pytest.mark.parametrize(("name", "seed"), FOUND_BY.items())
def test_a_mistake_is_found(name: str, seed: int) -> None:
    with broken(name):
        assert simulate(plan(seed)).wrong
    assert not simulate(plan(seed)).wrong, "by nothing else"
