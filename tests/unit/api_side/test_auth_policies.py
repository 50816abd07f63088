"""Dkron's policies grant what a plain reading of them does: no more, and no less."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dkron_api.auth.caller import Need, Right
from dkron_api.auth.dkron import Rules, policies_allow
from dkron_crds.policy import Capability

Paths = Mapping[str, frozenset[Capability]]
LIST, READ, CREATE = frozenset({Capability.LIST}), frozenset({Capability.READ}), frozenset({Capability.CREATE})
SEGMENTS = ("v1", "jobs", "a", "ab", "run", "*", "a*", "*b", "**")


def grants(policies: list[Paths], path: str, capability: Capability) -> bool:
    """Whether a token that names these policies may do this."""
    named = {str(number): Rules(paths) for number, paths in enumerate(policies)}
    return policies_allow([*named, "gone"], Need(Right("any"), path, capability), named.get)


def fits(pattern: list[str], path: list[str]) -> bool:
    """Whether the segments of a pattern and of a path fit, one by one."""
    if not pattern:
        return not path
    head, *rest = pattern
    if head == "**":
        return any(fits(rest, path[count:]) for count in range(1, len(path) + 1))
    return bool(path) and text_fits(head, path[0]) and fits(rest, path[1:])


def text_fits(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(text_fits(pattern[1:], text[count:]) for count in range(len(text) + 1))
    return bool(text) and text[0] == pattern[0] and text_fits(pattern[1:], text[1:])


def rank(segment: str) -> tuple[int, int]:
    """How specific a segment is: without a star, with one by its other characters, then `**`."""
    if segment == "**":
        return 0, 0
    return (1, len(segment.replace("*", ""))) if "*" in segment else (2, 0)


def beats(one: list[str], other: list[str]) -> bool:
    """Whether a pattern is more specific than another: the first segments of different rank decide, else the number of
    segments, else the text."""
    for mine, theirs in zip(one, other, strict=False):
        if rank(mine) != rank(theirs):
            return rank(mine) > rank(theirs)
    return (len(one), one) > (len(other), other)


def reference(policies: list[Paths], path: list[str], capability: Capability) -> bool:
    """Whether the docs grant it: in each policy only the most specific pattern that fits decides, and one policy is
    enough."""
    for rules in policies:
        fitting = [pattern.split("/")[1:] for pattern in rules if fits(pattern.split("/")[1:], path)]
        for pattern in fitting:
            if all(beats(pattern, other) for other in fitting if other != pattern):
                if capability in rules["/" + "/".join(pattern)]:
                    return True
                break
    return False


@given(
    st.lists(
        st.dictionaries(
            st.lists(st.sampled_from(SEGMENTS), min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts)),
            st.frozensets(st.sampled_from(list(Capability))),
            max_size=6,
        ),
        max_size=3,
    ),
    st.lists(st.sampled_from(("v1", "jobs", "a", "ab", "cb", "run")), min_size=1, max_size=4),
    st.sampled_from(list(Capability)),
)
def test_policies_grant_exactly_what_the_docs_say(
    policies: list[Paths], path: list[str], capability: Capability
) -> None:
    assert grants(policies, "/" + "/".join(path), capability) == reference(policies, path, capability)


@pytest.mark.parametrize(
    ("rules", "path", "expected"),
    [
        pytest.param({"/v1/jobs": LIST}, "/v1/jobs", LIST, id="the path itself"),
        pytest.param({"/v1/jobs": LIST}, "/v1/jobs/a", frozenset(), id="nothing below it"),
        pytest.param({"/v1/jobs/*": READ}, "/v1/jobs/a", READ, id="one segment"),
        pytest.param({"/v1/jobs/*": READ}, "/v1/jobs/a/run", frozenset(), id="not two"),
        pytest.param({"/v1/**": READ}, "/v1/jobs/a/run", READ, id="any number of segments"),
        pytest.param({"/v1/jobs/*/executions*": READ}, "/v1/jobs/a/executions", READ, id="the rest of a segment"),
        pytest.param({"/v1/**": CREATE, "/v1/jobs/a": READ}, "/v1/jobs/a", READ, id="only the most specific"),
        pytest.param({"/v1/**": CREATE, "/v1/*": READ}, "/v1/jobs", READ, id="one star before two"),
        pytest.param({"/v1/jobs/*": CREATE, "/v1/jobs/a*": READ}, "/v1/jobs/ab", READ, id="a longer beginning"),
        pytest.param({"/v1/jobs/*": CREATE, "/v1/jobs/a": frozenset()}, "/v1/jobs/a", frozenset(), id="a refusal"),
        pytest.param({"/v1/jobs/.": READ}, "/v1/jobs/x", frozenset(), id="no regular expression"),
        pytest.param({"/v1/jobs/.*": READ}, "/v1/jobs/x", frozenset(), id="none before a star"),
        pytest.param({}, "/v1/jobs", frozenset(), id="no rule"),
    ],
)
def test_the_most_specific_pattern_decides(rules: Paths, path: str, expected: frozenset[Capability]) -> None:
    assert {each for each in Capability if grants([rules], path, each)} == expected


def test_policies_of_a_token_add_up() -> None:
    assert grants([{"/v1/jobs": LIST}, {"/v1/jobs": CREATE}], "/v1/jobs", Capability.CREATE)
