"""The table itself: long enough, with something of each section, and printable."""

import re
from collections import Counter

import pytest

from tests.conformance.rest import differences
from tests.conformance.rest.__main__ import markdown
from tests.conformance.rest.row import Difference
from tests.conformance.rest.table import ROWS

SOURCE = re.compile(r"§\d+(\.\d+)?(, §\d+(\.\d+)?)*(; \S.*)?")
"""Sections of `docs/dkron-behaviour.md`; of what a client sends, also where that is from."""
SECTIONS = (*(f"§1.{number}" for number in range(1, 13)), *(f"§2.{number}" for number in range(1, 6)), "§11.2")


def test_the_table_has_two_hundred_rows_or_more() -> None:
    assert len(ROWS) >= 200


def test_no_two_rows_say_the_same() -> None:
    assert [says for says, count in Counter(row.says for row in ROWS).items() if count > 1] == []


@pytest.mark.parametrize("section", SECTIONS)
def test_each_section_has_rows(section: str) -> None:
    assert [row for row in ROWS if section in row.source.split(", ")]


def test_each_row_names_its_sections_and_asks_something() -> None:
    wrong = [row.says for row in ROWS if not row.steps or not SOURCE.fullmatch(row.source)]
    assert wrong == []


def test_each_difference_is_shown_by_a_row_and_printed_once() -> None:
    known = [value for value in vars(differences).values() if isinstance(value, Difference)]
    lines = markdown().splitlines()[2:]
    assert len(lines) == len(known)
    assert all(line.count(" | ") == 3 for line in lines)
