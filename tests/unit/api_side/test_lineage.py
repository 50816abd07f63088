"""What a job's parent may be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dkron_api.translate.lineage import Cycle, NoParent, check_parent

FAMILY: dict[str, tuple[str, ...]] = {
    "a": (), "b": ("a",), "c": ("b",), "both": ("lost", "b"), "lost": ("gone",), "x": ("y",), "y": ("x",)
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "parent"),
    [
        pytest.param("new", "", id="no parent"),
        pytest.param("new", "c", id="a grandchild"),
        pytest.param("c", "a", id="moved up"),
        pytest.param("new", "lost", id="a parent whose own parent is gone"),
        pytest.param("new", "x", id="below a circle of others"),
    ],
)
def test_allowed(name: str, parent: str) -> None:
    check_parent(name, parent, FAMILY.get)


@pytest.mark.parametrize(
    ("name", "parent", "error", "sentence"),
    [
        pytest.param("new", "nobody", NoParent, 'the parent job "nobody" does not exist', id="no such job"),
        pytest.param("a", "c", Cycle, "a → b → c → a", id="a circle"),
        pytest.param("a", "both", Cycle, "a → b → both → a", id="a circle over one of several parents"),
    ],
)
def test_refused(name: str, parent: str, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        check_parent(name, parent, FAMILY.get)


@given(st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("abcdef"), max_size=6), st.sampled_from("abcdef"))
def test_accepted_parent_never_closes_a_cycle(family: dict[str, str], parent: str) -> None:
    try:
        check_parent("a", parent, {name: (above,) for name, above in family.items()}.get)
    except (NoParent, Cycle):
        return
    after, above, seen = family | {"a": parent}, parent, set[str]()
    while above in after and above not in seen:
        seen.add(above)
        above = after[above]
    assert "a" not in seen
