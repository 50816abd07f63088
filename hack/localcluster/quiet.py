"""Programs whose output only matters when they fail."""

import os
import subprocess
from collections.abc import Mapping, Sequence


def run_quietly(
    command: Sequence[str], *, seconds: float, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run it without input for `seconds` at most; all that it prints is in `stdout`. `environment` is added to ours."""
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds,
        check=False,
        env={**os.environ, **(environment or {})},
    )
