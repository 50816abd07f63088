"""Processes are recognised by pid and start time, found by their mark, and waited for."""

import os
import re
from pathlib import Path

import pytest

from localcluster import processes
from localcluster.errors import ClusterError
from localcluster.locks import locked
from localcluster.waiting import wait_for

SLEEP = ("/bin/sleep", "60")


def test_program_name_with_spaces_and_parentheses_is_parsed() -> None:
    fields = " ".join(["S", "41", *["0"] * 17, "987654", *["0"] * 30])
    assert processes.parse_stat(f"42 (a (very) odd name) {fields}\n") == processes.Stat("S", 41, 987654)


def test_recycled_pid_is_left_running() -> None:
    mine = processes.identify(os.getpid())
    assert mine is not None
    assert processes.alive(mine)
    earlier = processes.Identity(pid=mine.pid, started=mine.started - 1)
    assert not processes.alive(earlier)
    processes.stop([earlier], grace=0.1)


def test_a_process_is_found_by_its_mark_and_stops(tmp_path: Path) -> None:
    started = processes.spawn(SLEEP, log=tmp_path / "log", folder=tmp_path)
    assert processes.marked(tmp_path) == [started]
    assert processes.marked(tmp_path / "other") == []
    processes.stop([started], grace=5)
    assert not processes.alive(started)
    assert processes.marked(tmp_path) == []


def test_process_ignoring_sigterm_is_killed_with_descendants(tmp_path: Path) -> None:
    script = "trap '' TERM; env -i sleep 60 & echo $! && wait"
    log = tmp_path / "log"
    shell = processes.spawn(("/bin/sh", "-c", script), log=log, folder=tmp_path)
    wait_for("the shell's child", seconds=10, missing=lambda: "" if log.read_text() else "nothing is written")
    child = int(log.read_text())
    family = processes.with_descendants([shell])
    assert [member.pid for member in family] == [shell.pid, child]
    processes.stop(family, grace=0.1)
    assert not [member for member in family if processes.alive(member)]


def test_failed_wait_and_missing_program_are_explained(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match=re.escape("waited 0 s for rain, but the sun shines")):
        wait_for("rain", seconds=0, missing=lambda: "the sun shines")
    with pytest.raises(ClusterError, match="cannot run /no/such: No such file"):
        processes.spawn(("/no/such",), log=tmp_path / "log", folder=tmp_path)


def test_a_lock_is_exclusive_and_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with locked(path, purpose="a test", seconds=1):
        with pytest.raises(ClusterError, match="another process still holds"), locked(path, purpose="it", seconds=0):
            pytest.fail("two hold the lock")
        assert path.exists()
    assert not path.exists()
    with locked(path, purpose="a test", seconds=0):
        assert path.exists()
