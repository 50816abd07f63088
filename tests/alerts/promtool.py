"""Prometheus' own tool, which checks rules and evaluates them on made-up series."""

import subprocess
from pathlib import Path

from localcluster.servers.prometheus import find

HERE = Path(__file__).parent
PROMTOOL_SECONDS = 60


def promtool(*arguments: str | Path) -> str:
    """Its output about these. It has to succeed."""
    done = subprocess.run(
        [find("promtool"), *arguments], capture_output=True, text=True, timeout=PROMTOOL_SECONDS, check=False, cwd=HERE
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said
