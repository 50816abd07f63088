"""The operator on hundreds of seeds, and on what other seeds have found: nothing is lost, and nothing runs twice."""

from pathlib import Path

import pytest

from tests.simulation.batches import BATCH, SEEDS, failures
from tests.simulation.plans import from_text
from tests.simulation.simulation import simulate

pytestmark = pytest.mark.promise

FOUND = sorted((Path(__file__).parent / "plans").glob("*.json"))
"""Written by `--shrink`: what a seed has found, as small as it is still found. Two are written by hand."""


@pytest.mark.parametrize("first", range(0, SEEDS, BATCH))
def test_nothing_is_lost_and_nothing_runs_twice(first: int) -> None:
    assert not failures(range(first, first + BATCH))


@pytest.mark.parametrize("plan", [pytest.param(plan, id=plan.stem) for plan in FOUND])
def test_stored_plan_passes(plan: Path) -> None:
    assert not simulate(from_text(plan.read_text("utf-8"))).wrong
