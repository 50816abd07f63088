"""A program of ours as a process of this machine: started detached, found again by pid and start time, and stopped.

It carries the mark of the cluster's folder, as the cluster's own components do, so that even `hack/cluster down`
leaves none behind.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from demo import DemoError
from localcluster import logs, processes
from localcluster.errors import ClusterError
from localcluster.processes import Identity
from localcluster.waiting import wait_for

READY = "ready with"
START_SECONDS = 30
STOP_SECONDS = 25
"""The operator gives what is under way ten seconds, twice."""
BAD_LEVELS = ("ERROR", "CRITICAL")


@dataclass(frozen=True, slots=True)
class Detached:
    """The one process of this name that belongs to this folder. Every start and stop is written into its pid file."""

    folder: Path
    name: str
    what: str
    """Its name in a sentence: "the operator"."""

    @property
    def log(self) -> Path:
        """Beside the logs of the cluster's components."""
        return self.folder / "logs" / f"{self.name}.log"

    @property
    def pid_file(self) -> Path:
        """Pid and start time, in clock ticks since boot."""
        return self.folder / f"{self.name}.pid"

    def running(self) -> Identity | None:
        """The living process that was started here; a pid that now belongs to another one does not count."""
        try:
            identity = parse_pid_file(self.pid_file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return identity if identity is not None and processes.alive(identity) else None

    def start(self, argv: Sequence[str], environment: Mapping[str, str] = MappingProxyType({})) -> None:
        """Start it and wait until it says that it is ready. Raises `DemoError` with its last words if it ends.
        `environment` holds for what the user has not set."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        read_from = self.log.stat().st_size if self.log.exists() else 0
        identity = processes.spawn(tuple(argv), log=self.log, folder=self.folder, environment=environment)
        self.pid_file.write_text(f"{identity.pid} {identity.started}\n", encoding="utf-8")

        def missing() -> str:
            with self.log.open("rb") as file:
                file.seek(read_from)
                return "" if READY.encode() in file.read() else f"its log says: {self.last_words()}"

        try:
            wait_for(f"{self.what} to be ready", seconds=START_SECONDS, missing=missing, guard=self.check)
        except ClusterError as error:
            raise DemoError(f"{error}; its log is {self.log}") from None

    def check(self) -> None:
        """Raise `DemoError` with its last words if it does not run."""
        if self.running() is None:
            raise DemoError(f"{self.what} has ended: {self.last_words()} (log: {self.log})")

    def stop(self) -> bool:
        """Ask it to end, and end it after a while; whether there was one."""
        identity = self.running()
        if identity is not None:
            processes.stop([identity], grace=STOP_SECONDS)
        self.pid_file.unlink(missing_ok=True)
        return identity is not None

    def last_words(self) -> str:
        """Why it ended, as far as its log tells."""
        return last_words(logs.tail(self.log, lines=200))


def parse_pid_file(text: str) -> Identity | None:
    """Read what `start` has written; None for anything else."""
    fields = text.split()
    if len(fields) != 2 or not all(field.isdigit() for field in fields):  # noqa: PLR2004 - pid and start time
        return None
    return Identity(pid=int(fields[0]), started=int(fields[1]))


def last_words(lines: Sequence[str]) -> str:
    """The newest complaint in these log lines, else the newest line; one that is no JSON object counts as it is."""
    entries = [_entry(line) for line in lines if line.strip()]
    complaints = [message for level, message in entries if level in BAD_LEVELS]
    return (complaints or [message for _, message in entries] or ["it has written nothing"])[-1]


def _entry(line: str) -> tuple[str, str]:
    try:
        entry = json.loads(line)
    except ValueError:
        entry = None
    if not isinstance(entry, dict):
        return "", line.strip()
    cause = str(entry.get("exc_info") or "").strip().splitlines()[-1:]
    return str(entry.get("level", "")), ": ".join((str(entry.get("msg", line)), *cause))
