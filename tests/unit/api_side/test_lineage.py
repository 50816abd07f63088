"""The parents that a job may have."""

from collections.abc import Callable
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any, cast

import pytest

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
    ("name", "parent", "status", "sentence"),
    [
        pytest.param("new", "", None, "", id="no parent"),
        pytest.param("new", "c", None, "", id="a grandchild"),
        pytest.param("new", "lost", None, "", id="a parent whose own parent is gone"),
        pytest.param("new", "none", 404, 'the parent job "none" does not exist', id="no such job"),
        pytest.param("a", "c", 400, "a → b → c → a", id="a circle"),
        pytest.param("a", "both", 400, "a → b → both → a", id="a circle over one of several parents"),
    ],
)
def test_a_parent_exists_and_is_no_descendant(name: str, parent: str, status: int | None, sentence: str) -> None:
    with pytest.raises(ApiError, match=sentence) if status else nullcontext() as refusal:
        check_parent(name, parent, FAMILY.get)
    assert status is None or (refusal is not None and refusal.value.status == status)
