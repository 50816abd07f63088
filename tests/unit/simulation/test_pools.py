"""Seeds whose jobs share a pool: no place is taken twice, none is free while a run waits, and nothing is lost."""

import pytest

from tests.simulation.planner import plan
from tests.simulation.pools import pooled, shared
from tests.simulation.simulation import simulate

pytestmark = pytest.mark.promise

SEEDS, BATCH = 40, 20


@pytest.mark.parametrize("first", range(0, SEEDS, BATCH))
def test_no_place_is_taken_twice_and_none_stays_free(first: int) -> None:
    seeds = range(first, first + BATCH)
    assert not {seed: wrong for seed in seeds if (wrong := simulate(pooled(plan(seed))).wrong)}


def test_no_namespace_takes_more_than_its_share() -> None:
    assert not {seed: wrong for seed in range(BATCH) if (wrong := simulate(shared(plan(seed))).wrong)}
