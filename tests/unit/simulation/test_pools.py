"""Seeds whose jobs share a pool: no place is taken twice, and none is free while a run waits."""

import pytest

from tests.simulation.planner import plan
from tests.simulation.pools import UNEXPECTED, PoolSimulation, pooled
from tests.simulation.simulation import simulate

pytestmark = pytest.mark.promise

SEEDS, BATCH = 60, 20


def wrong_of(seed: int) -> list[str]:
    result = simulate(pooled(plan(seed)), kind=PoolSimulation)
    return [each for each in result.wrong if each.startswith(UNEXPECTED)]


@pytest.mark.parametrize("first", range(0, SEEDS, BATCH))
def test_no_place_is_taken_twice_and_none_stays_free(first: int) -> None:
    assert not {seed: wrong for seed in range(first, first + BATCH) if (wrong := wrong_of(seed))}
