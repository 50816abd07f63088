"""A right operator's history is accepted; with one thing wrong in it, it is not, and that is told."""

import random
from collections import Counter

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.chaos.history import History
from tests.chaos.objections import Kind
from tests.chaos.reading import read, write
from tests.chaos.rules import windows
from tests.chaos.verdict import judge
from tests.support.examples import examples
from tests.unit.chaos.model import Story
from tests.unit.chaos.mutants import MUTANTS, doubled, without
from tests.unit.chaos.places import undisturbed
from tests.unit.chaos.scripts import stories

STEADY = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])


@given(stories())
@settings(STEADY, max_examples=examples(200))
def test_right_histories_are_accepted(story: Story) -> None:
    verdict = judge(story.history)
    assert verdict.valid, str(verdict)


@pytest.mark.parametrize("name", MUTANTS)
@given(story=stories(), which=st.integers(0, 99))
@settings(STEADY, max_examples=examples(30))
def test_a_mutant_is_objected_to_by_its_name(name: str, story: Story, which: int) -> None:
    mutant = MUTANTS[name]
    able = mutant.places(story.history)
    assume(able)
    verdict = judge(mutant.change(story.history, able[which % len(able)]))
    found = {objection.kind for objection in verdict.objections}
    assert found & mutant.kinds, f"{able[which % len(able)]}: {verdict}"


@given(story=stories(), which=st.integers(0, 99))
@settings(STEADY, max_examples=examples(60))
def test_run_times_suffice_for_the_verdict(story: Story, which: int) -> None:
    history = story.history
    assert by_time(history) == set()
    able = undisturbed(history)
    assume(able)
    run = able[which % len(able)]
    assert by_time(without(history, run)) == {Kind.UNSATISFIED}
    assert by_time(doubled(history, run)) == {Kind.EXTRA}


def by_time(history: History) -> set[Kind]:
    return {objection.kind for case in judge(history).cases for objection in windows.check(case)}


@given(story=stories(), seed=st.integers(0, 2**32))
@settings(STEADY, max_examples=examples(60))
def test_order_of_lines_does_not_matter(story: Story, seed: int) -> None:
    lines = list(write(story.history))
    shuffled = random.Random(seed).sample(lines, len(lines))  # noqa: S311 - no secret
    one, other = judge(read(lines)), judge(read(shuffled))
    assert one.valid
    assert other.objections == one.objections
    assert Counter(map(str, read(shuffled).runs)) == Counter(map(str, story.history.runs))
