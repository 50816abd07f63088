"""The judge of cost: a step does at most in proportion more with twice as many things, and gives way in between.

Each row is one step and one thing of which a tenant can make many. docs/testing.md says how to add one.
"""

from typing import Any

import pytest

from tests.unit.costs.contract import lists
from tests.unit.costs.cost import Row, measured
from tests.unit.costs.filled import FILLED, Filled
from tests.unit.costs.rows import ROWS


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
async def test_calls_grow_with_their_things(row: Row) -> None:
    found = await measured(row)
    assert not found.fault, found.fault


def test_each_list_of_the_contract_has_rows() -> None:
    assert sorted(each.path for each in FILLED) == sorted(lists()), "filled.py has one entry for each list"


@pytest.mark.parametrize("filled", FILLED, ids=lambda filled: filled.path)
def test_lists_are_as_full_as_rows_say(filled: Filled) -> None:
    for count in (filled.half, 2 * filled.half):
        assert _length(filled.body(count), filled.path.split(".")[1:]) == count


def test_rows_have_names_of_their_own() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)


def _length(found: Any, path: list[str]) -> int:
    """How many entries the list at this path has, below the first of each list and each map above it."""
    if not path:
        return len(found)
    if isinstance(found, list):
        found = found[0]
    elif path[0] not in found:
        found = next(iter(found.values()))
    return _length(found[path[0]], path[1:])
