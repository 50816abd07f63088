"""The operator on five hundred seeds: nothing is lost, and nothing runs twice."""

import pytest

from tests.simulation.batches import BATCH, SEEDS, failures

pytestmark = pytest.mark.promise


@pytest.mark.parametrize("first", range(0, SEEDS, BATCH))
def test_nothing_is_lost_and_nothing_runs_twice(first: int) -> None:
    assert not failures(range(first, first + BATCH))
