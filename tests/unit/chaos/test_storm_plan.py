"""The plan of a storm: the same seed gives the same, and it asks for nothing that nobody promises."""

from itertools import pairwise

import pytest

from tests.chaos.history import Act
from tests.chaos.jobs import BODIES, PARENTS
from tests.chaos.outages import CALM, outages
from tests.chaos.plan import COMPONENTS, KINDS, LULL, ON_THE_WAY, Fault, Plan, plan

SEEDS = range(20)
MINUTES = 600.0


def test_a_seed_gives_the_same_storm_again() -> None:
    assert plan(1, MINUTES) == plan(1, MINUTES)
    assert plan(1, MINUTES) != plan(2, MINUTES)


def test_clients_do_not_depend_on_the_faults() -> None:
    assert plan(1, MINUTES, faults=frozenset({Fault.KILL})).wishes == plan(1, MINUTES).wishes


def test_there_are_twenty_jobs_and_every_kind_of_fault() -> None:
    assert len(BODIES) == 20
    assert set(KINDS) | {blow.fault for blow in outages(MINUTES).blows} == set(Fault)
    assert {blow.fault for seed in SEEDS for blow in plan(seed, MINUTES).blows} == set(KINDS)
    assert set(Fault) > COMPONENTS | ON_THE_WAY


def test_an_outage_is_over_before_the_next_begins() -> None:
    blows = outages(MINUTES).blows
    gaps = [after.at - before.at - before.seconds for before, after in pairwise(blows)]
    assert min(gaps) >= CALM
    assert {blow.seconds for blow in blows} == {MINUTES}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_storm_has_gusts_and_lulls(seed: int) -> None:
    blows = plan(seed, MINUTES).blows
    gaps = [after.at - before.at for before, after in pairwise(blows)]
    assert 40 < len(blows) < 200
    assert max(gaps) >= LULL[0]
    assert all(0 <= blow.pick < 1 and blow.at < MINUTES for blow in blows)


@pytest.mark.parametrize("seed", SEEDS)
def test_clients_ask_for_what_can_be(seed: int) -> None:
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
def test_rivals_are_spared_what_names_cannot_keep_apart(seed: int) -> None:
    storm = plan(seed, MINUTES, rivals=True)
    assert all(spec.get("concurrency") != "replace" for spec in _specs(storm))
    assert {wish.act for wish in storm.wishes} <= {Act.RUN, Act.CREATE, Act.DELETE}
    assert Fault.JOB not in {blow.fault for blow in storm.blows}


def _specs(storm: Plan) -> list[dict[str, object]]:
    return [body["spec"] for body in storm.bodies] + [wish.spec for wish in storm.wishes]
