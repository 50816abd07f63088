"""Adds a sixth column to the rows of robfig-golden: the right slots, where robfig/cron is at fault.

Reads the table from standard input and writes it to standard output, below a line that names its sources.
The arbiter is the brute force of `tests/conformance/schedules_brute.py`; rows that it agrees with stay as they are.
"""

import json
import sys
from collections import Counter
from datetime import UTC, datetime
from importlib.metadata import version

from tests.conformance.schedules_brute import brute_force

COLUMNS = ("kind", "text", "zone", "since", "robfig", "brute")
ARBITRATED = {"grammar", "random", "change"}
SLOTS = 5


def main() -> None:
    """Copy the rows, adding the arbiter's answer to the ones it does not agree with."""
    print(json.dumps({"columns": COLUMNS, "robfig/cron": "v3.0.1", "tzdata": version("tzdata")}))
    faults: Counter[str] = Counter()
    for line in sys.stdin:
        row = json.loads(line)
        right = arbiter(row)
        if right is not None and right != row[4]:
            row.append(right)
            faults[row[4] if isinstance(row[4], str) else "wrong slots"] += 1
        print(json.dumps(row))
    print(f"robfig/cron at fault: {dict(faults)}", file=sys.stderr)


def arbiter(row: list[str]) -> list[str] | None:
    """The right slots of a row, None if the row is not about cron fields on a wall clock."""
    kind, text, zone, since, _ = row
    if kind not in ARBITRATED or "@every" in text:
        return None
    found = brute_force(text, zone, datetime.fromisoformat(since).astimezone(UTC), limit=SLOTS)
    return [f"{slot:%Y-%m-%dT%H:%M:%SZ}" for slot in found]


if __name__ == "__main__":
    main()
