"""Each rule by examples: a job due each ten seconds, looked at after forty."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dkron_crds.job import GroupStatus, Trigger
from tests.chaos.case import Kind
from tests.chaos.history import Act
from tests.chaos.verdict import judge
from tests.unit.chaos.facts import asked, broke, history, made, noticed, ran, spec, told
from tests.unit.chaos.model import at

FINE: set[Kind] = set()
ALL = [ran(10), ran(20), ran(30)]
FORBID = spec(concurrency="forbid")
LATEST, SKIP, EACH = spec(missedRuns="latest"), spec(missedRuns="skip"), spec(missedRuns="all")
RETRIED = spec("@at 2026-03-01T00:00:10Z", retries=1)
BY_HAND = spec("@manually")
FAILED = ran(10, success=False)
FIRST = "a-10-schedule-1"
STOPPED = told(
    FAILED, executions=tuple(e.model_copy(update={"reason": "Stopped"}) for e in told(FAILED).status.executions)
)
MANUAL: dict[str, Any] = {"trigger": Trigger.MANUAL, "group": 7}


EVERY = asked(Act.EDIT, 15, spec=spec("@every 5s"))
TO_TENS = [made(spec("0 * * * * *")), asked(Act.EDIT, 13, spec=EACH)]


def ran_each(first: float, step: float, times: int) -> list[Any]:
    return [ran(first + n * step) for n in range(times)]


def wrong_clock(begin: float, end: float, seconds: float) -> Any:
    return broke(begin, end, down=False, skew=timedelta(seconds=seconds))


def attempt(number: int, begin: float, **more: Any) -> Any:
    return ran(10, late=begin - 10, attempt=number, **more)


@pytest.mark.parametrize(
    ("facts", "kinds"),
    [
        pytest.param([made(spec()), *ALL], FINE, id="every slot ran"),
        pytest.param([made(spec()), ran(10), ran(30)], {Kind.UNSATISFIED}, id="one slot did not"),
        pytest.param([made(spec()), *ALL, ran(25)], {Kind.EXTRA}, id="a slot that was not due ran"),
        pytest.param([made(spec()), *ALL, ran(20, name="b")], {Kind.DOUBLE}, id="two Jobs of one slot"),
        pytest.param([made(spec()), ran(10), ran(20, late=5), ran(30)], {Kind.UNTIMELY}, id="too late"),
        pytest.param([made(spec()), ran(10), ran(20, late=-2), ran(30)], {Kind.UNTIMELY}, id="too soon"),
        pytest.param([made(spec()), *ALL, ran(40)], FINE, id="what could still come may have come"),
        pytest.param(ALL, {Kind.EXTRA}, id="nobody made the job"),
        pytest.param([made(spec(), answered=False), ran(10)], FINE, id="nobody knows when it was made"),
        pytest.param([made(spec(expiresAt="2026-03-01T00:00:20Z")), ran(10), ran(20)], FINE, id="expired"),
        pytest.param([made(spec(startsAt="2026-03-01T00:00:20Z")), ran(20), ran(30)], FINE, id="not started"),
        pytest.param([made(spec("61 * * * * *"))], FINE, id="a broken schedule is never due"),
    ],
)
def test_slots(facts: list[Any], kinds: set[Kind]) -> None:
    assert_objections(facts, kinds)


@pytest.mark.parametrize(
    ("facts", "kinds"),
    [
        pytest.param([asked(Act.DISABLE, 15), ran(10)], FINE, id="disabled"),
        pytest.param([asked(Act.DISABLE, 15), ran(10), ran(20)], {Kind.EXTRA}, id="disabled, and it ran"),
        pytest.param([asked(Act.DISABLE, 15, answered=False), ran(10), ran(30)], FINE, id="perhaps disabled"),
        pytest.param([asked(Act.DISABLE, 15, refused=True), ran(10), ran(30)], {Kind.UNSATISFIED}, id="not disabled"),
        pytest.param([asked(Act.DISABLE, 9.9)], FINE, id="disabled at the slot, which did not run"),
        pytest.param([asked(Act.DISABLE, 9.9), ran(10)], FINE, id="disabled at the slot, which ran"),
        pytest.param([asked(Act.DISABLE, 13), asked(Act.ENABLE, 23), ran(10), ran(30)], FINE, id="a pause"),
        pytest.param([asked(Act.DISABLE, 13), asked(Act.ENABLE, 23), ran(10)], {Kind.UNSATISFIED}, id="for ever"),
        pytest.param([asked(Act.EDIT, 15, spec=spec("5 * * * * *")), ran(10)], FINE, id="another schedule"),
        pytest.param([EVERY, ran(10), ran(20.7), ran(25.7), ran(30.7), ran(35.7)], FINE, id="a grid of its own"),
        pytest.param([EVERY, ran(10), ran(20.7), ran(30.7), ran(35.7)], {Kind.UNSATISFIED}, id="a hole in the grid"),
        pytest.param([EVERY, ran(10), *ran_each(18.7, 3.5, 6)], {Kind.EXTRA, Kind.UNSATISFIED}, id="another grid"),
        pytest.param([asked(Act.EDIT, 15, spec=FORBID), *ALL], FINE, id="the same schedule"),
        pytest.param([asked(Act.EDIT, 15, spec=FORBID), ran(10), ran(20)], {Kind.UNSATISFIED}, id="still the same"),
        pytest.param([asked(Act.DELETE, 15), ran(10)], FINE, id="deleted"),
        pytest.param([asked(Act.DELETE, 15), ran(10), ran(20)], {Kind.EXTRA}, id="deleted, and it ran"),
        pytest.param([asked(Act.DELETE, 11), ran(10, lasts=None)], FINE, id="its run went with it"),
        pytest.param([asked(Act.DELETE, 11), ran(10), ran(10, late=2)], {Kind.DOUBLE}, id="its run came again"),
        pytest.param(
            [asked(Act.DELETE, 11), broke(5, 10.6, down=False), ran(10), ran(10, late=2)],
            FINE,
            id="its run was on its way twice",
        ),
    ],
)
def test_operations(facts: list[Any], kinds: set[Kind]) -> None:
    assert_objections([made(spec()), *facts], kinds)


ANEW = told(ran(10), ran(25.3), ran(35.3), since=at(15.3))


@pytest.mark.parametrize(
    ("facts", "kinds"),
    [
        pytest.param([asked(Act.WIPE, 15), ran(10), ran(25.3), ran(35.3)], FINE, id="slots count anew"),
        pytest.param([asked(Act.WIPE, 15), ran(10), ran(25.3)], {Kind.UNSATISFIED, Kind.RECORD}, id="and have to run"),
        pytest.param(
            [asked(Act.WIPE, 15), ran(10), ran(20), ran(25.3), ran(35.3)], {Kind.EXTRA}, id="and not as before"
        ),
        pytest.param(
            [ran(10), ran(25.3), ran(35.3)], {Kind.UNSATISFIED, Kind.EXTRA, Kind.RECORD}, id="nobody wiped it"
        ),
    ],
)
def test_a_wiped_status_begins_anew(facts: list[Any], kinds: set[Kind]) -> None:
    assert_objections([made(spec("@every 10s"), when=0), *facts, ANEW], kinds, read=45)


@pytest.mark.parametrize(
    ("facts", "kinds"),
    [
        pytest.param([made(LATEST), broke(5, 25), ran(20, late=6), ran(30)], FINE, id="latest"),
        pytest.param([made(LATEST), broke(5, 25), ran(30)], {Kind.UNSATISFIED}, id="latest, and none ran"),
        pytest.param([made(LATEST), broke(5, 25), ran(10, late=16), ran(20, late=6), ran(30)], {Kind.EXTRA}, id="both"),
        pytest.param([made(SKIP), broke(5, 25), ran(30)], FINE, id="skip"),
        pytest.param([made(SKIP), broke(5, 25), ran(20, late=6), ran(30)], {Kind.EXTRA}, id="skip, and it ran"),
        pytest.param([made(SKIP), broke(5, 25, down=False), ran(20, late=6), ran(30)], FINE, id="skip, perhaps able"),
        pytest.param([made(EACH), broke(5, 25), ran(10, late=16), ran(20, late=6), ran(30)], FINE, id="all"),
        pytest.param([made(EACH), broke(5, 25), ran(20, late=6), ran(30)], {Kind.UNSATISFIED}, id="all but one"),
        pytest.param([made(LATEST), broke(5, 25), ran(20, late=12), ran(30)], {Kind.UNTIMELY}, id="late after it"),
        pytest.param([made(EACH), broke(5, None)], FINE, id="broken for ever"),
        pytest.param(
            [made(spec(missedRuns="all", startingDeadlineSeconds=8)), broke(5, 25), ran(20, late=6), ran(30)],
            FINE,
            id="all within the deadline",
        ),
        pytest.param(
            [made(spec(missedRuns="all", startingDeadlineSeconds=8)), broke(5, 25), ran(10, late=16), *ALL[1:]],
            {Kind.UNTIMELY},
            id="one beyond the deadline",
        ),
        pytest.param(
            [made(spec(startingDeadlineSeconds=8)), broke(5, 25, down=False, holds=True), ran(10, late=16), *ALL[1:]],
            FINE,
            id="asked for before the API server stood still",
        ),
        pytest.param([made(SKIP), wrong_clock(8, 12, 9), ran(10), ran(20, late=-8), ran(30)], FINE, id="ahead"),
        pytest.param(
            [made(SKIP), wrong_clock(8, 12, 5), *ALL[:2], ran(30, late=-5)], {Kind.UNTIMELY}, id="right again"
        ),
        pytest.param([made(SKIP), wrong_clock(8, 12, -9), ran(10, late=9), ran(20), ran(30)], FINE, id="behind"),
        pytest.param([made(SKIP), wrong_clock(8, 22, -9), ran(20, late=-5), ran(30)], {Kind.UNTIMELY}, id="not ahead"),
    ],
)
def test_faults(facts: list[Any], kinds: set[Kind]) -> None:
    assert_objections(facts, kinds)


@pytest.mark.parametrize(
    ("facts", "kinds"),
    [
        pytest.param([wrong_clock(5, 40, -4), ran(10, late=4)], FINE, id="noticed by a clock that is behind"),
        pytest.param([wrong_clock(5, 40, -2), ran(10, late=4)], {Kind.EXTRA}, id="it is not so far behind"),
        pytest.param([ran(10, late=4), told(ran(10), *ALL[1:], since=at(0))], FINE, id="nobody saw it before"),
        pytest.param([ran(10, late=4), told(ran(10), *ALL[1:], since=at(13))], {Kind.EXTRA}, id="somebody noticed"),
    ],
)
def test_slots_before_an_edit(facts: list[Any], kinds: set[Kind]) -> None:
    assert_objections([*TO_TENS, broke(0, 14, down=False), *facts, *ALL[1:]], kinds)


@pytest.mark.parametrize(
    ("facts", "kinds"),
    [
        pytest.param([], FINE, id="of neither"),
        pytest.param([ran(15.2), ran(22.2)], FINE, id="of the one that was noticed by a clock that is behind"),
        pytest.param([ran(22.7)], {Kind.EXTRA}, id="of none"),
    ],
)
def test_slots_between_two_edits(facts: list[Any], kinds: set[Kind]) -> None:
    asked_for = [made(spec("@every 7s")), asked(Act.DISABLE, 1), asked(Act.ENABLE, 13)]
    edited = [asked(Act.EDIT, 25, spec=spec("@every 1s")), noticed(25.2), *ran_each(26.2, 1, 14)]
    # The pause ended at 14.2 as the clock says 8.2.
    weather = [wrong_clock(5, 16, -6), broke(14, 34, down=False), noticed(1.1), noticed(8.2)]
    assert_objections([*asked_for, *weather, *facts, *edited], kinds)


@pytest.mark.parametrize(
    ("facts", "kinds"),
    [
        pytest.param([ran(10, lasts=13), ran(30)], FINE, id="skipped while one ran"),
        pytest.param([ran(10), ran(30)], {Kind.UNSATISFIED}, id="skipped while none ran"),
        pytest.param([ran(10, lasts=13), ran(20), ran(30)], {Kind.OVERLAP}, id="ran while one ran"),
        pytest.param([ran(10, lasts=9.9), ran(20), ran(30)], FINE, id="one after another"),
    ],
)
def test_forbid(facts: list[Any], kinds: set[Kind]) -> None:
    assert_objections([made(FORBID), *facts], kinds)


def test_a_slot_that_forbid_skips_is_counted() -> None:
    runs = [ran(10, lasts=13), ran(30)]
    assert_objections([made(FORBID), *runs, told(*runs, skipped=1)], FINE)
    assert_objections([made(FORBID), *runs, told(*runs)], {Kind.RECORD})
    assert_objections([made(FORBID), *runs, told(*runs, skipped=3)], {Kind.RECORD})


@pytest.mark.parametrize(
    ("facts", "kinds"),
    [
        pytest.param([FAILED, attempt(2, 14)], FINE, id="tried again"),
        pytest.param([FAILED], {Kind.ATTEMPTS}, id="not tried again"),
        pytest.param([ran(10, success=False, over=at(39))], FINE, id="nobody knew of its end in time"),
        pytest.param([ran(10, success=False, over=at(20))], {Kind.ATTEMPTS}, id="known late, and not tried again"),
        pytest.param([FAILED, asked(Act.DISABLE, 12.2)], FINE, id="disabled before it was tried again"),
        pytest.param([FAILED, broke(11, None)], FINE, id="it could not be tried again"),
        pytest.param([FAILED, attempt(2, 14, success=False)], FINE, id="twice failed"),
        pytest.param(
            [FAILED, attempt(2, 14, success=False), attempt(3, 18)], {Kind.ATTEMPTS}, id="more than are allowed"
        ),
        pytest.param([ran(10), attempt(2, 14)], {Kind.ATTEMPTS}, id="again after a success"),
        pytest.param([attempt(2, 14)], {Kind.UNSATISFIED, Kind.ATTEMPTS}, id="the second without the first"),
        pytest.param([FAILED, attempt(2, 11)], {Kind.OVERLAP, Kind.ATTEMPTS}, id="before the first had ended"),
        pytest.param([FAILED, attempt(2, 14), attempt(2, 15, name="b")], {Kind.DOUBLE}, id="the second twice"),
    ],
)
def test_attempts(facts: list[Any], kinds: set[Kind]) -> None:
    assert_objections([made(RETRIED), *facts], kinds)


@pytest.mark.parametrize(
    ("facts", "kinds"),
    [
        pytest.param([asked(Act.RUN, 15), ran(15, **MANUAL)], FINE, id="asked and run"),
        pytest.param([asked(Act.RUN, 15)], {Kind.REQUEST}, id="asked and not run"),
        pytest.param([asked(Act.RUN, 15, answered=False)], FINE, id="perhaps asked"),
        pytest.param([asked(Act.RUN, 15, refused=True), ran(15, **MANUAL)], {Kind.EXTRA}, id="refused and run"),
        pytest.param([ran(15, **MANUAL)], {Kind.EXTRA}, id="not asked"),
        pytest.param([asked(Act.RUN, 15), ran(15, **MANUAL), ran(15, **MANUAL | {"group": 8})], {Kind.EXTRA}, id="two"),
        pytest.param([asked(Act.DISABLE, 12), asked(Act.RUN, 15)], FINE, id="asked while disabled"),
        pytest.param([asked(Act.RUN, 15), broke(14, 30), ran(15, late=16, **MANUAL)], FINE, id="run after an outage"),
    ],
)
def test_requests(facts: list[Any], kinds: set[Kind]) -> None:
    assert_objections([made(BY_HAND), *facts], kinds)


@pytest.mark.parametrize(
    ("facts", "kinds"),
    [
        pytest.param([told(*ALL)], FINE, id="all of them"),
        pytest.param([told(*ALL, success_count=4)], {Kind.RECORD}, id="one too many"),
        pytest.param([told(*ALL, success_count=2)], {Kind.RECORD}, id="one too few"),
        pytest.param([told(*ALL, error_count=1)], {Kind.RECORD}, id="a failure of nobody"),
        pytest.param([told(*ALL[:2])], {Kind.RECORD}, id="not the last one"),
        pytest.param([told(*ALL, ran(25))], {Kind.RECORD}, id="one that never was"),
        pytest.param([told(*ALL, skipped=2)], {Kind.RECORD}, id="a skipped slot that ran"),
        pytest.param([told(), asked(Act.WIPE, 35)], FINE, id="wiped"),
        pytest.param([told(*ALL, status=GroupStatus.FAILED)], {Kind.RECORD}, id="the newest one failed"),
        pytest.param([told(*ALL, since=at(0))], FINE, id="since its creation"),
        pytest.param([told(*ALL, since=at(15))], {Kind.RECORD}, id="since a change that was none"),
        pytest.param([told(*ALL, since=at(15)), asked(Act.EDIT, 14.5, spec=FORBID)], FINE, id="since a change"),
        pytest.param([told(*ALL, last_schedule_time=None)], {Kind.RECORD}, id="no mark"),
    ],
)
def test_records(facts: list[Any], kinds: set[Kind]) -> None:
    assert_objections([made(spec()), *ALL, *facts], kinds)


def test_a_run_that_ended_as_it_was_replaced_may_count_as_either() -> None:
    newest, other = ran(15.8, **MANUAL), ran(15.2, late=2.5, success=False, trigger=Trigger.MANUAL, group=6)
    facts = [asked(Act.RUN, 15.8, at=at(15.8)), asked(Act.RUN, 17.5, at=at(15.2)), newest, other, told(newest, other)]
    for concurrency, kinds in (("replace", FINE), ("allow", {Kind.RECORD})):
        assert_objections([made(spec("@manually", concurrency=concurrency)), *facts], kinds)


def test_who_starts_on_an_old_list_may_count_a_slot_as_missed_that_ran() -> None:
    for what, kinds in (("old lists at operator 1", FINE), ("slow calls", {Kind.RECORD})):
        fault = replace(broke(18, 22, down=False), what=what)
        assert_objections([made(spec()), *ALL, fault, told(*ALL, skipped=1)], kinds)


def test_rivals_may_count_a_slot_as_skipped_that_ran() -> None:
    facts = history(made(spec()), *ALL, told(*ALL, skipped=1))
    assert {o.kind for o in judge(facts).objections} == {Kind.RECORD}
    assert judge(replace(facts, terms=replace(facts.terms, rivals=True))).valid


@pytest.mark.parametrize(
    ("facts", "kinds"),
    [
        pytest.param([], {Kind.UNFINISHED}, id="nobody knows why"),
        pytest.param([asked(Act.STOP, 11)], FINE, id="stopped"),
        pytest.param([asked(Act.STOP, 11, hits="another")], {Kind.UNFINISHED}, id="another one was stopped"),
        pytest.param([broke(11, 12, down=False, hits=("a-10-schedule-1",))], FINE, id="its pod was deleted"),
        pytest.param([broke(11, 12, down=False)], {Kind.UNFINISHED}, id="something else broke"),
    ],
)
def test_runs_without_an_end(facts: list[Any], kinds: set[Kind]) -> None:
    assert_objections([made(spec("@at 2026-03-01T00:00:10Z")), ran(10, lasts=None), *facts], kinds, read=90)


@pytest.mark.parametrize(
    ("facts", "kinds"),
    [
        pytest.param([asked(Act.STOP, 11, hits=FIRST), ran(10, lasts=None), STOPPED], FINE, id="stopped"),
        pytest.param([asked(Act.STOP, 11, hits=FIRST), ran(10)], FINE, id="ended first"),
        pytest.param([asked(Act.STOP, 11, hits=FIRST), ran(10, lasts=40)], {Kind.STOP}, id="it went on"),
        pytest.param(
            [asked(Act.STOP, 11, hits=FIRST), ran(10, lasts=40), broke(10, 60, down=False)], FINE, id="in a storm"
        ),
        pytest.param([asked(Act.STOP, 11, hits=FIRST, answered=False), ran(10, lasts=40)], FINE, id="not answered"),
        pytest.param([ran(10, success=False), STOPPED], {Kind.STOP}, id="nobody asked"),
        pytest.param([asked(Act.STOP, 20, hits=FIRST), ran(10, success=False), STOPPED], {Kind.STOP}, id="too late"),
        pytest.param(
            [asked(Act.STOP, 11, hits=FIRST), ran(10, lasts=None), ran(10, attempt=2, late=5), STOPPED],
            {Kind.STOP}, id="tried again",
        ),
    ],
)  # fmt: skip
def test_stops(facts: list[Any], kinds: set[Kind]) -> None:
    verdict = judge(history(made(spec("@at 2026-03-01T00:00:10Z", retries=1)), *facts, read=90))
    assert {o.kind for o in verdict.objections} - {Kind.RECORD} == kinds, str(verdict)


CHILD: dict[str, Any] = {"job": "b", "uid": "uid-b", "trigger": Trigger.DEPENDENT}


def follows(end: float, **more: Any) -> Any:
    """A run of the job "b" after the end of one of "a"."""
    return ran(end, name=f"b-{end}", **CHILD | more)


def child(when: str = "success", **more: Any) -> Any:
    """The job "b", which runs after "a"."""
    tie = spec("", dependsOn=[{"job": "a", "when": when}], **more)
    return replace(made(tie), job="b", uid="uid-b")


TWO, FOLLOWED = ALL[:2], [follows(12.5), follows(22.5)]


@pytest.mark.parametrize(
    ("facts", "kinds"),
    [
        pytest.param([child(), *ALL, follows(12.5), follows(22.5), follows(32.5)], FINE, id="each is followed"),
        pytest.param([child(), *ALL, follows(12.5), follows(32.5)], {Kind.CHAIN}, id="one is not"),
        pytest.param([child(), *ALL, *map(follows, (12.5, 12.6, 22.5, 32.5))], {Kind.CHAIN}, id="one is twice"),
        pytest.param([child(), *ALL, *map(follows, (5, 12.5, 22.5, 32.5))], {Kind.CHAIN}, id="before any has ended"),
        pytest.param([child(), *TWO, ran(30, over=at(39)), *FOLLOWED], FINE, id="nobody knew of one end in time"),
        pytest.param([child(), *TWO, ran(30, over=at(33)), *FOLLOWED], {Kind.CHAIN}, id="one is known late, and not"),
        pytest.param([child("failure"), *ALL], FINE, id="after failures, and there are none"),
        pytest.param([child("failure"), *ALL, follows(12.5)], {Kind.CHAIN}, id="after a success instead"),
        pytest.param([child(disabled=True), *ALL], FINE, id="disabled"),
        pytest.param([child(), *ALL, broke(32, None)], {Kind.CHAIN}, id="two of them, before an outage"),
        pytest.param([child(), *ALL, broke(11, None, down=False)], FINE, id="not yet, in an outage"),
        pytest.param([child(concurrency="forbid"), *ALL, follows(12.5, lasts=25)], FINE, id="it still ran"),
        pytest.param([child(concurrency="forbid"), *ALL, follows(12.5)], {Kind.CHAIN}, id="it did not run any more"),
        pytest.param([*ALL, follows(12.5)], {Kind.CHAIN}, id="a job that nobody made"),
    ],
)
def test_chains(facts: list[Any], kinds: set[Kind]) -> None:
    assert_objections([made(spec()), *facts], kinds)


def assert_objections(facts: list[Any], kinds: set[Kind], *, read: float = 40) -> None:
    verdict = judge(history(*facts, read=read))
    assert {objection.kind for objection in verdict.objections} == kinds, str(verdict)
