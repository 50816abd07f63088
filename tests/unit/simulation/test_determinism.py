"""A seed decides everything: also in another process, whose sets and dicts have another order."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
SEEDS = ("3", "14", "40")


def test_a_seed_gives_the_same_trace_whatever_order_sets_have() -> None:
    traces = [[_trace(seed, hashed) for seed in SEEDS] for hashed in ("1", "2")]
    assert traces[0] == traces[1]
    assert all("write dkronjobs" in trace for trace in traces[0])


def _trace(seed: str, hashed: str) -> str:
    command = [sys.executable, "-m", "tests.simulation", "--seed", seed, "--trace"]
    environment = {**os.environ, "PYTHONHASHSEED": hashed}
    return subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout
