"""The control group that holds a cluster's pods. The kubelet wants it to exist and leaves it behind."""

import contextlib
import os
import signal
from pathlib import Path

from localcluster.components.kubelet import cgroup

ROOT = Path("/sys/fs/cgroup")
UNIFIED = ROOT / "cgroup.controllers"
CONTROLLERS = ("cpu", "cpuset", "hugetlb", "memory", "pids")


def create(name: str) -> None:
    """Make the group in each hierarchy; in the unified one with all controllers that there are."""
    if UNIFIED.exists():
        _delegate(ROOT)
    for folder in _folders(name):
        folder.mkdir(exist_ok=True)
        if UNIFIED.exists():
            _delegate(folder)


def kill(name: str) -> None:
    """End every process in the group: what containers run, also if it has another parent by now."""
    for folder in _folders(name):
        for processes in folder.rglob("cgroup.procs"):
            _kill_all(processes)


def remove(name: str) -> None:
    """Remove the group, deepest first; a group whose last process is still going is left to the next attempt."""
    for folder in _folders(name):
        below = sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True)
        for group in (*below, folder):
            with contextlib.suppress(OSError):
                group.rmdir()


def left(name: str) -> str:
    """What of the group is still there."""
    return " ".join(str(folder) for folder in _folders(name) if folder.exists())


def _folders(name: str) -> list[Path]:
    group = cgroup(name).lstrip("/")
    if UNIFIED.exists():
        return [ROOT / group]
    # Version 1 has a hierarchy for each controller; cpu and cpuacct may be links to one they share.
    return [folder / group for folder in sorted(ROOT.glob("*")) if folder.is_dir() and not folder.is_symlink()]


def _delegate(folder: Path) -> None:
    for controller in CONTROLLERS:
        with contextlib.suppress(OSError):
            (folder / "cgroup.subtree_control").write_text(f"+{controller}")


def _kill_all(processes: Path) -> None:
    with contextlib.suppress(OSError):
        for pid in processes.read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
