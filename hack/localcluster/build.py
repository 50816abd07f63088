"""Builds what is not in the cache yet: one tool after the other, one process at a time, with a sign of life."""

import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from localcluster import gotoolchain
from localcluster.errors import ClusterError
from localcluster.locks import locked
from localcluster.paths import cache_home
from localcluster.progress import duration, say
from localcluster.tools import Tool

BUILD_SECONDS = 3600
SIGN_OF_LIFE_SECONDS = 20


def ensure(tools: Sequence[Tool]) -> None:
    """Build the `tools` that the cache does not hold; concurrent callers take turns."""
    if all(tool.folder.exists() for tool in tools):
        return
    with locked(cache_home() / "build.lock", purpose="building the cluster's tools", seconds=BUILD_SECONDS):
        missing = [tool for tool in tools if not tool.folder.exists()]
        for number, tool in enumerate(missing, start=1):
            _build(tool, label=f"{tool.name} {tool.version} ({number} of {len(missing)})")


def _build(tool: Tool, *, label: str) -> None:
    go = gotoolchain.find()
    partial = tool.folder.with_name(tool.folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    say(f"building {label} from Go modules; the first time this takes minutes")
    arguments, environment = tool.command(partial, gotoolchain.environment(go))
    log = partial / "build.log"
    started = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(go), *arguments],
            env=dict(environment),
            cwd=partial,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        try:
            _watch(process, label=label, started=started)
        except BaseException:
            process.kill()
            process.wait()
            raise
    if process.returncode != 0:
        raise ClusterError(f"building {label} failed:\n{_tail(log)}\nthe whole log: {log}")
    partial.rename(tool.folder)
    say(f"built {label} in {duration(time.monotonic() - started)}")


def _watch(process: subprocess.Popen[bytes], *, label: str, started: float) -> None:
    while time.monotonic() - started < BUILD_SECONDS:
        try:
            process.wait(timeout=SIGN_OF_LIFE_SECONDS)
        except subprocess.TimeoutExpired:
            say(f"  still building {label}, {duration(time.monotonic() - started)} so far")
        else:
            return
    raise ClusterError(f"building {label} took longer than {duration(BUILD_SECONDS)}")


def _tail(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if not line.startswith("go: downloading")]
    return "\n".join(f"  {line}" for line in lines[-15:])
