"""`dkron-api audit`: print the audit log readably, from log lines on standard input or in files."""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from dkron_api.edge.audit import LOGGER
from dkron_crds.schedule.errors import printable


def main(arguments: Sequence[str]) -> int:
    """Print the lines, and return 0; 1 with a sentence on stderr if a file cannot be read."""
    options = _parser().parse_args(arguments)
    try:
        for path in options.files or [None]:
            lines = sys.stdin if path is None else path.open(encoding="utf-8", errors="replace")
            with lines:
                for row in rows(lines, refused=options.refused):
                    print(row)
    except OSError as error:
        sys.stderr.write(f"dkron-api audit: {error}\n")
        return 1
    return 0


def rows(lines: Iterable[str], *, refused: bool = False) -> Iterator[str]:
    """Return one row for each audit line, or for each refusal. Other lines are left out."""
    for line in lines:
        entry = _entry(line)
        if entry is not None and not (refused and entry.get("decision") != "refused"):
            yield _row(entry)


def _entry(line: str) -> Mapping[str, object] | None:
    # What collects logs may put something in front of each line.
    try:
        entry = json.loads(line[line.index("{") :])
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and entry.get("logger") == LOGGER else None


def _row(entry: Mapping[str, object]) -> str:
    def text(key: str) -> str:
        return printable(str(entry.get(key) or ""))

    named = " ".join(filter(None, (text("verb"), text("resource"), text("object"))))
    right = f"{named} in {text('namespace')}" if named else "-"
    request = text("msg").removesuffix(f" {text('decision')}")
    caller = text("caller") or "-"
    return f"{text('ts')}  {text('decision')} {text('status')}  {caller}  {right}  ({request}, from {text('remote')})"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("dkron-api audit", description="Print changes and refusals, with their users.")
    parser.add_argument("files", nargs="*", type=Path, help="log files with JSON lines; default: standard input")
    parser.add_argument("--refused", action="store_true", help="only requests that were refused")
    return parser
