"""Print where this project differs from Dkron, as a Markdown table: `python -m tests.conformance.rest`."""

import sys

from tests.conformance.rest.row import Difference
from tests.conformance.rest.table import ROWS

HEAD = "| topic | Dkron | here | why |\n| --- | --- | --- | --- |"


def differences() -> list[Difference]:
    """Each difference that a row shows, once, in the order of the rows."""
    return list(dict.fromkeys(row.differs for row in ROWS if row.differs))


def markdown() -> str:
    """The table."""
    return "\n".join([HEAD, *map(_line, differences())])


def _line(difference: Difference) -> str:
    cells = (difference.topic, difference.dkron, difference.here, difference.decision)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


if __name__ == "__main__":
    sys.stdout.write(f"{markdown()}\n")
