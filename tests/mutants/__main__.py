"""`python -m tests.mutants`: which tests find each mistake in the source of the programs."""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.mutants.catalog import MUTANTS, Mutant, Outdated
from tests.mutants.trial import Found, Untried, by_simulation, by_unit_tests, check_unit_tests

SEEDS = 1000
"""As many as the unit tests simulate."""
SHARE = 2 / 3
"""How many of the mutants in the code that it runs the simulation has to find."""


@dataclass(frozen=True, slots=True)
class Tried:
    """The findings for a mutant; `simulated` is None if it was not simulated."""

    mutant: Mutant
    unit: Found
    simulated: Found | None

    def __str__(self) -> str:
        unit = self.unit.by or "SURVIVES"
        simulated = "" if self.simulated is None else self.simulated.by or "survives"
        return f"{self.mutant.name:40} {self.mutant.file:40} {simulated:14} {unit}"


def main(arguments: Sequence[str] | None = None) -> int:
    """0 if unit tests find all of them, and the simulation two thirds; 1 if not; 2 if they could not be tried."""
    options = _parser().parse_args(arguments)
    wanted = [mutant for mutant in MUTANTS if options.only in (None, mutant.name)]
    began = time.monotonic()
    try:
        check_unit_tests(wanted)
        with ThreadPoolExecutor(options.jobs) as pool:
            tried = []
            for each in pool.map(lambda mutant: _try(mutant, options.seeds), wanted):
                print(each, flush=True)
                tried.append(each)
    except (Outdated, Untried) as exc:
        print(exc, file=sys.stderr)
        return 2
    return _summary(tried, time.monotonic() - began)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--only", choices=[mutant.name for mutant in MUTANTS], help="only this one")
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"simulated for each; 0: none ({SEEDS})")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="mutants at once")
    return parser


def _try(mutant: Mutant, seeds: int) -> Tried:
    simulated = by_simulation(mutant, seeds=seeds) if seeds and mutant.is_simulated else None
    return Tried(mutant, by_unit_tests(mutant), simulated)


def _summary(tried: Sequence[Tried], seconds: float) -> int:
    survivors = [each.mutant for each in tried if not each.unit.by]
    simulated = [each for each in tried if each.simulated is not None]
    found = sum(bool(each.simulated and each.simulated.by) for each in simulated)
    print(f"\n{len(tried) - len(survivors)} of {len(tried)} found by unit tests", end="")
    print(f", {found} of {len(simulated)} by the simulation" if simulated else "", end="")
    print(f", in {seconds:.0f} s")
    for mutant in survivors:
        print(f"SURVIVES the unit tests: {mutant.name}: {mutant.what}")
    whole = len(simulated) == sum(mutant.is_simulated for mutant in MUTANTS)
    few = whole and found < SHARE * len(simulated)
    if few:
        print(f"the simulation has to find {SHARE:.0%} of them")
    return int(bool(survivors) or few)


if __name__ == "__main__":
    sys.exit(main())
