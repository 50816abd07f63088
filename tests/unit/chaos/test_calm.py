"""How much of a history is calm, how soon a probe shows that all is well, and that a verdict fails on too little."""

from dataclasses import replace
from datetime import timedelta

import pytest

from dkron_crds.job import Trigger
from tests.chaos.calm import calm
from tests.chaos.fault_windows import Weather
from tests.chaos.history import FOREVER, Act, Fault, History, Operation, Record, Run, Since
from tests.chaos.objections import Kind
from tests.chaos.recovery import signs
from tests.chaos.verdict import judge
from tests.unit.chaos.facts import asked, broke, history, made, ran, spec, told
from tests.unit.chaos.model import at

Known = Operation | Run | Fault | Record | Since
SECOND = timedelta(seconds=1)
RUNS = [ran(slot) for slot in range(10, 100, 10)]


def with_faults(*faults: Fault, least: float = 0.5) -> History:
    """A job with a slot every ten seconds from 10 to 90, all of which ran. Lateness and recovery are 2 s each."""
    facts = history(made(spec(missedRuns="all")), *RUNS, told(*RUNS), *faults, read=99)
    return replace(facts, terms=replace(facts.terms, calm=least))


@pytest.mark.parametrize(
    ("faults", "share"),
    [
        pytest.param((), 1.0, id="nothing was broken"),
        pytest.param((broke(30, 34, down=False),), 1 - 8 / 80, id="2 s before it, and 2 s after it"),
        pytest.param((broke(30, 34, down=False), broke(36, 44, down=False)), 1 - 18 / 80, id="two in a row are one"),
        pytest.param(
            (broke(30, 34, down=False), broke(37, 44, down=False)), 1 - 18 / 80, id="what overlaps counts once"
        ),
        pytest.param((broke(0, 13, down=False),), 1 - 5 / 80, id="before the first slot"),
        pytest.param((broke(82, None, down=False),), 1 - 10 / 80, id="until the end"),
        pytest.param((broke(30, 34, down=False, skew=6 * SECOND),), 1 - 14 / 80, id="a clock that was wrong"),
    ],
)
def test_calm_share_weighs_only_time_with_due_slots(faults: tuple[Fault, ...], share: float) -> None:
    verdict = judge(with_faults(*faults))
    assert verdict.calm is not None
    assert verdict.calm.share == pytest.approx(share)
    assert f"calm for {100 * share:.1f} % of 80.0 s" in str(verdict)
    assert verdict.valid, str(verdict)


def test_too_little_calm_is_objected_to() -> None:
    verdict = judge(with_faults(broke(20, 58, down=False)))
    assert {each.kind for each in verdict.objections} == {Kind.STORMY}
    assert str(verdict).endswith("TOO LITTLE CALM: 47.5 % of the time is calm, and 50 % must be.")
    assert not verdict.valid
    assert judge(with_faults(broke(20, 58, down=False), least=0.4)).valid


def test_latest_slot_in_calm_time_is_reported() -> None:
    late = [ran(10, late=1.4), ran(20), ran(30, late=1.7), *(ran(slot) for slot in range(40, 100, 10))]
    facts = history(made(spec(missedRuns="all")), *late, told(*late), broke(30, 31, down=False), read=99)
    found = judge(facts).calm
    assert found is not None
    assert (found.latest, found.where) == (1.4 * SECOND, "a at 2026-03-01T00:00:10Z"), "the one at 30 has an excuse"
    assert found.longest == 5 * SECOND, "until the fault has ended, was recovered from, and the lateness of a slot"


def test_without_slots_nothing_is_calm() -> None:
    assert calm(()) is None
    empty = history()
    assert judge(empty).valid
    assert [each.kind for each in judge(replace(empty, terms=replace(empty.terms, calm=0.5))).objections] == [
        Kind.STORMY
    ]


# --- how soon it is calm again -------------------------------------------------------------------------------------


def probed(*facts: Known, recovery: float = 20, settle: float = 1) -> History:
    """A history whose probe is the job."""
    known = history(*facts, read=99)
    terms = replace(known.terms, probe="a", recovery=recovery * SECOND, settle=settle * SECOND)
    return replace(known, terms=terms)


def requested(when: float, *, late: float) -> list[Known]:
    """A run is asked for, answered 0.1 s later, and begins so late after that."""
    run = ran(when, late=late + 0.1, trigger=Trigger.MANUAL, created=at(when + 0.1 + late))
    return [asked(Act.RUN, when, at=at(when)), run]


FAULT, WRONG_CLOCK = broke(20, 30, down=False), broke(20, 30, down=False, skew=-10 * SECOND)


@pytest.mark.parametrize(
    ("fault", "facts", "end"),
    [
        pytest.param(FAULT, [ran(40), *requested(41, late=0.5)], 41.6, id="both have been seen"),
        pytest.param(FAULT, [ran(40), *requested(41, late=0.5), broke(50, 52)], 41.6, id="another changes nothing"),
        pytest.param(FAULT, [ran(40)], 50, id="no request was met, so watches may be silent"),
        pytest.param(FAULT, requested(41, late=0.5), 50, id="no slot ran on time"),
        pytest.param(FAULT, [ran(40, late=5), ran(45), *requested(41, late=0.5)], 45.5, id="a late slot shows nothing"),
        pytest.param(FAULT, [ran(40), *requested(41, late=4), *requested(46, late=1)], 47.1, id="nor a late request"),
        pytest.param(FAULT, [ran(28), *requested(29.9, late=1), ran(33), *requested(34, late=0)], 34.1, id="sooner"),
        pytest.param(FAULT, [ran(30.1, late=0.1), *requested(30.2, late=0)], 31, id="not before all has settled"),
        pytest.param(FAULT, [ran(60), *requested(60, late=0)], 50, id="not later than it may last"),
        pytest.param(WRONG_CLOCK, [ran(35), *requested(36, late=0)], 60, id="as long as its clock was wrong by"),
        pytest.param(broke(20, None, down=False), [ran(35), *requested(36, late=0)], None, id="for ever"),
    ],
)
def test_fault_excuses_until_the_probe_shows_recovery(fault: Fault, facts: list[Known], end: float | None) -> None:
    known = probed(fault, *facts)
    weather = Weather.of(known.faults[:1], known.terms, signs(known))
    assert weather.storms == ((at(20), FOREVER if end is None else at(end)),)


def test_recovery_without_a_probe_takes_its_maximum() -> None:
    known = history(broke(20, 30, down=False), ran(31), read=99)
    assert signs(known) is None
    assert Weather.of(known.faults, known.terms, signs(known)).storms == ((at(20), at(32)),)


def test_slot_lost_soon_after_recovery_is_an_objection() -> None:
    """With the whole time that recovery may take it would be excused."""
    runs = [run for run in RUNS if run.slot != at(40)]
    job = made(spec(missedRuns="skip"))
    facts = (job, *runs, told(*runs, skipped=1), broke(21, 22, down=False), *requested(24, late=0))
    known = replace(probed(*facts), faults=(broke(21, 22, down=False),))
    assert {each.kind for each in judge(known).objections} >= {Kind.UNSATISFIED}
    without = replace(known, terms=replace(known.terms, probe=""))
    assert Kind.UNSATISFIED not in {each.kind for each in judge(without).objections}
