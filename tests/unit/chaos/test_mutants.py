"""What an operator leaves behind that is right is accepted; with one thing wrong in it, it is not, and that is told."""

import random
from collections import Counter

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.chaos.reading import read, write
from tests.chaos.verdict import judge
from tests.unit.chaos.model import Story
from tests.unit.chaos.mutants import MUTANTS
from tests.unit.chaos.scripts import stories

RELAXED = [HealthCheck.too_slow, HealthCheck.filter_too_much]


@given(stories())
@settings(max_examples=200, deadline=None, suppress_health_check=RELAXED)
def test_right_histories_are_accepted(story: Story) -> None:
    verdict = judge(story.history)
    assert verdict.valid, str(verdict)


@pytest.mark.parametrize("name", MUTANTS)
@given(story=stories(), which=st.integers(0, 99))
@settings(max_examples=30, deadline=None, suppress_health_check=RELAXED)
def test_a_mutant_is_objected_to_by_its_name(name: str, story: Story, which: int) -> None:
    mutant = MUTANTS[name]
    able = mutant.places(story.history)
    assume(able)
    verdict = judge(mutant.change(story.history, able[which % len(able)]))
    found = {objection.kind for objection in verdict.objections}
    assert found & mutant.kinds, f"{able[which % len(able)]}: {verdict}"


@given(story=stories(), seed=st.integers(0, 2**32))
@settings(max_examples=60, deadline=None, suppress_health_check=RELAXED)
def test_the_order_of_lines_says_nothing(story: Story, seed: int) -> None:
    lines = list(write(story.history))
    shuffled = random.Random(seed).sample(lines, len(lines))  # noqa: S311 - no secret
    one, other = judge(read(lines)), judge(read(shuffled))
    assert one.valid
    assert other.objections == one.objections
    assert Counter(map(str, read(shuffled).runs)) == Counter(map(str, story.history.runs))
