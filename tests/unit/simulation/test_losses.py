"""The judge of the simulation can fail: what a wrong operator would have lost is objected to, and most slots had to
run.

`python -m tests.simulation.losses --seeds 500` shows the whole table.
"""

import pytest

from tests.simulation.losses import LOSSES, Measured, measured

SEEDS = 120


@pytest.fixture(scope="module")
def found() -> Measured:
    return measured(range(SEEDS), jobs=2)


def test_the_histories_are_right_before_something_is_lost(found: Measured) -> None:
    assert found.wrong == []
    assert found.tried.keys() == LOSSES.keys()


def test_four_of_five_slots_had_to_run(found: Measured) -> None:
    assert found.required >= 0.8, str(found)


@pytest.mark.parametrize(
    ("loss", "most"),
    [
        ("a scheduled run, silently", 0.02),
        ("a scheduled run, counted as skipped", 0.15),
        ("a manual run", 0.35),
        ("a retry", 0.35),
        ("a Job, recorded as JobLost", 0.02),
    ],
)
def test_a_loss_is_objected_to(found: Measured, loss: str, most: float) -> None:
    assert found.share(loss) <= most, str(found)
