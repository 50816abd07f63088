"""What a job's parent may be."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dkron_api.refusal import ApiError
from dkron_api.routes.jobs import require_parent

FAMILY: dict[str, tuple[str, ...]] = {
    "a": (), "b": ("a",), "c": ("b",), "both": ("lost", "b"), "lost": ("gone",), "x": ("y",), "y": ("x",)
}  # fmt: skip


def check_parent(name: str, parent: str, parents_of: Callable[[str], tuple[str, ...] | None]) -> None:
    require_parent(
        cast("Any", SimpleNamespace(parents=parents_of)), cast("Any", SimpleNamespace(name=name, parent_job=parent))
    )


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
    ("name", "parent", "status", "sentence"),
    [
        pytest.param("new", "nobody", 404, 'the parent job "nobody" does not exist', id="no such job"),
        pytest.param("a", "c", 400, "a → b → c → a", id="a circle"),
        pytest.param("a", "both", 400, "a → b → both → a", id="a circle over one of several parents"),
    ],
)
def test_refused(name: str, parent: str, status: int, sentence: str) -> None:
    with pytest.raises(ApiError, match=sentence) as refusal:
        check_parent(name, parent, FAMILY.get)
    assert refusal.value.status == status


@given(st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("abcdef"), max_size=6), st.sampled_from("abcdef"))
def test_accepted_parent_never_closes_a_cycle(family: dict[str, str], parent: str) -> None:
    try:
        check_parent("a", parent, {name: (above,) for name, above in family.items()}.get)
    except ApiError:
        return
    after, above, seen = family | {"a": parent}, parent, set[str]()
    while above in after and above not in seen:
        seen.add(above)
        above = after[above]
    assert "a" not in seen
