"""The table itself: each row has a sentence of its own, and each difference from Dkron is shown."""

from collections import Counter

from tests.conformance.rest import differences
from tests.conformance.rest.__main__ import markdown
from tests.conformance.rest.row import Difference
from tests.conformance.rest.table import ROWS


def test_no_two_rows_say_the_same() -> None:
    assert [says for says, count in Counter(row.says for row in ROWS).items() if count > 1] == []


def test_each_difference_has_one_row_and_one_line() -> None:
    known = [value for value in vars(differences).values() if isinstance(value, Difference)]
    lines = markdown().splitlines()[2:]
    assert len(lines) == len(known)
    assert all(line.count(" | ") == 3 for line in lines)
