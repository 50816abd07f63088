"""`dkronctl` as a user calls it: a process, with its output in a pipe or in a terminal."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.forks import call

PROGRAM = (sys.executable, "-m", "dkron_cli")
PATIENCE = 60.0
COLUMNS = 80


@dataclass(frozen=True, slots=True)
class Said:
    """The output of a call, and its exit code."""

    code: int
    output: str
    errors: str

    @property
    def lines(self) -> list[str]:
        return self.output.splitlines()


@dataclass(frozen=True, slots=True)
class CommandLine:
    """Calls of a program with these variables. `arguments` stand behind each command."""

    environment: Mapping[str, str]
    arguments: tuple[str, ...] = ()
    module: str = "dkron_cli"

    def __call__(self, *words: str, code: int = 0, given: str = "") -> Said:
        """Call it with its output in a pipe. It has to end with this code, and without a traceback."""
        with tempfile.TemporaryDirectory() as folder:
            files = [Path(folder, name) for name in ("in", "out", "err")]
            for file in files:
                file.write_text(given if file.name == "in" else "", encoding="utf-8")
            environment = {**os.environ, **self.environment}
            ended = call(
                self.module, [*words, *self.arguments], environment, [str(file) for file in files], limit=PATIENCE
            )
            said = Said(ended, *(file.read_text(encoding="utf-8") for file in files[1:]))
        assert said.code == code, f"{words}: {said}"
        assert "Traceback" not in said.errors, said.errors
        return said

    def in_terminal(self, *words: str, code: int = 0, when: Callable[[str], bool] | None = None, send: str = "") -> str:
        """Call it in a terminal of 80 columns; all that it prints there. Once `when` holds for that, send keys."""
        process, terminal = _start([*PROGRAM, *words, *self.arguments], {**os.environ, **self.environment})
        try:
            shown = _talk(terminal, when, send)
            assert process.wait(PATIENCE) == code, shown
        finally:
            process.kill()
            process.wait()
            os.close(terminal)
        assert "Traceback" not in shown, shown
        return shown


def command_line(kubeconfig: Path, namespace: str) -> CommandLine:
    """One that uses a namespace of a cluster."""
    environment = {"KUBECONFIG": str(kubeconfig), "DKRON_SERVER": "", "TERM": "xterm"}
    # The loader of kubeconfigs reads the variable when it is imported, and forks have imported it already.
    return CommandLine(environment, ("-n", namespace, "--kubeconfig", str(kubeconfig)))


def _start(arguments: list[str], environment: Mapping[str, str]) -> tuple[subprocess.Popen[bytes], int]:
    terminal, inside = pty.openpty()
    fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))

    process = subprocess.Popen(
        [sys.executable, "-c", _IN_FRONT, *arguments], env=dict(environment), stdin=inside, stdout=inside,
        stderr=inside, start_new_session=True,
    )  # fmt: skip
    os.close(inside)
    return process, terminal


_IN_FRONT = """
import fcntl, os, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Ctrl-C reaches only what has the terminal as its controlling one, and does not ignore it as a program does that a
shell began in the background."""


def _talk(terminal: int, when: Callable[[str], bool] | None, send: str) -> str:
    shown, deadline = "", time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        ready, _, _ = select.select([terminal], [], [], 1.0)
        if not ready:
            continue
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # the other side is closed
            return shown
        if not piece:
            return shown
        shown += piece.decode("utf-8", "replace")
        if when is not None and when(shown):
            os.write(terminal, send.encode())
            when = None
    raise AssertionError(f"it did not end: {shown}")
