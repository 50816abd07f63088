"""Writes the differences from Dkron into docs/rest-api.md, from the table of facts that the tests hold the API against.

`make generate` runs it; with `--check` it only tells whether the page is as it should be.
"""

import sys
from pathlib import Path

from generated_page import with_part, write_or_compare
from tests.conformance.rest.__main__ import markdown

PAGE = Path(__file__).parents[1] / "docs" / "rest-api.md"
BEGIN = "<!-- differences: make generate writes what is between these lines -->\n"
END = "<!-- /differences -->\n"


def with_table(page: str, table: str) -> str:
    """The page with this table between its marks. Raises ValueError for a page without them."""
    return with_part(page, begin=BEGIN, end=END, part=table)


def main(arguments: list[str]) -> int:
    """Write the page, or compare it; the exit status."""
    wanted = with_table(PAGE.read_text(encoding="utf-8"), markdown())
    return write_or_compare(PAGE, wanted, source="tests/conformance/rest", arguments=arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
