"""The wheel and the source distribution, by the project's own build backend, the same bytes for the same commit."""

import os
import subprocess
import sys
from pathlib import Path

from image.source import EPOCH
from release.errors import ReleaseError

BUILD_SECONDS = 300


def build(root: Path, folder: Path, *, epoch: int) -> list[Path]:
    """Build both into a folder; hatchling is locked, and nothing is fetched."""
    before = {*folder.iterdir()}
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    environment = os.environ | {EPOCH: str(epoch)}
    done = subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False
    )
    if done.returncode != 0:
        raise ReleaseError(f"hatchling cannot build the project: {done.stderr.strip()}")
    return sorted({*folder.iterdir()} - before)
