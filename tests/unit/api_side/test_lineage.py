"""The parents that a job may have."""

from contextlib import nullcontext

import pytest

from dkron_api.translate.lineage import Cycle, NoParent, check_parent

FAMILY: dict[str, tuple[str, ...]] = {
    "a": (), "b": ("a",), "c": ("b",), "both": ("lost", "b"), "lost": ("gone",), "x": ("y",), "y": ("x",)
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "parent", "error", "sentence"),
    [
        pytest.param("new", "", None, "", id="no parent"),
        pytest.param("new", "c", None, "", id="a grandchild"),
        pytest.param("new", "lost", None, "", id="a parent whose own parent is gone"),
        pytest.param("new", "none", NoParent, 'the parent job "none" does not exist', id="no such job"),
        pytest.param("a", "c", Cycle, "a → b → c → a", id="a circle"),
        pytest.param("a", "both", Cycle, "a → b → both → a", id="a circle over one of several parents"),
    ],
)
def test_a_parent_exists_and_is_no_descendant(
    name: str, parent: str, error: type[Exception] | None, sentence: str
) -> None:
    with pytest.raises(error, match=sentence) if error else nullcontext():
        check_parent(name, parent, FAMILY.get)
