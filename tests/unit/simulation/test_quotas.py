"""Seeds in a namespace whose quota fills and empties: each run that it refuses begins once, when there is room."""

import pytest

from tests.simulation.planner import plan
from tests.simulation.quotas import quotaed
from tests.simulation.simulation import simulate

pytestmark = pytest.mark.promise

SEEDS, BATCH = 40, 20


@pytest.mark.parametrize("first", range(0, SEEDS, BATCH))
def test_refused_runs_begin_once_when_there_is_room(first: int) -> None:
    seeds = range(first, first + BATCH)
    assert not {seed: wrong for seed in seeds if (wrong := simulate(quotaed(plan(seed))).wrong)}
