"""Programs by fork: one process imports them, and each start is a fork of it.

Most of the CPU of a start goes into imports, and the tests at a real control plane start programs by the hundred. A
fork is a process like any other: its own id, signals, options, environment, log and exit code.
"""

import multiprocessing
import os
import runpy
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing.process import BaseProcess

import pytest

from tests.support.logged_process import LoggedProcess, Start

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["dkron_operator.main", "dkron_api.main", "dkron_cli.edge.cluster", "dkron_cli.main"])


class Fork:
    """A started program, as `subprocess.Popen` would have it."""

    def __init__(self, process: BaseProcess) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def sentinel(self) -> int:
        """What can be read from when it has ended."""
        return self._process.sentinel

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; the exit code. Raises `subprocess.TimeoutExpired`."""
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout or 0)
        return code

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()


def fork(start: Start) -> Fork:
    """Start it."""
    process = _CONTEXT.Process(target=_live, args=(start,), name=start.module, daemon=True)
    process.start()
    return Fork(process)


def call(
    module: str, words: Sequence[str], environment: Mapping[str, str], files: Sequence[str], *, limit: float
) -> int:
    """Run a module until its end; its exit code. `files` are the paths of its standard input, output and errors."""
    process = _CONTEXT.Process(
        target=_called, args=(module, tuple(words), dict(environment), tuple(files)), daemon=True
    )
    process.start()
    process.join(limit)
    if process.exitcode is None:
        process.kill()
        raise subprocess.TimeoutExpired(list(words), limit)
    return process.exitcode


@pytest.fixture(scope="package", autouse=True)
def quick_starts() -> Iterator[None]:
    """Operators and APIs are forks of one process that has imported them."""
    fresh, LoggedProcess.launch = LoggedProcess.launch, staticmethod(fork)
    try:
        yield
    finally:
        LoggedProcess.launch = staticmethod(fresh)


def _called(module: str, words: tuple[str, ...], environment: dict[str, str], files: tuple[str, ...]) -> None:
    for number, (path, flags) in enumerate(zip(files, (os.O_RDONLY, os.O_WRONLY, os.O_WRONLY), strict=True)):
        file = os.open(path, flags)
        os.dup2(file, number)
        os.close(file)
    # The fork server may have closed the objects that Python made for these.
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(number, mode) for number, mode in enumerate("rww"))
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [module, *words]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _live(start: Start) -> None:
    """The work of a fork: as `python -m` with this environment."""
    log = os.open(start.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ.clear()
    os.environ.update(start.environment)
    time.tzset()
    sys.argv = [start.module, *start.arguments]
    runpy.run_module(start.module, run_name="__main__", alter_sys=True)
