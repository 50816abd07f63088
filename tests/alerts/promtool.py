"""Prometheus' own tool, which checks rules and evaluates them on made-up series."""

import subprocess
from pathlib import Path

from localcluster.servers.prometheus import find

HERE = Path(__file__).parent
PROMTOOL_SECONDS = 60


def promtool(*arguments: str | Path) -> str:
    """What it says about these. It has to be content."""
    done = subprocess.run(
        [find("promtool"), *arguments], capture_output=True, text=True, timeout=PROMTOOL_SECONDS, check=False, cwd=HERE
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said
