"""The plan of a storm: the same seed gives the same, and it asks for nothing that is not promised."""

from itertools import pairwise

import pytest

from tests.chaos.history import Act
from tests.chaos.jobs import BACKFILLED, BODIES, LABEL, PARENTS, STEADY
from tests.chaos.outages import CALM as PAUSE
from tests.chaos.outages import outages
from tests.chaos.plan import (
    CALM,
    KINDS,
    LATENESS,
    LONGEST,
    ON_THE_WAY,
    RECOVERY,
    SHORTEST,
    WRONG,
    Fault,
    Plan,
    calm_share,
    excused,
    plan,
)
from tests.chaos.probe import PROBE
from tests.chaos.request_plan import Kind, Wanted

SEEDS = range(20)
MINUTES = 600.0
CI = SHORTEST


def test_seed_determines_the_storm() -> None:
    assert plan(1, MINUTES) == plan(1, MINUTES)
    assert plan(1, MINUTES) != plan(2, MINUTES)


def test_requests_do_not_touch_the_probe() -> None:
    assert PROBE in STEADY
    assert not [wish for seed in SEEDS for wish in plan(seed, MINUTES).wishes if wish.job == PROBE]


def test_there_are_25_jobs_and_every_kind_of_fault() -> None:
    assert len(set(BODIES) - {PROBE}) == 25
    assert set(KINDS) | {blow.fault for blow in outages(MINUTES).blows} == set(Fault)
    assert {blow.fault for seed in SEEDS for blow in plan(seed, MINUTES).blows} == set(KINDS)
    assert set(Fault) > ON_THE_WAY


def test_outages_do_not_overlap() -> None:
    blows = outages(MINUTES).blows
    gaps = [after.at - before.at - before.seconds for before, after in pairwise(blows)]
    assert min(gaps) >= PAUSE
    assert {blow.seconds for blow in blows} == {MINUTES}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_storm_has_gusts_and_lulls(seed: int) -> None:
    blows = plan(seed, MINUTES).blows
    gusts = excused(blows)
    assert 20 < len(blows) < 100
    assert len(gusts) >= 5
    assert gusts[0][0] == blows[0].at - LATENESS, "what comes due a moment before a fault is excused too"
    assert all(0 <= blow.pick < 1 and blow.at < MINUTES for blow in blows)
    for (begin, end), (following, _) in pairwise(gusts):
        assert end - begin <= LONGEST
        assert following - end >= end - begin, "it is calm for as long as it was not"
        first = next(blow for blow in blows if blow.at > following)
        assert first.quiet >= RECOVERY + end - begin, "however slow the machine is"


@pytest.mark.parametrize("rivals", [False, True])
@pytest.mark.parametrize("seconds", [CI, MINUTES])
def test_at_least_half_of_a_storm_is_calm(seconds: float, *, rivals: bool) -> None:
    plans = [plan(seed, seconds, rivals=rivals) for seed in range(50)]
    assert all(storm.blows for storm in plans)
    assert min(calm_share(storm.blows, seconds) for storm in plans) >= CALM
    assert max(end - begin for storm in plans for begin, end in excused(storm.blows)) <= LONGEST
    # A clock that is set wrong excuses more than a short storm may.
    among = set(KINDS) - ({Fault.JOB, Fault.WIPE} if rivals else set()) - ({Fault.CLOCK} if seconds == CI else set())
    many = (plan(seed, seconds, rivals=rivals) for seed in range(150))
    assert {blow.fault for storm in many for blow in storm.blows} == among, "each kind of fault has its turn"


def test_a_storm_that_is_too_short_is_refused() -> None:
    with pytest.raises(ValueError, match="no room for faults and calm times; 90 s has"):
        plan(1, SHORTEST - 1)


@pytest.mark.parametrize("seed", SEEDS)
def test_requests_are_possible(seed: int) -> None:
    there, gone = set(BODIES), set[str]()
    for wish in plan(seed, MINUTES).wishes:
        assert wish.job in (gone if wish.act is Act.CREATE else there), f"{wish} of a job that is not there"
        if wish.act is Act.DELETE:
            assert wish.job not in PARENTS
            there.discard(wish.job)
            gone.add(wish.job)
        elif wish.act is Act.CREATE:
            gone.discard(wish.job)
            there.add(wish.job)


@pytest.mark.parametrize("seed", SEEDS)
def test_pauses_do_not_overlap_and_backfills_are_of_the_past(seed: int) -> None:
    wanted = plan(seed, MINUTES).requests
    assert {each.kind for each in wanted} == set(Kind)
    pauses = [each for each in wanted if each.kind in (Kind.PAUSE, Kind.RESUME)]
    assert [each.kind for each in pauses] == [Kind.PAUSE, Kind.RESUME] * (len(pauses) // 2)
    for pause, resume in pairwise(pauses):
        assert resume.at - pause.at > LATENESS + pause.lasts
        assert set(pause.jobs) == _selected(pause) or pause.kind is Kind.RESUME
    assert not {PROBE, "every-two"} & {job for each in pauses for job in each.jobs}
    backfills = [each for each in wanted if each.kind is Kind.BACKFILL]
    assert min(each.ago for each in backfills) > WRONG
    deleted = {wish.job for wish in plan(seed, MINUTES).wishes if wish.act is Act.DELETE}
    assert not deleted & set(BACKFILLED)


def _selected(pause: Wanted) -> set[str]:
    """The jobs that the spec of a pause selects."""
    labels = {name: body["metadata"].get("labels", {}) for name, body in BODIES.items()}
    return set(pause.spec.get("jobs") or (name for name in labels if LABEL.items() <= labels[name].items()))


@pytest.mark.parametrize("seed", SEEDS)
def test_storm_with_rivals_avoids_what_names_cannot_separate(seed: int) -> None:
    storm = plan(seed, MINUTES, rivals=True)
    assert all(spec.get("concurrency") != "replace" for spec in _specs(storm))
    assert {wish.act for wish in storm.wishes} <= {Act.RUN, Act.CREATE, Act.DELETE}
    assert Fault.JOB not in {blow.fault for blow in storm.blows}
    assert storm.requests == plan(seed, MINUTES).requests


def _specs(storm: Plan) -> list[dict[str, object]]:
    return [body["spec"] for body in storm.bodies] + [wish.spec for wish in storm.wishes]
