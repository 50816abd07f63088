"""A seed decides everything: also in another process, whose sets and dicts have another order."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
PROGRAM = """
from tests.simulation.planner import plan
from tests.simulation.simulation import simulate

for seed in (3, 14, 40):
    print(*simulate(plan(seed), verbose=True).trace, sep="\\n")
"""


def test_seed_gives_the_same_trace_for_any_set_order() -> None:
    one, other = _trace("1"), _trace("2")
    assert one == other
    assert "write dkronjobs" in one


def _trace(hashed: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": hashed}
    command = [sys.executable, "-c", PROGRAM]
    return subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout
