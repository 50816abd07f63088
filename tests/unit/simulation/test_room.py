"""Seeds in which runs lack room: in a pool that jobs share, or in a quota. Nothing is lost, and nothing runs twice."""

from collections.abc import Callable

import pytest

from tests.simulation.planner import plan
from tests.simulation.plans import Plan
from tests.simulation.pools import pooled, shared
from tests.simulation.quotas import quotaed
from tests.simulation.simulation import simulate

pytestmark = pytest.mark.promise

BATCH = 20
LITTLE_ROOM = [
    pytest.param(pooled, 0, id="no place is taken twice, or free while a run waits"),
    pytest.param(pooled, BATCH, id="the same, by further seeds"),
    pytest.param(shared, 0, id="no namespace takes more than its share"),
    pytest.param(quotaed, 0, id="each refused run begins once, when there is room"),
    pytest.param(quotaed, BATCH, id="that, too, by further seeds"),
]


@pytest.mark.parametrize(("changed", "first"), LITTLE_ROOM)
def test_runs_that_lack_room_begin_once(changed: Callable[[Plan], Plan], first: int) -> None:
    seeds = range(first, first + BATCH)
    assert not {seed: wrong for seed in seeds if (wrong := simulate(changed(plan(seed))).wrong)}
