"""Clients of Dkron that others wrote, each in a process of its own, with packages of its own.

Their dependencies are older than ours and must not meet them: a virtual environment holds them, kept outside of the
checkout for as long as the locked file stays the same.
"""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from localcluster.locks import locked
from localcluster.paths import cache_home

ROOT = Path(__file__).parents[2]
LOCKED = ROOT / "requirements" / "clients.txt"
SCRIPTS = Path(__file__).parent / "foreign"
SECONDS = 60
INSTALL_SECONDS = 300


class ForeignPython:
    """The Python that has the foreign clients."""

    def __init__(self, folder: Path) -> None:
        self._bin = folder / "bin"

    def drive(self, script: str, *arguments: str) -> dict[str, Any]:
        """Run a script of tests/support/foreign; the JSON object that it prints."""
        done = self._run(str(self._bin / "python"), str(SCRIPTS / script), *arguments)
        report: dict[str, Any] = json.loads(done)
        return report

    def command(self, name: str, *arguments: str) -> str:
        """The output of a command of one of the packages."""
        return self._run(str(self._bin / name), *arguments)

    def _run(self, *command: str) -> str:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="session")
def foreign_python() -> ForeignPython:
    """Installed on demand, once for each state of the locked file."""
    digest = hashlib.sha256(LOCKED.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = cache_home() / f"clients-{digest}"
    with locked(folder.with_suffix(".lock"), purpose="installing foreign clients", seconds=INSTALL_SECONDS):
        complete = folder / ".complete"
        if not complete.exists():
            _install(folder)
            complete.touch()
    return ForeignPython(folder)


def _install(folder: Path) -> None:
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for command in (
        [sys.executable, "-m", "venv", "--clear", str(folder)],
        [*pip, "--no-deps", "--require-hashes", "-r", str(LOCKED)],
    ):
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
        assert done.returncode == 0, f"{command} failed:\n{done.stdout}\n{done.stderr}"
