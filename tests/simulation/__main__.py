"""`python -m tests.simulation`: many seeds, or one, or a plan that was written down."""

import argparse
import gc
import multiprocessing
import os
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.chaos.excuses import excuses, table
from tests.chaos.verdict import judge
from tests.mutants.catalog import MUTANTS
from tests.mutants.patched import broken
from tests.simulation.planner import plan
from tests.simulation.plans import Plan, from_text
from tests.simulation.shrink import shrink
from tests.simulation.simulation import Result, simulate

COMMAND = "python -m tests.simulation"
CHUNK = 8
BY_NAME = {mutant.name: mutant for mutant in MUTANTS if mutant.is_simulated}
EVERY = 5.0
"""Seconds between two lines of progress."""
MOST = 200
"""Slots that did not have to run, of which a line is printed."""


def main(arguments: Sequence[str] | None = None) -> int:
    """0 if nothing was lost and nothing ran twice, 1 if something was, 2 for wrong arguments."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.jobs < 1 or options.failures < 1 or (options.seeds is not None and options.seeds < 1):
        parser.error("--seeds, --failures and --jobs have to be at least 1")
    try:
        wanted = None if options.plan is None else from_text(Path(options.plan).read_text())
    except (OSError, ValueError, KeyError, TypeError) as exc:
        parser.error(f"--plan {options.plan} cannot be read: {exc}")
    with broken(BY_NAME.get(options.mutant)):
        if options.seeds is not None:
            return _many(options)
        return _one(plan(options.seed) if wanted is None else wanted, options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=COMMAND, description="Simulate the operator: the same seed, the same events.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--seed", type=int, help="carry out the plan of this seed")
    what.add_argument("--plan", metavar="FILE", help="carry out a plan that was written down by --shrink")
    what.add_argument("--seeds", type=int, metavar="N", help="carry out N seeds on all cores")
    parser.add_argument("--first", type=int, default=0, metavar="SEED", help="with --seeds: the first of them (0)")
    parser.add_argument(
        "--failures", type=int, default=1, metavar="N", help="with --seeds: stop when so many have failed (1)"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="processes at once")
    parser.add_argument("--trace", action="store_true", help="print everything that happens")
    parser.add_argument(
        "--shrink", metavar="FILE", help="if it fails: drop events as long as it does, and write the rest"
    )
    parser.add_argument("--mutant", choices=sorted(BY_NAME), help="break the operator in this way before")
    return parser


# --- one seed --------------------------------------------------------------------------------------------------------


def _one(wanted: Plan, options: argparse.Namespace) -> int:
    result = simulate(wanted, verbose=options.trace)
    if result.wrong and options.shrink:
        smallest = shrink(
            wanted, _fails, progress=lambda p: print(f"{len(p.events)} events still fail", file=sys.stderr)
        )
        Path(options.shrink).write_text(smallest.to_text())
        result = simulate(smallest, verbose=options.trace)
    if options.trace:
        print("\n".join(result.trace))
    print(_told(result))
    if result.wrong and options.shrink:
        print(f"\nagain: {COMMAND} --plan {shlex.quote(options.shrink)} --trace")
    return bool(result.wrong)


def _fails(wanted: Plan) -> bool:
    return bool(simulate(wanted).wrong)


def _told(result: Result) -> str:
    runs = len(result.history.runs)
    slots = "\n".join(table([*excuses(judge(result.history))], most=MOST))
    return "\n\n".join([str(result.plan), f"{len(result.wrong)} objections, {runs} runs", *result.wrong, slots])


# --- many ------------------------------------------------------------------------------------------------------------


def _many(options: argparse.Namespace) -> int:
    seeds = range(options.first, options.first + options.seeds)
    began = told = time.monotonic()
    failed: list[int] = []
    # A process of its own for each core, each fresh: what one leaves behind cannot help another.
    with multiprocessing.get_context("fork").Pool(options.jobs, _have_room) as pool:
        for done, (seed, wrong) in enumerate(pool.imap_unordered(_outcome, seeds, chunksize=CHUNK), 1):
            if wrong:
                failed.append(seed)
                _tell_failure(seed, wrong, options)
            if len(failed) == options.failures:
                break
            if time.monotonic() - told > EVERY:
                told = time.monotonic()
                rate = done / (told - began)
                left = (len(seeds) - done) / rate
                print(f"{done} of {len(seeds)} seeds, {rate:.0f}/s, {left:.0f} s to go", file=sys.stderr, flush=True)
        pool.terminate()
    seconds = time.monotonic() - began
    if failed:
        print(f"\n{len(failed)} failed in {seconds:.0f} s: {' '.join(map(str, sorted(failed)))}")
        return 1
    print(f"{len(seeds)} seeds in {seconds:.0f} s: nothing was lost, and nothing ran twice")
    return 0


def _have_room() -> None:
    # To look for circles once for each story, and not within it, makes a fifth more stories.
    gc.freeze()
    gc.disable()


def _outcome(seed: int) -> tuple[int, tuple[str, ...]]:
    wrong = simulate(plan(seed)).wrong
    gc.collect()
    return seed, wrong


def _tell_failure(seed: int, wrong: Sequence[str], options: argparse.Namespace) -> None:
    more = f" --mutant {options.mutant}" if options.mutant else ""
    print(f"\nseed {seed} fails:\n\n" + "\n\n".join(wrong))
    print(f"\nagain:    {COMMAND} --seed {seed}{more} --trace")
    print(f"smaller:  {COMMAND} --seed {seed}{more} --shrink plan.json", flush=True)


if __name__ == "__main__":
    sys.exit(main())
