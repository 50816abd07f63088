"""On a machine that had too much to do, the checker objects only to what no pace explains."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from tests.chaos.history import Run
from tests.chaos.objections import Kind
from tests.chaos.verdict import judge
from tests.unit.chaos.facts import history, made, ran, spec, told

IN_TIME = [ran(slot) for slot in range(10, 100, 10)]


@dataclass(frozen=True, kw_only=True)
class Row:
    """A job with a slot every ten seconds, which may be 2 s late; and the objections on a machine of this pace."""

    id: str
    runs: Sequence[Run]
    overload: float
    objections: set[Kind]
    judged: bool = True


LATE = [*IN_TIME[:4], ran(50, late=6), *IN_TIME[5:]]
ROWS = (
    Row(id="in time", runs=IN_TIME, overload=1, objections=set()),
    Row(id="in time on a busy machine", runs=IN_TIME, overload=4, objections=set()),
    Row(id="late", runs=LATE, overload=1, objections={Kind.UNTIMELY}),
    Row(id="late on a busy machine", runs=LATE, overload=4, objections=set(), judged=False),
    Row(id="later than its pace explains", runs=LATE, overload=1.5, objections={Kind.UNTIMELY}),
    Row(
        id="lost on a busy machine",
        runs=[*IN_TIME[:4], *IN_TIME[5:]],
        overload=4,
        objections={Kind.UNSATISFIED, Kind.RECORD},
    ),
    Row(
        id="doubled on a busy machine",
        runs=[*IN_TIME, replace(IN_TIME[4], name="again")],
        overload=4,
        objections={Kind.DOUBLE},
    ),
)


@pytest.mark.parametrize("row", [pytest.param(row, id=row.id) for row in ROWS])
def test_pace_excuses_lateness_only(row: Row) -> None:
    facts = history(made(spec(missedRuns="all")), *row.runs, told(*row.runs), read=99)
    verdict = judge(replace(facts, terms=replace(facts.terms, overload=row.overload)))
    assert {each.kind for each in verdict.objections} == row.objections, str(verdict)
    assert (verdict.unjudged == 0) is row.judged
    assert str(verdict).startswith("not judged: the machine took 4.0 times as long") is not row.judged
