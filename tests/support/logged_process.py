"""A program of ours as users start it: a process of its own, of which a test sees the JSON log and the exit code."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

from tests.support.printed import assert_no_secret
from tests.support.waiting import nothing, wait_for

START_SECONDS = 60.0
STOP_SECONDS = 20.0
KEPT_LINES = 40


@dataclass(frozen=True, slots=True)
class Start:
    """The arguments of a process; its output goes behind what the log holds."""

    module: str
    arguments: tuple[str, ...]
    environment: dict[str, str]
    log: Path


class Started(Protocol):
    """The part of `subprocess.Popen` that tests need."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def kill(self) -> None: ...


def fresh(start: Start) -> Started:
    """A new interpreter for it."""
    command = [sys.executable, "-m", start.module, *start.arguments]
    with start.log.open("ab") as output:
        return subprocess.Popen(command, stderr=output, stdout=output, env=start.environment)


class LoggedProcess:
    """One process of `module`. `arguments` are its options; `start` may be called again after it has ended.

    `launch` may be replaced for a while, see `tests/support/forks.py`.
    """

    launch: ClassVar[Callable[[Start], Started]] = staticmethod(fresh)
    module: ClassVar[str]
    what: ClassVar[str]
    """Its name in a sentence: "the operator"."""

    def __init__(self, log: Path, *arguments: str, environment: dict[str, str] | None = None) -> None:
        self.log = log
        self._arguments = arguments
        self._environment = {**clean_environment(), **(environment or {})}
        self._process: Started | None = None
        self._read_from = 0

    def add(self, *options: str) -> Self:
        """Have these options as well, from the next start on."""
        self._arguments += options
        return self

    def start(self, *, wait: bool = True) -> Self:
        """Start it, and wait until it says that it is ready."""
        self.log.touch()
        self._read_from = self.mark()
        self._process = LoggedProcess.launch(Start(self.module, self._arguments, self._environment, self.log))
        if wait:
            self.wait_for_line("ready with")
        return self

    @property
    def pid(self) -> int:
        """The process id while it runs."""
        assert self._process is not None, f"{self.what} was not started"
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def check(self) -> None:
        """Raise if it should run and does not."""
        code = None if self._process is None else self._process.poll()
        if code is not None:
            raise AssertionError(f"{self.what} has ended with {code}:\n{self.tail()}")

    def stop(self) -> None:
        """Ask it to end, as Kubernetes does; it has to do so in order."""
        code = self.end(signal.SIGTERM)
        assert code == 0, f"{self.what} stopped with exit code {code}:\n{self.tail()}"
        assert self.lines()[-1]["msg"] == "stopped", self.tail()

    def kill(self) -> None:
        """End it in the middle of whatever it does."""
        self.end(signal.SIGKILL)
        self._drop_unfinished_line()

    def _drop_unfinished_line(self) -> None:
        """The line that it was writing when it was killed: the next process would write on behind it."""
        written = self.log.read_bytes()
        whole = written.rfind(b"\n") + 1
        with self.log.open("r+b") as output:
            output.truncate(whole)

    def end(self, number: signal.Signals) -> int:
        """Send a signal that ends it; the exit code."""
        os.kill(self.pid, number)
        return self.wait()

    def wait(self) -> int:
        """Wait for its end; the exit code. It must not have logged a secret."""
        process, self._process = self._process, None
        assert process is not None, f"{self.what} was not started"
        try:
            code = process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"{self.what} did not end within {STOP_SECONDS:.0f} s:\n{self.tail()}") from None
        assert_no_secret(self.what, self.text())
        return code

    def pause(self) -> None:
        """Freeze it, as a machine that sleeps does."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)

    def text(self) -> str:
        """All that it has written since its latest start."""
        with self.log.open("rb") as content:
            content.seek(self._read_from)
            return content.read().decode("utf-8", "replace")

    def lines(self) -> list[dict[str, Any]]:
        """Its log since its latest start; a line that is no JSON object has it all in `msg`."""
        return [_parsed(line) for line in self.text().splitlines()]

    def tail(self) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-KEPT_LINES:])

    def wait_for_line(self, text: str, *, seconds: float = START_SECONDS, may_end: bool = False) -> dict[str, Any]:
        """Wait until it has written a message that holds this text; `may_end`: even if it has ended since."""

        def found() -> list[dict[str, Any]]:
            return [line for line in self.lines() if text in str(line["msg"])]

        def last(_: object) -> str:
            return self.tail()

        guard = nothing if may_end else self.check
        return wait_for(f"a line with '{text}'", found, bool, seconds=seconds, shown=last, guard=guard)[0]

    def mark(self) -> int:
        """Where the latest line of its log ends now."""
        return len(self._written())

    def assert_clean(self, since: int = 0) -> None:
        """No ERROR, no traceback and nothing that is no log line in what it has written since a mark."""
        written = self._written()[since:].decode("utf-8", "replace")
        bad = [line for line in map(_parsed, written.splitlines()) if _is_complaint(line)]
        assert not bad, f"{self.what} complained:\n{json.dumps(bad[:5], indent=1)}"

    def _written(self) -> bytes:
        """Its whole log. While it runs it may be in the middle of its latest line, which is left out."""
        running = self.running
        written = self.log.read_bytes() if self.log.exists() else b""
        return written[: written.rfind(b"\n") + 1] if running else written


def _is_complaint(line: dict[str, Any]) -> bool:
    return "exc_info" in line or line.get("level") in (None, "ERROR", "CRITICAL")


def _parsed(line: str) -> dict[str, Any]:
    try:
        parsed = json.loads(line)
    except ValueError:
        parsed = None
    return parsed if isinstance(parsed, dict) else {"msg": line}


def clean_environment() -> dict[str, str]:
    """Ours without settings that the caller may have set for a program of their own."""
    ours = ("DKRON_", "KUBECONFIG", "OTEL_", "POD_")
    return {key: value for key, value in os.environ.items() if not key.startswith(ours)}
