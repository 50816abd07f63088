"""Each slot that did not have to run is shown with its reason, and the list is bounded."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from tests.chaos.excuses import Excuse, excuses, table
from tests.chaos.verdict import judge
from tests.simulation.__main__ import main
from tests.simulation.planner import plan
from tests.simulation.simulation import simulate

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SEED = 5
LINE = re.compile(r"2026-03-01T\d\d:\d\d:\d\dZ  (\w+) +(it may have been missed, .+)")


def excuse(second: int, why: str, *, job: str = "j0") -> Excuse:
    return Excuse(job, NOON + timedelta(seconds=second), why)


@pytest.mark.parametrize(
    ("found", "lines"),
    [
        pytest.param([], ["0 of 0 slots did not have to run"], id="no slots"),
        pytest.param([excuse(0, ""), excuse(5, "")], ["0 of 2 slots did not have to run"], id="all had to"),
        pytest.param(
            [excuse(5, "a storm"), excuse(0, ""), excuse(0, "a pause", job="longer")],
            [
                "2 of 3 slots did not have to run",
                "2026-03-01T12:00:00Z  longer  a pause",
                "2026-03-01T12:00:05Z  j0      a storm",
            ],
            id="by time",
        ),
        pytest.param(
            [excuse(second, "a storm") for second in range(5)],
            [
                "5 of 5 slots did not have to run",
                "2026-03-01T12:00:00Z  j0  a storm",
                "2026-03-01T12:00:01Z  j0  a storm",
                "and 3 more",
            ],
            id="more than are shown",
        ),
    ],
)
def test_the_table_is_bounded(found: list[Excuse], lines: list[str]) -> None:
    assert [*table(found, most=2)] == lines


def test_one_seed_shows_them_below_its_result(capsys: pytest.CaptureFixture[str]) -> None:
    found = [each for each in excuses(judge(simulate(plan(SEED)).history)) if each.why]
    assert found
    assert main(["--seed", str(SEED)]) == 0
    result, slots = capsys.readouterr().out.split("\n\n")[-2:]
    assert result.startswith("0 objections, ")
    head, *lines = slots.splitlines()
    assert head.startswith(f"{len(found)} of ")
    assert [LINE.fullmatch(line) is not None for line in lines] == [True] * len(found)
