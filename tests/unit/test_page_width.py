"""Prose has at most 120 characters a line, as CONTRIBUTING says, so that a change of a sentence is a small diff."""

from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WIDTH = 120
FOLDERS = ("docs", "bench", "examples")
GENERATED = "docs/reference/"


def pages() -> list[str]:
    found = (*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md")))
    names = sorted(str(page.relative_to(ROOT)) for page in found)
    return [name for name in names if not name.startswith(GENERATED)]


def too_long(text: str) -> Iterator[str]:
    """Each line of prose over the width, with its number: tables, images and code may be as long as they have to be."""
    code = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            code = not code
        elif not code and len(line) > WIDTH and not line.lstrip().startswith(("|", "![")):
            yield f"{number}: {line}"


@pytest.mark.parametrize("page", pages())
def test_no_line_of_prose_is_longer(page: str) -> None:
    assert list(too_long((ROOT / page).read_text(encoding="utf-8"))) == []


def test_a_long_line_is_found() -> None:
    long = "word " * 30
    page = f"# A page\n\n| {long}|\n\n```\n{long}\n```\n\n![{long}](image.png)\n{long}\n"
    assert list(too_long(page)) == [f"10: {long}"]
