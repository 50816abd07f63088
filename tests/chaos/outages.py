"""`python -m tests.chaos.outages`: one operator, and an API server that is away, stands still, refuses or is silent,
for minutes. Then the verdict, and how soon slots were on time again.
"""

import argparse
import contextlib
import sys
from pathlib import Path

from tests.chaos.ending import Ending, concluded
from tests.chaos.environment import Patience
from tests.chaos.jobs import BODIES
from tests.chaos.plan import HEAD_START, Blow, Fault, Plan
from tests.chaos.storm import Say, duration, lived, prepared, show

LONG = (
    Fault.API_AWAY, Fault.API_FREEZE, Fault.TOO_MANY, Fault.ERRORS, Fault.LOST_ANSWERS, Fault.FROZEN_WATCHES,
    Fault.REFUSED_WATCHES,
)  # fmt: skip
"""Faults that may last until a person acts."""
CALM = 90.0
"""Seconds from the end of one to the next. Missed slots have run by then."""

PATIENCE = Patience(lateness=15.0, recovery=25.0, calm=0.0)
"""After minutes much has to be made up for; and calm times between them are not the question here."""


def outages(seconds: float) -> Plan:
    """All of them, one after the other, for so long each. Pure."""
    starts = (HEAD_START + number * (seconds + CALM) for number in range(len(LONG)))
    blows = (Blow(at, fault, seconds, pick=0.0) for at, fault in zip(starts, LONG, strict=True))
    return Plan(tuple(BODIES.values()), tuple(blows), wishes=())


def main(arguments: list[str]) -> int:
    """Have them. 0: nothing to object to, 1: objections, 2: options that are wrong, 3: no verdict."""
    options = _parser().parse_args(arguments)
    again = f"python -m tests.chaos.outages --duration {options.duration:.0f}s"
    return concluded(Ending(again), lambda ending: _outages(options, ending))


def _outages(options: argparse.Namespace, ending: Ending) -> int:
    with contextlib.ExitStack() as stack:
        made, _ = prepared(stack, ending, options, say=Say(), replicas=1, patience=PATIENCE)
        verdict, numbers, fallen = lived(made, outages(options.duration), at=ending.at)
        with ending.at("telling the verdict"):
            for what, after in numbers.recoveries:
                print(f"on time again after {after.total_seconds():5.2f} s: {what}")
            ending.verdict = show(made, verdict, numbers, fallen)
        return ending.verdict


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.outages", description=__doc__)
    parser.add_argument("--duration", type=duration, default=300.0, help="how long each: 60s, 5m (default: 5m)")
    parser.add_argument("--folder", type=Path, help="where history and logs go (default: a new one below /tmp)")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
