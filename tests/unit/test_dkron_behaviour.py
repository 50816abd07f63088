"""The page on what Dkron does has every section that the source tree cites."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/dkron-behaviour.md"
HEADING = re.compile(r"^#+ §([0-9.]+) ", re.MULTILINE)
CITATION = re.compile(r"RFC\s\d+\s+§[0-9.]+|§(\d+(?:\.\d+)*)")
"""A section of the page, in a text or as the source of a row of the conformance table; not sections of RFCs."""
FOLDERS = ("operator", "api", "crds", "lib", "tests", "hack", "docs", "bench", "charts", "examples")
SUFFIXES = {".py", ".md", ".yaml", ".yml", ".toml"}


def citations(text: str) -> Iterator[tuple[int, str]]:
    """Return the line and the section of each citation."""
    for found in CITATION.finditer(text):
        if found[1]:
            yield text.count("\n", 0, found.start()) + 1, found[1]


def sources() -> list[Path]:
    """Every text file that may cite the page."""
    inside = (path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES)
    return sorted([*ROOT.glob("*.md"), *inside])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("(Dkron behaviour §{}).", [(1, "1.8")], id="one"),
        pytest.param('"§{}, §{}"', [(1, "1.8"), (1, "1.8")], id="several"),
        pytest.param("(Dkron behaviour\n    §{}).", [(2, "1.8")], id="over two lines"),
        pytest.param("(RFC 9110 §{}, RFC 2046\n§{})", [], id="another document"),
    ],
)
def test_a_citation_has_a_line_and_a_section(text: str, expected: list[tuple[int, str]]) -> None:
    assert list(citations(text.replace("{}", "1.8"))) == expected


def test_each_cited_section_is_on_the_page() -> None:
    headings = HEADING.findall(PAGE.read_text(encoding="utf-8"))
    assert len(headings) == len(set(headings))
    cited = [
        (f"{path.relative_to(ROOT)}:{line}", section)
        for path in sources()
        for line, section in citations(path.read_text(encoding="utf-8"))
    ]
    assert len(cited) > 100
    assert [f"{place}: §{section}" for place, section in cited if section not in headings] == []
