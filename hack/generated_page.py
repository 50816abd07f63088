"""A page of which a part is generated: written, or compared with what it should be."""

import sys
from pathlib import Path


def with_part(page: str, *, begin: str, end: str, part: str) -> str:
    """The page with this part between its marks. Raises ValueError for a page without them."""
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"the page must have the lines {begin.strip()} and {end.strip()} around the table")
    return f"{before}{begin}\n{part}\n\n{end}{after}"


def write_or_compare(page: Path, wanted: str, *, source: str, arguments: list[str]) -> int:
    """Write the page, or with `--check` say whether it follows from its source; the exit status."""
    if "--check" not in arguments:
        page.write_text(wanted, encoding="utf-8")
        return 0
    if not page.is_file() or page.read_text(encoding="utf-8") != wanted:
        sys.stderr.write(f"{page.name} does not follow from {source}; run `make generate`\n")
        return 1
    return 0
