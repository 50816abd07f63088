"""Each rule by examples: a job due each ten seconds, looked at after forty."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dkron_crds.job import GroupStatus, Trigger
from tests.chaos.history import Act, Seen
from tests.chaos.objections import Kind
from tests.chaos.rules import accounts
from tests.chaos.verdict import judge
from tests.unit.chaos.facts import UID, asked, broke, history, made, noticed, ran, spec, told
from tests.unit.chaos.model import at

FINE: set[Kind] = set()
ALL = [ran(10), ran(20), ran(30)]
FORBID, QUEUED = (spec(concurrency="forbid", missedRuns=missed) for missed in ("latest", "all"))
LED = broke(15, 25, down=False, handover=True)
LATEST, SKIP, EACH = spec(missedRuns="latest"), spec(missedRuns="skip"), spec(missedRuns="all")
SOON, EACH_SOON = spec(startingDeadlineSeconds=8), spec(missedRuns="all", startingDeadlineSeconds=8)
ONCE, RETRIED = (spec("@at 2026-03-01T00:00:10Z", retries=retries) for retries in (0, 1))
PATIENT = spec("@at 2026-03-01T00:00:10Z", retries=1, retryBackoff={"initial": "30s"})
BY_HAND = spec("@manually")
FAILED = ran(10, success=False)
FIRST = "a-10-schedule-1"
STOP = asked(Act.STOP, 11, hits=FIRST)
STOPPED = told(
    FAILED, executions=tuple(e.model_copy(update={"reason": "Stopped"}) for e in told(FAILED).status.executions)
)
MANUAL: dict[str, Any] = {"trigger": Trigger.MANUAL, "group": 7}
EVERY = asked(Act.EDIT, 15, spec=spec("@every 5s"))
TO_TENS = [made(spec("0 * * * * *")), asked(Act.EDIT, 13, spec=EACH)]
SKIPS = [ran(10, lasts=13), ran(30)]
VAIN = [asked(Act.DELETE, 12, answered=False), made(spec(), when=16, answered=False)]
REBUILT = told(ran(10), ran(25), ran(35), since=at(15.3))


def ran_each(first: float, step: float, times: int) -> list[Any]:
    return [ran(first + n * step) for n in range(times)]


def wrong_clock(begin: float, end: float, seconds: float) -> Any:
    return broke(begin, end, down=False, skew=timedelta(seconds=seconds))


def attempt(number: int, begin: float, **more: Any) -> Any:
    return ran(10, late=begin - 10, attempt=number, **more)


CHILD: dict[str, Any] = {"job": "b", "uid": "uid-b", "trigger": Trigger.DEPENDENT}


def noted(when: float, **more: Any) -> Any:
    """The status from then on."""
    known: dict[str, Any] = {key: at(value) if key == "mark" else value for key, value in more.items()}
    return Seen(job="a", uid=UID, at=at(when), since=at(0), fingerprint=spec().fingerprint, **known)


def follows(end: float, **more: Any) -> Any:
    """A run of the job "b" after the end of one of "a"."""
    return ran(end, name=f"b-{end}", **CHILD | more)


def child(when: str = "success", **more: Any) -> Any:
    """The job "b", which runs after "a"."""
    tie = spec("", dependsOn=[{"job": "a", "when": when}], **more)
    return replace(made(tie), job="b", uid="uid-b")


TWO, FOLLOWED = ALL[:2], [follows(12.5), follows(22.5)]
TWO_EDITS = [
    made(spec("@every 7s")), asked(Act.DISABLE, 1), noticed(1.1), asked(Act.ENABLE, 13),
    # The pause ended at 14.2 as the clock says 8.2.
    wrong_clock(5, 16, -6), broke(14, 34, down=False), noticed(8.2),
    asked(Act.EDIT, 25, spec=spec("@every 1s")), noticed(25.2), *ran_each(26, 1, 14),
]  # fmt: skip


def cases(rule: str, always: list[Any], *rows: tuple[str, list[Any], set[Kind]], read: float = 40) -> list[Any]:
    """For each row its name, the facts beside those that are `always` there, and what is objected to."""
    return [pytest.param([*always, *facts], kinds, read, id=f"{rule}: {name}") for name, facts, kinds in rows]


CASES = [
    *cases("slots", [],
        ("every slot ran", [made(spec()), *ALL], FINE),
        ("one slot did not", [made(spec()), ran(10), ran(30)], {Kind.UNSATISFIED}),
        ("a slot that was not due ran", [made(spec()), *ALL, ran(25)], {Kind.EXTRA}),
        ("two Jobs of one slot", [made(spec()), *ALL, ran(20, name="b")], {Kind.DOUBLE}),
        ("too late", [made(spec()), ran(10), ran(20, late=5), ran(30)], {Kind.UNTIMELY}),
        ("too soon", [made(spec()), ran(10), ran(20, late=-2), ran(30)], {Kind.UNTIMELY}),
        ("what could still come may have come", [made(spec()), *ALL, ran(40)], FINE),
        ("no client made the job", ALL, {Kind.EXTRA}),
        ("no answer says when it was made", [made(spec(), answered=False), ran(10)], FINE),
        ("expired", [made(spec(expiresAt="2026-03-01T00:00:20Z")), ran(10), ran(20)], FINE),
        ("not started", [made(spec(startsAt="2026-03-01T00:00:20Z")), ran(20), ran(30)], FINE),
        ("a broken schedule is never due", [made(spec("61 * * * * *"))], FINE),
    ),
    *cases("operations", [made(spec())],
        ("disabled", [asked(Act.DISABLE, 15), ran(10)], FINE),
        ("disabled, and it ran", [asked(Act.DISABLE, 15), ran(10), ran(20)], {Kind.EXTRA}),
        ("perhaps disabled", [asked(Act.DISABLE, 15, answered=False), ran(10), ran(30)], FINE),
        ("not disabled", [asked(Act.DISABLE, 15, refused=True), ran(10), ran(30)], {Kind.UNSATISFIED}),
        ("disabled at the slot, which did not run", [asked(Act.DISABLE, 9.9)], FINE),
        ("disabled at the slot, which ran", [asked(Act.DISABLE, 9.9), ran(10)], FINE),
        ("a pause", [asked(Act.DISABLE, 13), asked(Act.ENABLE, 23), ran(10), ran(30)], FINE),
        ("for ever", [asked(Act.DISABLE, 13), asked(Act.ENABLE, 23), ran(10)], {Kind.UNSATISFIED}),
        ("another schedule", [asked(Act.EDIT, 15, spec=spec("5 * * * * *")), ran(10)], FINE),
        ("a grid of its own", [EVERY, ran(10), ran(20), ran(25), ran(30), ran(35)], FINE),
        ("a hole in the grid", [EVERY, ran(10), ran(20), ran(30), ran(35)], {Kind.UNSATISFIED}),
        ("another grid", [EVERY, ran(10), *ran_each(18.7, 3.5, 6)], {Kind.EXTRA, Kind.UNSATISFIED}),
        ("the same schedule", [asked(Act.EDIT, 15, spec=FORBID), *ALL], FINE),
        ("still the same", [asked(Act.EDIT, 15, spec=FORBID), ran(10), ran(20)], {Kind.UNSATISFIED}),
        ("deleted", [asked(Act.DELETE, 15), ran(10)], FINE),
        ("deleted, and it ran", [asked(Act.DELETE, 15), ran(10), ran(20)], {Kind.EXTRA}),
        ("not deleted, as its record shows", [*VAIN, asked(Act.EDIT, 18, spec=spec()), *ALL, told(*ALL)], FINE),
        ("so its slots have to run",
         [*VAIN, ran(10), ran(20), told(ran(10), ran(20))], {Kind.UNSATISFIED, Kind.RECORD}),
        ("its run went with it", [asked(Act.DELETE, 11), ran(10, lasts=None)], FINE),
        ("its run came again", [asked(Act.DELETE, 11), ran(10), ran(10, late=2)], {Kind.DOUBLE}),
        ("its run was on its way twice",
         [asked(Act.DELETE, 11), broke(5, 10.6, down=False), ran(10), ran(10, late=2)], FINE),
    ),
    *cases("a wiped status begins again", [made(spec("@every 10s"), when=0), REBUILT],
        ("slots count again", [asked(Act.WIPE, 15), ran(10), ran(25), ran(35)], FINE),
        ("and have to run", [asked(Act.WIPE, 15), ran(10), ran(25)], {Kind.UNSATISFIED, Kind.RECORD}),
        ("and not as before", [asked(Act.WIPE, 15), ran(10), ran(20), ran(25), ran(35)], {Kind.EXTRA}),
        ("no client wiped it", [ran(10), ran(25), ran(35)], {Kind.UNSATISFIED, Kind.EXTRA, Kind.RECORD}),
        read=45,
    ),
    *cases("faults", [],
        ("latest", [made(LATEST), broke(5, 25), ran(20, late=6), ran(30)], FINE),
        ("latest, and none ran", [made(LATEST), broke(5, 25), ran(30)], {Kind.UNSATISFIED}),
        ("both", [made(LATEST), broke(5, 25), ran(10, late=16), ran(20, late=6), ran(30)], {Kind.EXTRA}),
        ("skip", [made(SKIP), broke(5, 25), ran(30)], FINE),
        ("skip, and it ran", [made(SKIP), broke(5, 25), ran(20, late=6), ran(30)], {Kind.EXTRA}),
        ("skip, while one leader followed another", [made(SKIP), LED, ran(10), ran(20, late=6), ran(30)], FINE),
        ("skip, and it did not run then", [made(SKIP), LED, ran(10), ran(30)], {Kind.UNSATISFIED}),
        ("skip, and something else was wrong as well", [made(SKIP), LED, broke(19, 21), ran(10), ran(30)], FINE),
        ("skip, perhaps able", [made(SKIP), broke(5, 25, down=False), ran(20, late=6), ran(30)], FINE),
        ("all", [made(EACH), broke(5, 25), ran(10, late=16), ran(20, late=6), ran(30)], FINE),
        ("all but one", [made(EACH), broke(5, 25), ran(20, late=6), ran(30)], {Kind.UNSATISFIED}),
        ("late after it", [made(LATEST), broke(5, 25), ran(20, late=12), ran(30)], {Kind.UNTIMELY}),
        ("broken for ever", [made(EACH), broke(5, None)], FINE),
        ("all within the deadline", [made(EACH_SOON), broke(5, 25), ran(20, late=6), ran(30)], FINE),
        ("one beyond the deadline", [made(EACH_SOON), broke(5, 25), ran(10, late=16), *ALL[1:]], {Kind.UNTIMELY}),
        ("asked for before the API server stood still",
         [made(SOON), broke(5, 25, down=False, holds=True), ran(10, late=16), *ALL[1:]], FINE),
        ("ahead", [made(SKIP), wrong_clock(8, 12, 9), ran(10), ran(20, late=-8), ran(30)], FINE),
        ("right again", [made(SKIP), wrong_clock(8, 12, 5), *ALL[:2], ran(30, late=-5)], {Kind.UNTIMELY}),
        ("behind", [made(SKIP), wrong_clock(8, 12, -9), ran(10, late=9), ran(20), ran(30)], FINE),
        ("not ahead", [made(SKIP), wrong_clock(8, 22, -9), ran(20, late=-5), ran(30)], {Kind.UNTIMELY}),
    ),
    *cases("slots before an edit", [*TO_TENS, broke(0, 14, down=False), *ALL[1:]],
        ("noticed by a clock that is behind", [wrong_clock(5, 40, -4), ran(10, late=4)], FINE),
        ("it is not so far behind", [wrong_clock(5, 40, -2), ran(10, late=4)], {Kind.EXTRA}),
        ("no witness saw it before", [ran(10, late=4), told(ran(10), *ALL[1:], since=at(0))], FINE),
        ("the witness noticed", [ran(10, late=4), told(ran(10), *ALL[1:], since=at(13))], {Kind.EXTRA}),
    ),
    *cases("slots between two edits", TWO_EDITS,
        ("of neither", [], FINE),
        ("of one noticed by a slow clock", [ran(15), ran(22)], FINE),
        ("of none", [ran(23)], {Kind.EXTRA}),
    ),
    *cases("forbid", [made(FORBID)],
        ("skipped while one ran", [ran(10, lasts=13), ran(30)], FINE),
        ("missed while one ran, and it waits",
         [made(QUEUED), broke(15, 25), ran(10, lasts=18), ran(20, late=9), ran(30, late=2)], FINE),
        ("missed while one ran, and left out", [made(QUEUED), broke(15, 25), ran(10, lasts=18), ran(30)],
         {Kind.UNSATISFIED}),
        ("skipped while none ran", [ran(10), ran(30)], {Kind.UNSATISFIED}),
        ("ran while one ran", [ran(10, lasts=13), ran(20), ran(30)], {Kind.OVERLAP}),
        ("one after another", [ran(10, lasts=9.9), ran(20), ran(30)], FINE),
        ("ran after one that ran", [ran(10, lasts=17), ran(20, late=8), ran(30)], {Kind.EXTRA}),
        ("a slot that it skips is counted", [*SKIPS, told(*SKIPS, skipped=1)], FINE),
        ("and is not", [*SKIPS, told(*SKIPS)], {Kind.RECORD}),
        ("and is thrice", [*SKIPS, told(*SKIPS, skipped=3)], {Kind.RECORD}),
    ),
    *cases("attempts", [made(RETRIED)],
        ("tried again", [FAILED, attempt(2, 14)], FINE),
        ("not tried again", [FAILED], {Kind.ATTEMPTS}),
        ("no operator knew of its end in time", [ran(10, success=False, over=at(39))], FINE),
        ("known late, and not tried again", [ran(10, success=False, over=at(20))], {Kind.ATTEMPTS}),
        ("disabled before it was tried again", [FAILED, asked(Act.DISABLE, 12.2)], FINE),
        ("it could not be tried again", [FAILED, broke(11, None)], FINE),
        ("twice failed", [FAILED, attempt(2, 14, success=False)], FINE),
        ("more than are allowed", [FAILED, attempt(2, 14, success=False), attempt(3, 18)], {Kind.ATTEMPTS}),
        ("again after a success", [ran(10), attempt(2, 14)], {Kind.ATTEMPTS}),
        ("the second without the first", [attempt(2, 14)], {Kind.UNSATISFIED, Kind.ATTEMPTS}),
        ("before the first had ended", [FAILED, attempt(2, 11)], {Kind.OVERLAP, Kind.ATTEMPTS}),
        ("the second twice", [FAILED, attempt(2, 14), attempt(2, 15, name="b")], {Kind.DOUBLE}),
    ),
    *cases("requests", [made(BY_HAND)],
        ("asked and run", [asked(Act.RUN, 15), ran(15, **MANUAL)], FINE),
        ("asked and not run", [asked(Act.RUN, 15)], {Kind.REQUEST}),
        ("perhaps asked", [asked(Act.RUN, 15, answered=False)], FINE),
        ("refused and run", [asked(Act.RUN, 15, refused=True), ran(15, **MANUAL)], {Kind.EXTRA}),
        ("not asked", [ran(15, **MANUAL)], {Kind.EXTRA}),
        ("two", [asked(Act.RUN, 15), ran(15, **MANUAL), ran(15, **MANUAL | {"group": 8})], {Kind.EXTRA}),
        ("asked while disabled", [asked(Act.DISABLE, 12), asked(Act.RUN, 15)], FINE),
        ("run after an outage", [asked(Act.RUN, 15), broke(14, 30), ran(15, late=16, **MANUAL)], FINE),
    ),
    *cases("records", [made(spec()), *ALL],
        ("all of them", [told(*ALL)], FINE),
        ("one too many", [told(*ALL, success_count=4)], {Kind.RECORD}),
        ("one too few", [told(*ALL, success_count=2)], {Kind.RECORD}),
        ("a failure of no run", [told(*ALL, error_count=1)], {Kind.RECORD}),
        ("not the last one", [told(*ALL[:2])], {Kind.RECORD}),
        ("one that never was", [told(*ALL, ran(25))], {Kind.RECORD}),
        ("a skipped slot that ran", [told(*ALL, skipped=2)], {Kind.RECORD}),
        ("wiped", [told(), asked(Act.WIPE, 35)], FINE),
        ("the newest one failed", [told(*ALL, status=GroupStatus.FAILED)], {Kind.RECORD}),
        ("since its creation", [told(*ALL, since=at(0))], FINE),
        ("since a change that was none", [told(*ALL, since=at(15))], {Kind.RECORD}),
        ("since a change", [told(*ALL, since=at(15)), asked(Act.EDIT, 14.5, spec=FORBID)], FINE),
        ("no mark", [told(*ALL, last_schedule_time=None)], {Kind.RECORD}),
    ),
    *cases("runs without an end", [made(ONCE), ran(10, lasts=None)],
        ("no cause is known", [], {Kind.UNFINISHED}),
        ("stopped", [asked(Act.STOP, 11)], FINE),
        ("another one was stopped", [asked(Act.STOP, 11, hits="another")], {Kind.UNFINISHED}),
        ("its pod was deleted", [broke(11, 12, down=False, hits=(FIRST,))], FINE),
        ("something else broke", [broke(11, 12, down=False)], {Kind.UNFINISHED}),
        read=90,
    ),
    *cases("statuses on the way", [made(spec()), *ALL, noted(0.6)],
        ("the mark follows the runs", [noted(10.5, mark=10), noted(20.5, mark=20), noted(30.5, mark=30)], FINE),
        ("it moves back", [noted(10.5, mark=10), noted(20.5, mark=20), noted(21, mark=10)], {Kind.RECORD}),
        ("of a clock that was ahead",
         [wrong_clock(8, 40, 9), noted(10.5, mark=10), noted(20.5, mark=20), noted(21, mark=10)], FINE),
        ("of a status that was wiped",
         [asked(Act.WIPE, 35), noted(10.5, mark=10), noted(20.5, mark=20), noted(35.1)], FINE),
        ("a count without a slot", [noted(10.5, mark=10), noted(11, mark=10, skipped=1)], {Kind.RECORD}),
        ("a count that a request may explain",
         [asked(Act.RUN, 10.8, answered=False), noted(10.5, mark=10), noted(11, mark=10, skipped=1)], FINE),
    ),
    *cases("chains of a job that is retried", [made(PATIENT), child("failure"), FAILED],
        ("the retry may come later", [], FINE),
    ),
    *cases("chains of a job that was retried", [made(PATIENT), child("failure"), FAILED],
        ("with success", [attempt(2, 43)], FINE),
        ("in vain", [attempt(2, 43, success=False), follows(45)], FINE),
        ("in vain without a follower", [attempt(2, 43, success=False)], {Kind.CHAIN}),
        read=55,
    ),
    *cases("chains", [made(spec())],
        ("each is followed", [child(), *ALL, follows(12.5), follows(22.5), follows(32.5)], FINE),
        ("one is not", [child(), *ALL, follows(12.5), follows(32.5)], {Kind.CHAIN}),
        ("one is twice", [child(), *ALL, *map(follows, (12.5, 12.6, 22.5, 32.5))], {Kind.CHAIN}),
        ("before any has ended", [child(), *ALL, *map(follows, (5, 12.5, 22.5, 32.5))], {Kind.CHAIN}),
        ("no operator knew of one end in time", [child(), *TWO, ran(30, over=at(39)), *FOLLOWED], FINE),
        ("one is known late, and not", [child(), *TWO, ran(30, over=at(33)), *FOLLOWED], {Kind.CHAIN}),
        ("after failures, and there are none", [child("failure"), *ALL], FINE),
        ("after a success instead", [child("failure"), *ALL, follows(12.5)], {Kind.CHAIN}),
        ("disabled", [child(disabled=True), *ALL], FINE),
        ("two of them, before an outage", [child(), *ALL, broke(32, None)], {Kind.CHAIN}),
        ("not yet, in an outage", [child(), *ALL, broke(11, None, down=False)], FINE),
        ("it still ran", [child(concurrency="forbid"), *ALL, follows(12.5, lasts=25)], FINE),
        ("it did not run any more", [child(concurrency="forbid"), *ALL, follows(12.5)], {Kind.CHAIN}),
        ("a job that no client made", [*ALL, follows(12.5)], {Kind.CHAIN}),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("facts", "kinds", "read"), CASES)
def test_objections_by_rule(facts: list[Any], kinds: set[Kind], read: float) -> None:
    assert_objections(facts, kinds, read=read)


def test_run_that_ends_while_replaced_may_count_as_either() -> None:
    newest, other = ran(15.8, **MANUAL), ran(15.2, late=2.5, success=False, trigger=Trigger.MANUAL, group=6)
    facts = [asked(Act.RUN, 15.8, at=at(15.8)), asked(Act.RUN, 17.5, at=at(15.2)), newest, other, told(newest, other)]
    for concurrency, kinds in (("replace", FINE), ("allow", {Kind.RECORD})):
        assert_objections([made(spec("@manually", concurrency=concurrency)), *facts], kinds)


@pytest.mark.parametrize(
    ("requested", "kinds"),
    [
        pytest.param(19.9, FINE, id="before the one that is kept"),
        pytest.param(24.9, {Kind.RECORD}, id="after it had ended"),
    ],
)
def test_late_run_has_the_age_of_its_request(requested: float, kinds: set[Kind]) -> None:
    kept = ran(20, trigger=Trigger.MANUAL, group=6)
    other = ran(requested, late=25.2 - requested, **MANUAL)
    wishes = [asked(Act.RUN, run.slot.second + 0.1, at=run.slot) for run in (other, kept)]
    record = told(kept, success_count=2)
    assert_objections([made(spec("@manually", history={"executions": 1})), *wishes, other, kept, record], kinds)


def test_start_on_an_old_list_may_miscount_a_run_as_missed() -> None:
    for what, kinds in (("old lists at operator 1", FINE), ("slow calls", {Kind.RECORD})):
        fault = replace(broke(18, 22, down=False), what=what)
        assert_objections([made(spec()), *ALL, fault, told(*ALL, skipped=1)], kinds)


def test_rivals_may_count_a_slot_as_skipped_that_ran() -> None:
    facts = history(made(spec()), *ALL, told(*ALL, skipped=1))
    assert {o.kind for o in judge(facts).objections} == {Kind.RECORD}
    assert judge(replace(facts, terms=replace(facts.terms, rivals=True))).valid


def test_deferred_slots_return_after_the_mark_moves_back() -> None:
    ahead = noted(20.5, mark=50, deferred=((at(20), at(50)),))
    (case,) = judge(history(made(spec()), *ALL, ahead, noted(21, mark=20.5))).cases
    assert Kind.UNSATISFIED not in {each.kind for each in accounts.check(case)}


@pytest.mark.parametrize(
    ("counted", "objections"),
    [pytest.param(20, 0, id="counted before the wipe"), pytest.param(10, 1, id="counted by no status")],
)
def test_slots_counted_before_a_wipe_are_not_counted_again(counted: float, objections: int) -> None:
    told_before = noted(20.5, mark=counted, skipped=1 if counted == 20 else 0)
    wiped = replace(noted(22), since=None, fingerprint="")
    facts = [made(spec()), ran(10), ran(30), asked(Act.WIPE, 22), noted(10.5, mark=10), told_before, wiped]
    (case,) = judge(history(*facts, noted(22.5, mark=20))).cases
    assert len([*accounts.check(case)]) == objections


def test_job_refused_to_a_rival_may_count_as_failed() -> None:
    record = told(replace(ALL[0], success=False), *ALL[1:])
    first, *others = record.status.executions
    executions = (first.model_copy(update={"reason": "JobRejected"}), *others)
    record = replace(record, status=record.status.model_copy(update={"executions": executions}))
    facts = history(made(spec()), *ALL, broke(2, 3, down=False, hits=(FIRST,)), record)
    assert {o.kind for o in judge(facts).objections} == {Kind.RECORD}
    assert judge(replace(facts, terms=replace(facts.terms, rivals=True))).valid


@pytest.mark.parametrize(
    ("facts", "kinds"),
    [
        pytest.param([STOP, ran(10, lasts=None), STOPPED], FINE, id="stopped"),
        pytest.param([STOP, ran(10)], FINE, id="ended first"),
        pytest.param([STOP, ran(10, lasts=40)], {Kind.STOP}, id="it went on"),
        pytest.param([STOP, ran(10, lasts=40), broke(10, 60, down=False)], FINE, id="in a storm"),
        pytest.param([asked(Act.STOP, 11, hits=FIRST, answered=False), ran(10, lasts=40)], FINE, id="not answered"),
        pytest.param([FAILED, STOPPED], {Kind.STOP}, id="no client asked"),
        pytest.param([asked(Act.STOP, 20, hits=FIRST), FAILED, STOPPED], {Kind.STOP}, id="too late"),
        pytest.param([STOP, ran(10, lasts=None), attempt(2, 15), STOPPED], {Kind.STOP}, id="tried again"),
    ],
)
def test_stops(facts: list[Any], kinds: set[Kind]) -> None:
    verdict = judge(history(made(RETRIED), *facts, read=90))
    assert {o.kind for o in verdict.objections} - {Kind.RECORD} == kinds, str(verdict)


def assert_objections(facts: list[Any], kinds: set[Kind], *, read: float = 40) -> None:
    verdict = judge(history(*facts, read=read))
    assert {objection.kind for objection in verdict.objections} == kinds, str(verdict)
