"""The seeds that `make test` carries out, in batches that several processes share."""

from collections.abc import Iterable

from tests.simulation.planner import plan
from tests.simulation.simulation import simulate

SEEDS = 300
BATCH = 25


def failures(seeds: Iterable[int]) -> str:
    """The objections, with the command that shows them; empty if there are none."""
    for seed in seeds:
        result = simulate(plan(seed))
        if result.wrong:
            told = "\n\n".join([str(result.plan), *result.wrong])
            return f"{told}\n\nagain: python -m tests.simulation --seed {seed} --trace"
    return ""
