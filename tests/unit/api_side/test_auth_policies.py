"""Dkron's policies never grant more than a plain reading of them does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dkron_api.auth.policy_rules import Rules, grants
from dkron_crds.policy import Capability

LIST, READ, CREATE = frozenset({Capability.LIST}), frozenset({Capability.READ}), frozenset({Capability.CREATE})
SEGMENTS = ("v1", "jobs", "a", "ab", "run", "*", "a*", "*b", "**")


def fits(pattern: list[str], path: list[str]) -> bool:
    """Whether the segments of a pattern fit those of a path, one by one."""
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


@given(
    st.dictionaries(
        st.lists(st.sampled_from(SEGMENTS), min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts)),
        st.frozensets(st.sampled_from(list(Capability))),
        max_size=6,
    ),
    st.lists(st.sampled_from(("v1", "jobs", "a", "ab", "cb", "run")), min_size=1, max_size=4),
    st.sampled_from(list(Capability)),
)
def test_what_is_granted_is_granted_by_a_pattern_that_fits(
    rules: Rules, path: list[str], capability: Capability
) -> None:
    fitting = [pattern for pattern in rules if fits(pattern.split("/")[1:], path)]
    granted = grants([rules], "/" + "/".join(path), capability)
    if granted:
        assert any(capability in rules[pattern] for pattern in fitting)
    elif fitting:
        assert any(capability not in rules[pattern] for pattern in fitting)
    if len(fitting) == 1:
        assert granted == (capability in rules[fitting[0]])


@pytest.mark.parametrize(
    ("rules", "path", "expected"),
    [
        pytest.param({"/v1/jobs": LIST}, "/v1/jobs", LIST, id="the path itself"),
        pytest.param({"/v1/jobs": LIST}, "/v1/jobs/a", frozenset(), id="nothing below it"),
        pytest.param({"/v1/jobs/*": READ}, "/v1/jobs/a", READ, id="one segment"),
        pytest.param({"/v1/jobs/*": READ}, "/v1/jobs/a/run", frozenset(), id="not two"),
        pytest.param({"/v1/**": READ}, "/v1/jobs/a/run", READ, id="any number of segments"),
        pytest.param({"/v1/jobs/*/executions*": READ}, "/v1/jobs/a/executions", READ, id="the rest of a segment"),
        pytest.param({"/v1/**": CREATE, "/v1/jobs/a": READ}, "/v1/jobs/a", READ, id="the most specific alone"),
        pytest.param({"/v1/jobs/*": CREATE, "/v1/jobs/a*": READ}, "/v1/jobs/ab", READ, id="a longer beginning"),
        pytest.param({"/v1/jobs/*": CREATE, "/v1/jobs/a": frozenset()}, "/v1/jobs/a", frozenset(), id="a refusal"),
        pytest.param({"/v1/jobs/.": READ}, "/v1/jobs/x", frozenset(), id="no regular expression"),
        pytest.param({}, "/v1/jobs", frozenset(), id="no rule"),
    ],
)
def test_the_most_specific_pattern_decides(rules: Rules, path: str, expected: frozenset[Capability]) -> None:
    assert {each for each in Capability if grants([rules], path, each)} == expected


def test_policies_of_a_token_add_up() -> None:
    assert grants([{"/v1/jobs": LIST}, {"/v1/jobs": CREATE}], "/v1/jobs", Capability.CREATE)
