"""The simulation finds mistakes of the catalog, made in this process. Where a seed finds one no longer, since plans are
made in another way, `python -m tests.simulation --seeds 1000 --mutant NAME` finds another.
"""

from pathlib import Path

import pytest

from tests.mutants.catalog import MUTANTS
from tests.mutants.patched import broken
from tests.simulation.batches import SEEDS
from tests.simulation.planner import plan
from tests.simulation.plans import from_text
from tests.simulation.simulation import simulate

BY_NAME = {mutant.name: mutant for mutant in MUTANTS}
FOUND_BY = {
    "mark-before-effect": 143,
    "name-without-slot": 25,
    "any-owner": 89,
    "write-over-anything": 52,
    "count-twice": 25,
    "forget-uncertain": 89,
    "believe-lists": 81,
    "believe-sights": 149,
    "lost-without-job": 25,
    "never-sweep": 277,
    "late-stops": 143,
    "deaf-to-stops": 29,
    "lost-when-gone": 123,
    "deaf-to-parents": 45,
    "fire-in-a-pause": 53,
    "forget-paused": 53,
    "line-beside-a-run": 22,
    "line-in-reverse": 22,
    "begin-while-in-line": 22,
}
"""All of them are among the seeds that `make test` simulates."""
PLANS = Path(__file__).parent / "plans"
FOUND_BY_PLAN = {
    "begin-in-a-pause": "paused-while-in-line",
    "grants-beyond-size": "places-of-two-jobs",
    "priority-is-ignored": "places-of-two-jobs",
    "one-place-is-enough": "places-of-two-jobs",
    "later-runs-pass": "run-of-two-pools",
    "waiting-runs-hold-places": "places-of-two-jobs",
    "places-are-kept": "places-of-two-jobs",
    "forget-what-ran-ahead": "trimmed-and-tidied-before-its-slot",
    "what-has-ended-is-being-deleted": "stopped-run-that-ends-while-it-is-replaced",
    "wait-again-after-the-drop": "dropped-from-line-by-three",
    "edit-keeps-a-mark-ahead": "edited-while-a-clock-is-ahead",
}
"""Plans for mistakes that no seed of these finds."""


def test_each_seed_is_simulated() -> None:
    assert max(FOUND_BY.values()) < SEEDS


@pytest.mark.parametrize(("name", "seed"), FOUND_BY.items())
def test_a_mistake_is_found(name: str, seed: int) -> None:
    with broken(BY_NAME[name]):
        assert simulate(plan(seed)).wrong
    assert not simulate(plan(seed)).wrong, "by nothing else"


@pytest.mark.parametrize(("name", "stored"), FOUND_BY_PLAN.items())
def test_a_mistake_is_found_by_a_plan(name: str, stored: str) -> None:
    wanted = from_text((PLANS / f"{stored}.json").read_text("utf-8"))
    with broken(BY_NAME[name]):
        assert simulate(wanted).wrong
    assert not simulate(wanted).wrong, "by nothing else"
