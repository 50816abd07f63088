"""Runs in line by examples: a job due each ten seconds whose runs wait for each other."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from dkron_crds.job import AttemptState, Trigger
from tests.chaos.history import Act, Record, Run
from tests.chaos.line import Stay, turn
from tests.chaos.objections import Kind
from tests.chaos.verdict import judge
from tests.unit.chaos.facts import asked, broke, history, made, ran, spec, told
from tests.unit.chaos.model import active, at

FINE: set[Kind] = set()


@dataclass(frozen=True, slots=True)
class Line:
    """Facts of a job with this queue, and what the checker objects to."""

    title: str
    facts: list[Any]
    kinds: set[Kind]
    queue: dict[str, Any]
    read: float = 40.0


def recorded(*runs: Run, queued: dict[float, float], skipped: int = 0) -> Record:
    """The record, in which some slots came into line at these seconds."""
    record, since = told(*runs, skipped=skipped), {at(slot): at(when) for slot, when in queued.items()}
    known = (each.model_copy(update={"queued_at": since.get(each.slot)}) for each in record.status.executions)
    return replace(record, status=record.status.model_copy(update={"executions": tuple(known)}))


ONE, SOON, NEWEST = {"max": 1}, {"max": 5, "expires": "5s"}, {"max": 5, "order": "newest"}
WAITED = [ran(10, lasts=13), ran(20, late=4), ran(30)]
OVERTAKEN = [ran(10, lasts=25), ran(30, late=6, lasts=1), ran(20, late=18, lasts=1), ran(40, lasts=1)]
FULL = [ran(10, lasts=27), ran(20, late=18, lasts=1), ran(40, lasts=1)]
LINES = (
    Line("one waits", WAITED, FINE, ONE),
    Line("and is lost", [WAITED[0], WAITED[2]], {Kind.UNSATISFIED}, ONE),
    Line("and does not wait", [WAITED[0], ran(20), ran(30)], {Kind.OVERLAP}, ONE),
    Line("and waits while nothing runs", [ran(10), ran(20, late=7), ran(30)], {Kind.UNTIMELY}, ONE),
    Line("the line is full", [*FULL, recorded(*FULL, queued={20: 20}, skipped=1)], FINE, ONE, 45),
    Line("which is not counted", [*FULL, recorded(*FULL, queued={20: 20})], {Kind.RECORD}, ONE, 45),
    Line("a request in line", [ran(10, lasts=13), asked(Act.RUN, 12), *WAITED[1:]], {Kind.REQUEST}, {"max": 3}),
    Line("it has expired", [ran(10, lasts=18), ran(30)], FINE, SOON),
    Line("it had no time to", [ran(10, lasts=9), ran(30)], {Kind.UNSATISFIED}, SOON),
    Line("it began, and had expired", [*WAITED, recorded(*WAITED, queued={20: 13})], {Kind.UNTIMELY}, SOON),
    Line("the newest waits no longer", [*OVERTAKEN, recorded(*OVERTAKEN, queued={20: 20, 30: 30})], FINE, NEWEST, 45),
    Line("and so does the oldest", [*OVERTAKEN, recorded(*OVERTAKEN, queued={20: 20, 30: 30})],
         {Kind.UNTIMELY}, {"max": 5}, 45),
)  # fmt: skip


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.title)
def test_runs_in_line(line: Line) -> None:
    verdict = judge(history(made(spec(concurrency="queue", queue=line.queue)), *line.facts, read=line.read))
    assert {objection.kind for objection in verdict.objections} == line.kinds, str(verdict)


@pytest.mark.parametrize(
    ("clock", "kinds"),
    [
        pytest.param([], {Kind.RECORD}, id="by a right clock"),
        pytest.param([broke(15, 22, down=False, skew=timedelta(seconds=-15))], FINE, id="by one that was set back"),
    ],
)
def test_run_waits_behind_one_that_began_later(clock: list[Any], kinds: set[Kind]) -> None:
    first, waits = ran(10, lasts=None), ran(20)
    claim = active(waits, at(20)).model_copy(
        update={"state": AttemptState.WAITING, "uid": "", "queued_at": at(5), "started_at": at(5)}
    )
    record = told()
    record = replace(record, status=record.status.model_copy(update={"active": (active(first, first.began), claim)}))
    known = spec("0 0 0 1 1 *", concurrency="queue")
    verdict = judge(history(made(known), replace(first, trigger=Trigger.MANUAL), record, *clock, read=200))
    assert {each.kind for each in verdict.objections if "waits in line" in str(each)} == kinds, str(verdict)


@pytest.mark.parametrize(
    ("due", "left", "newest", "second"),
    [
        pytest.param(11, 13, False, 20, id="began before the turn"),
        pytest.param(11, 16, False, 15, id="joined before it"),
        pytest.param(11, 16, True, 20, id="joined before it, newest first"),
        pytest.param(16, 17, True, 15, id="joined after it, newest first"),
        pytest.param(9, 17, True, 15, id="an older one, newest first"),
    ],
)
def test_turn_comes_after_runs_that_go_first(due: float, left: float, newest: bool, second: float) -> None:
    other = Stay("other", at(due), at(left), at(20), fires=True)
    assert turn(at(10), at(15), [other], [], crowd=None, newest=newest) == at(second)
