"""Writes the differences from Dkron into docs/rest-api.md, from the table of facts that the tests hold the API against.

`make generate` runs it; with `--check` it only tells whether the page is as it should be.
"""

import sys
from pathlib import Path

from tests.conformance.rest.__main__ import markdown

PAGE = Path(__file__).parents[1] / "docs" / "rest-api.md"
BEGIN = "<!-- differences: make generate writes what is between these lines -->\n"
END = "<!-- /differences -->\n"


def with_table(page: str, table: str) -> str:
    """The page with this table between its marks. Raises ValueError for a page without them."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page has no lines {BEGIN.strip()} and {END.strip()}, between which the table belongs")
    return f"{before}{begin}\n{table}\n\n{end}{after}"


def main(arguments: list[str]) -> int:
    """Write the page, or compare it; the exit status."""
    page = PAGE.read_text(encoding="utf-8")
    wanted = with_table(page, markdown())
    if "--check" not in arguments:
        PAGE.write_text(wanted, encoding="utf-8")
        return 0
    if page != wanted:
        sys.stderr.write(f"{PAGE.name} does not follow from tests/conformance/rest; run `make generate`\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
