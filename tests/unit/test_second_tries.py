"""Which test gets a second try, what a test may not leave behind, and which examples hypothesis takes: by running
pytest with the hooks of all tests on small ones.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ENVIRONMENT

ROOT = Path(__file__).parents[2]
SECONDS = 100
SMALL = """
import asyncio, socket, subprocess, threading
import pytest
from hypothesis import given, settings, strategies as st
from localcluster.debian import NoPackages

tries, kept, seen, stores, shelves = [], [], [], [], []

def test_a_deadline():
    tries.append("once")
    if len(tries) == 1:
        raise AssertionError("waited 30 s for the moon")

@pytest.mark.promise
def test_a_slot():
    raise AssertionError("waited 30 s for the slot")

def test_a_fault():
    raise AssertionError("two and two are five")

def test_a_socket():
    found = [socket.socket()]
    found.append(found)  # only the collector finds it

async def test_a_task():
    asyncio.get_running_loop().kept = asyncio.create_task(asyncio.sleep(3600))

def test_a_thread():
    threading.Thread(target=threading.Event().wait, args=(60,), name="kept", daemon=True).start()

def test_a_child():
    kept.append(subprocess.Popen(["sleep", "60"]))

def test_an_innocent():
    for child in kept:
        child.kill()
        child.wait()

@pytest.fixture(scope="module")
def broker():
    raise NoPackages("rabbitmq-server comes from Debian's packages, and there is no apt-get")

def test_one(broker):
    pass

def test_another(broker):
    pass

def test_by_itself():
    raise NoPackages("prometheus comes from Debian's packages, and there is no apt-get")

@given(st.integers())
@settings(max_examples=20, database=None)
def numbers(number):
    seen.append(number)

@pytest.fixture(scope="module")
def store():
    stores.append("made")
    number = len(stores)
    yield (written := [])
    print("store", number, "ends with", written)

@pytest.fixture(scope="module")
def shelf(store):
    store.append("a book")
    if not shelves:
        shelves.append("built")
        raise AssertionError("waited 30 s for a shelf")
    return store

def test_a_shelf(shelf):
    assert shelf == ["a book"]

def test_examples():
    numbers()
    first = [*seen]
    seen.clear()
    numbers()
    print("examples are", "the same" if seen == first else "fresh")
"""
CONFTEST = """
from tests.conftest import *

def pytest_sessionstart():
    from tests.support import leftovers

    leftovers.SECONDS = 0.5
"""
LEAVES_BEHIND = {"test_a_socket", "test_a_task", "test_a_thread", "test_a_child"}


def outcome(folder: Path, *options: str, profile: str) -> str:
    """What pytest says of the small tests."""
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_small.py").write_text(SMALL)
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "-p", "no:cacheprovider", "-rAR"]
    done = subprocess.run(
        [*command, f"--rootdir={folder}", *options, str(folder)], cwd=ROOT, capture_output=True, text=True,
        timeout=SECONDS, check=False, env={**os.environ, "HYPOTHESIS_PROFILE": profile},
    )  # fmt: skip
    return done.stdout + done.stderr


def failed(said: str) -> set[str]:
    return {*re.findall(r"^(?:ERROR|FAILED) \S+::(\w+)", said, re.MULTILINE)}


def test_leftovers_fail_their_test_and_no_test_reruns_by_default(tmp_path: Path) -> None:
    said = outcome(tmp_path, profile="steady")
    once = {"test_a_deadline", "test_a_slot", "test_a_fault", "test_a_shelf"}
    assert failed(said) == LEAVES_BEHIND | once, said
    assert "unclosed <socket.socket" in said
    assert "the test has left tasks behind: <coroutine object sleep" in said
    assert "the test has left behind: kept" in said
    assert re.search(r"the test has left behind: process \d+, sleep 60", said)
    assert re.search(r"\b3 skipped\b", said), "what needs packages is left out where there are none"
    assert "SKIPPED [2]" in said, "both tests of the fixture"
    why = "comes from Debian's packages, and there is no apt-get"
    assert re.findall(r"^left out: (.*)", said, re.MULTILINE) == [
        f"2 tests: rabbitmq-server {why}", f"1 test: prometheus {why}",
    ]  # fmt: skip
    assert "examples are the same" in said


def test_only_environment_failures_rerun_and_never_a_promise(tmp_path: Path) -> None:
    said = outcome(tmp_path, "--reruns", "1", profile="fresh")
    assert failed(said) == LEAVES_BEHIND | {"test_a_slot", "test_a_fault"}, said
    assert re.search(r"\b2 rerun\b", said), said
    ends = {*re.findall(r"^store (\d) ends with \['a book'\]$", said, re.MULTILINE)}
    assert ends == {"1", "2"}, "the second try of a fixture makes all fixtures of its file again"
    assert "the first try of" in said
    assert re.search(r"^RERUN .*test_a_deadline", said, re.MULTILINE), said
    assert "examples are fresh" in said, "by night"


@pytest.mark.parametrize("pattern", ENVIRONMENT)
def test_each_cause_is_a_pattern_with_a_reason(pattern: str) -> None:
    assert re.compile(pattern)
    assert len(ENVIRONMENT[pattern].split()) > 3
