"""Runs that a ResourceQuota refuses, by examples: a job is due at the seconds 10 and 20, and the quota is used up for a
while.
"""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.chaos.history import Run
from tests.chaos.objections import Kind
from tests.chaos.verdict import judge
from tests.unit.chaos.facts import history, made, ran, spec
from tests.unit.chaos.model import at

FINE: set[Kind] = set()
FIRST = ran(10, lasts=1)
WAITS = [FIRST, ran(20, late=12, lasts=1)]
FORBID = {"concurrency": "forbid"}


@dataclass(frozen=True, slots=True)
class Refused:
    """What ran, when the quota was used up, and what the checker objects to."""

    title: str
    runs: list[Run]
    kinds: set[Kind]
    full: tuple[float, float] | None = (15.0, 30.0)
    spec: dict[str, Any] | None = None
    read: float = 100.0


ROWS = (
    Refused("it waits for room", WAITS, FINE),
    Refused("and waits without a quota", WAITS, {Kind.UNTIMELY}, full=None),
    Refused("the quota is used up only later", WAITS, {Kind.UNTIMELY}, full=(31.0, 35.0)),
    Refused("it is lost", [FIRST], {Kind.UNSATISFIED}),
    Refused("it waits for ever", [FIRST], FINE, full=(15.0, 200.0)),
    Refused("there was room a moment ago", [FIRST], FINE, read=40.0),
    Refused("it begins long after there was room", [FIRST, ran(20, late=60, lasts=1)], {Kind.UNTIMELY}),
    Refused("it runs twice", [*WAITS, replace(WAITS[1], name="another")], {Kind.DOUBLE}),
    Refused("forbid waits as well", WAITS, FINE, spec=FORBID),
)  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.title)
def test_runs_that_wait_for_room(row: Refused) -> None:
    facts = history(made(spec("10,20 0 0 * * *", **(row.spec or {}))), *row.runs, read=row.read)
    if row.full is not None:
        begin, end = map(at, row.full)
        facts = replace(facts, quota=((begin, end),))
    verdict = judge(facts)
    assert {objection.kind for objection in verdict.objections} == row.kinds, str(verdict)
