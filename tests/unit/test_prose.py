"""The check of the words in docstrings, comments, strings and pages, and the table that it reads."""

from pathlib import Path

import pytest

from prose import findings, table

ROOT = Path(__file__).resolve().parents[2]
WORDS = table((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))


def test_table() -> None:
    assert WORDS["alone"] == "only"
    assert WORDS["somebody"] == WORDS["nobody"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("Only the operator writes it.", [], id="plain"),
        pytest.param("one\nThe operator alone writes it.", [(2, "alone")], id="the line"),
        pytest.param("# Nobody\n", [(1, "nobody")], id="the case does not count"),
        pytest.param("The id is that\n    # of the Job.", [(1, "that of")], id="over two lines of a comment"),
        pytest.param('("the id is that "\n  f"of {job}")', [(1, "that of")], id="over the joint of two strings"),
        pytest.param('"""What is wrong with a job."""', [(1, "What is")], id="a docstring"),
        pytest.param('"""Faults of a job, and what is due."""', [], id="not at the start"),
        pytest.param("What is a slot? A slot is a time.", [], id="a question"),
        pytest.param("## What is promised\n", [], id="a heading"),
        pytest.param("See [What is promised](a.md).", [], id="a link to a heading"),
        pytest.param("stand_alone(alone_here)", [], id="a part of a name"),
    ],
)
def test_findings(text: str, found: list[tuple[int, str]]) -> None:
    assert [(line, phrase) for line, phrase, _ in findings(text, WORDS)] == found
