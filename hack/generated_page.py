"""A page of which a part is generated: written, or compared with what it should be."""

import sys
from pathlib import Path


def write_or_compare(page: Path, wanted: str, *, source: str, arguments: list[str]) -> int:
    """Write the page, or with `--check` say whether it follows from its source; the exit status."""
    if "--check" not in arguments:
        page.write_text(wanted, encoding="utf-8")
        return 0
    if page.read_text(encoding="utf-8") != wanted:
        sys.stderr.write(f"{page.name} does not follow from {source}; run `make generate`\n")
        return 1
    return 0
