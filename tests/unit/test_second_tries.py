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
FAILS_ONCE = """
import pytest
tries = []

def once(text):
    tries.append(text)
    if len(tries) == 1:
        raise AssertionError(text)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "conftest.py").write_text("from tests.conftest import *\n")
    return tmp_path


def outcome(folder: Path, text: str, *options: str, **environment: str) -> str:
    """What pytest says of these tests."""
    (folder / "test_small.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, f"--rootdir={folder}", *options, str(folder)], cwd=ROOT, capture_output=True, text=True,
        timeout=SECONDS, check=False, env={**os.environ, **environment},
    )  # fmt: skip
    return done.stdout + done.stderr


TRIES = """
def test_a_deadline():
    once("waited 30 s for the moon")

@pytest.mark.promise
def test_a_slot():
    raise AssertionError("waited 30 s for the slot")

def test_a_fault():
    raise AssertionError("two and two are five")
"""


def test_only_a_cause_of_the_environment_gets_a_second_try_and_the_promise_never(folder: Path) -> None:
    said = outcome(folder, FAILS_ONCE + TRIES, "--reruns", "1")
    assert re.search(r"\b2 failed, 1 passed, 1 rerun\b", said), said
    assert "the first try of" in said
    assert re.search(r"^RERUN .*test_a_deadline", said, re.MULTILINE), said


def test_without_reruns_nothing_gets_one(folder: Path) -> None:
    assert re.search(r"\b3 failed in\b", outcome(folder, FAILS_ONCE + TRIES))


@pytest.mark.parametrize("pattern", ENVIRONMENT)
def test_each_cause_is_a_pattern_with_a_reason(pattern: str) -> None:
    assert re.compile(pattern)
    assert len(ENVIRONMENT[pattern].split()) > 3


LEFT = """
import asyncio, socket, subprocess, threading

def test_a_socket():
    found = [socket.socket()]
    found.append(found)  # only the collector finds it

async def test_a_task():
    asyncio.get_running_loop().kept = asyncio.create_task(asyncio.sleep(3600))

def test_a_thread():
    threading.Thread(target=threading.Event().wait, args=(60,), name="kept", daemon=True).start()

kept = []
def test_a_child():
    kept.append(subprocess.Popen(["sleep", "60"]))

def test_an_innocent():
    pass

def test_the_end():
    for child in kept:
        child.kill()
        child.wait()
"""


def test_what_a_test_leaves_open_fails_that_test(folder: Path) -> None:
    said = outcome(folder, LEFT, "-rA")
    failed = {*re.findall(r"^(?:ERROR|FAILED) \S+::(\w+)", said, re.MULTILINE)}
    assert failed == {"test_a_socket", "test_a_task", "test_a_thread", "test_a_child"}, said
    assert "unclosed <socket.socket" in said
    assert "the test has left tasks behind: <coroutine object sleep" in said
    assert "the test has left behind: kept" in said
    assert re.search(r"the test has left behind: process \d+, sleep 60", said)


WITHOUT_DEBIAN = """
import pytest
from localcluster.debian import NoPackages

@pytest.fixture(scope="module")
def broker():
    raise NoPackages("rabbitmq-server comes from Debian's packages, and there is no apt-get")

def test_one(broker):
    pass

def test_another(broker):
    pass

def test_by_itself():
    raise NoPackages("prometheus comes from Debian's packages, and there is no apt-get")
"""


def test_what_needs_packages_is_left_out_where_there_are_none(folder: Path) -> None:
    said = outcome(folder, WITHOUT_DEBIAN)
    assert re.search(r"\b3 skipped in\b", said), said
    assert "SKIPPED [2]" in said, "both tests of the fixture"
    assert "there is no apt-get" in said


EXAMPLES = """
from hypothesis import given, settings, strategies as st
seen = []

@given(st.integers())
@settings(max_examples=20, database=None)
def test_numbers(number):
    seen.append(number)

def test_which():
    print("seen", hash(tuple(seen)))
"""


def test_examples_are_the_same_each_time_and_fresh_by_night(folder: Path) -> None:
    def seen(profile: str) -> str:
        said = outcome(folder, EXAMPLES, "-s", HYPOTHESIS_PROFILE=profile)
        found = re.search(r"seen (-?\d+)", said)
        assert found, said
        return found[1]

    assert seen("steady") == seen("steady")
    assert seen("fresh") != seen("fresh")
