"""Processes that outlive the command that started them: start, recognise, stop.

A process is known by its pid *and* its start time, so that a recycled pid is never mistaken for ours. Each also carries
the cluster's folder in its environment, and so do its children: what was started a moment before a crash and never
written down is found all the same.
"""

import contextlib
import os
import signal
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from localcluster.errors import ClusterError

MARKER = "LOCALCLUSTER_FOLDER"
PROC = Path("/proc")
PAUSE = 0.02


@dataclass(frozen=True, slots=True)
class Identity:
    """A process for as long as the machine runs: pid and start time in clock ticks since boot."""

    pid: int
    started: int


@dataclass(frozen=True, slots=True)
class Stat:
    """The fields of /proc/PID/stat that matter here."""

    state: str
    parent: int
    started: int


def parse_stat(text: str) -> Stat:
    """Read a line of /proc/PID/stat; the program's name in it may hold spaces and parentheses (proc(5))."""
    fields = text.rpartition(")")[2].split()
    return Stat(state=fields[0], parent=int(fields[1]), started=int(fields[19]))


def spawn(
    argv: tuple[str, ...], *, log: Path, folder: Path, environment: Mapping[str, str] = MappingProxyType({})
) -> Identity:
    """Start a program in a session of its own, with its output appended to `log`. `environment` holds for what the
    user has not set."""
    files = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    environ = {**environment, **os.environ, MARKER: str(folder)}
    try:
        pid = os.posix_spawn(argv[0], argv, environ, file_actions=files, setsid=True, setsigmask=())
    except OSError as failure:
        raise ClusterError(f"cannot run {argv[0]}: {failure.strerror}") from failure
    identity = identify(pid)
    return identity if identity is not None else Identity(pid=pid, started=0)


def identify(pid: int) -> Identity | None:
    """The identity of a living process, or None."""
    stat = _stat(pid)
    return None if stat is None else Identity(pid=pid, started=stat.started)


def alive(identity: Identity) -> bool:
    """Whether this very process still runs; a zombie does not."""
    stat = _stat(identity.pid)
    if stat is not None and stat.state == "Z":
        _reap(identity.pid)
        return False
    return stat is not None and stat.started == identity.started


def marked(folder: Path) -> list[Identity]:
    """Every living process that carries this cluster's mark, whether written down or not."""
    mark = f"{MARKER}={folder}".encode()
    found = []
    for pid in _pids():
        identity = identify(pid)
        with contextlib.suppress(OSError):
            if mark in (PROC / str(pid) / "environ").read_bytes().split(b"\0") and identity and alive(identity):
                found.append(identity)
    return found


def with_descendants(roots: Iterable[Identity]) -> list[Identity]:
    """These processes and all that descend from them, parents first."""
    children: dict[int, list[int]] = {}
    for pid in _pids():
        if (stat := _stat(pid)) is not None:
            children.setdefault(stat.parent, []).append(pid)
    family = [identity for identity in roots if alive(identity)]
    known = {identity.pid for identity in family}
    for member in family:
        for pid in children.get(member.pid, []):
            if pid not in known and (identity := identify(pid)) is not None:
                known.add(pid)
                family.append(identity)
    return family


def stop(identities: Iterable[Identity], *, grace: float) -> None:
    """Ask with SIGTERM, wait up to `grace` seconds, then SIGKILL what is left."""
    left = [identity for identity in identities if alive(identity)]
    if grace > 0:
        left = _signal_and_wait(left, sign=signal.SIGTERM, seconds=grace)
    _signal_and_wait(left, sign=signal.SIGKILL, seconds=5)


def resident_bytes(pid: int) -> int:
    """Resident memory of a process, 0 when it is gone."""
    try:
        pages = int((PROC / str(pid) / "statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _signal_and_wait(identities: list[Identity], *, sign: signal.Signals, seconds: float) -> list[Identity]:
    for identity in identities:
        with contextlib.suppress(ProcessLookupError):
            if alive(identity):
                os.kill(identity.pid, sign)
    deadline = time.monotonic() + seconds
    while (left := [identity for identity in identities if alive(identity)]) and time.monotonic() < deadline:
        time.sleep(PAUSE)
    return left


def _stat(pid: int) -> Stat | None:
    try:
        return parse_stat((PROC / str(pid) / "stat").read_text())
    except (FileNotFoundError, ProcessLookupError):
        return None


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit())


def _reap(pid: int) -> None:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
