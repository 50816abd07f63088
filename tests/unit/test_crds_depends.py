"""How jobs name the jobs that they run after, and where that goes round in a circle."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dkron_crds.depends import Dependency, When, circle, dependent_group, groups_of
from dkron_crds.job import JobSpec

AT = datetime(2026, 3, 1, 12, 0, 7, 250000, tzinfo=UTC)
GRAPHS = st.dictionaries(st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdef"), max_size=3, unique=True))


def test_a_parent_is_short_for_one_dependency() -> None:
    short, long = JobSpec(parent_job="a"), JobSpec(depends_on=(Dependency(job="a"),))
    assert short.parents == long.parents == (Dependency(job="a", when=When.SUCCESS),)
    assert short.fingerprint == long.fingerprint, "to write it the other way is no edit"
    assert JobSpec().parents == ()


def test_changed_parents_change_the_fingerprint_but_order_not() -> None:
    def of(*parents: Dependency) -> str:
        return JobSpec(depends_on=parents).fingerprint

    one, two = Dependency(job="a"), Dependency(job="b", when=When.ALWAYS)
    assert of(one, two) == of(two, one)
    assert len({of(), of(one), of(two), of(one, two), of(Dependency(job="b"))}) == 5


def test_job_without_parents_keeps_its_fingerprint() -> None:
    assert JobSpec(schedule="@daily").fingerprint == "ff1d53dcbbbbb122"


def test_dependent_group_has_the_end_second_and_is_unique() -> None:
    groups = {dependent_group(uid, run, AT) for uid in ("a", "b") for run in (1, 2)}
    assert len(groups) == 4
    assert {group // 1_000_000_000 for group in groups} == {1772366407}
    assert dependent_group("a", 1, AT) == 1772366407282268942, "stable for ever: names depend on it"


@pytest.mark.parametrize(
    ("parents", "found"),
    [
        pytest.param({"a": ["a"]}, "aa", id="itself"),
        pytest.param({"a": ["b"], "b": ["a"]}, "aba", id="two"),
        pytest.param({"a": ["c"], "b": ["a"], "c": ["b"]}, "abca", id="in the order in which they would run"),
        pytest.param({"a": ["x", "b"], "b": ["y", "a"]}, "aba", id="over one of several"),
        pytest.param({"a": ["b"], "b": ["c"], "c": ["b"]}, "", id="above it, without it"),
        pytest.param({"a": ["b", "c"], "b": ["d"], "c": ["d"]}, "", id="two ways to one job are no circle"),
        pytest.param({}, "", id="nothing"),
    ],
)
def test_circles(parents: dict[str, list[str]], found: str) -> None:
    assert "".join(circle("a", lambda name: parents.get(name, []))) == found


@given(GRAPHS)
def test_reported_cycle_is_a_path_and_is_found_if_present(parents: dict[str, list[str]]) -> None:
    way = circle("a", lambda name: parents.get(name, []))
    for before, after in pairwise(way):
        assert before in parents[after], "each runs after the one before it"
    above = {"a"}
    for _ in range(6):
        above |= {each for name in above for each in parents.get(name, [])}
    reachable = any("a" in parents.get(name, []) for name in above)
    assert bool(way) is reachable


@given(GRAPHS, st.lists(st.sampled_from("abcdef")))
def test_groups_are_those_that_run_after_each_other(parents: dict[str, list[str]], starts: list[str]) -> None:
    def above(name: str) -> set[str]:
        found = set(parents.get(name, []))
        for _ in range(6):
            found |= {each for other in found for each in parents.get(other, [])}
        return found

    of = {name: above(name) for name in "abcdef"}
    reached = {each for start in starts for each in {start} | of[start]}
    groups = {frozenset(other for other in of[name] if name in of[other]) for name in reached if name in of[name]}
    found = list(groups_of(starts, lambda name: parents.get(name, [])))
    assert sorted(map(sorted, found)) == sorted(map(sorted, groups))
