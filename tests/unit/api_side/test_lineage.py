"""The parents that a job may have."""

import pytest

from dkron_api.translate.lineage import Cycle, NoParent, check_parent

FAMILY: dict[str, tuple[str, ...]] = {
    "a": (), "b": ("a",), "c": ("b",), "both": ("lost", "b"), "lost": ("gone",), "x": ("y",), "y": ("x",)
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "parent"),
    [
        pytest.param("new", "", id="no parent"),
        pytest.param("new", "c", id="a grandchild"),
        pytest.param("new", "lost", id="a parent whose own parent is gone"),
    ],
)
def test_allowed(name: str, parent: str) -> None:
    check_parent(name, parent, FAMILY.get)


@pytest.mark.parametrize(
    ("name", "parent", "error", "sentence"),
    [
        pytest.param("new", "none", NoParent, 'the parent job "none" does not exist', id="no such job"),
        pytest.param("a", "c", Cycle, "a → b → c → a", id="a circle"),
        pytest.param("a", "both", Cycle, "a → b → both → a", id="a circle over one of several parents"),
    ],
)
def test_refused(name: str, parent: str, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        check_parent(name, parent, FAMILY.get)
