"""A leftover fails the test that leaves it, and not the one that happens to run when it is noticed: sockets and files,
tasks, threads, child processes. A plugin of pytest.

A leftover of a fixture of a wider scope may stay until the fixture ends.
"""

import asyncio
import contextlib
import gc
import re
import threading
import time
from asyncio import Runner
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from _pytest.unraisableexception import collect_unraisable

from localcluster.record import every

OTHERS = re.compile(r"background$|serves_|.*\(process_request_thread\)$")
"""Threads that are not a test's, though one may have had them begin: what goes on for the session, and what a server
has begun for a request. A server is to be closed itself."""
FORKS = "from multiprocessing."
"""Processes that hold what is forked for the tests of a folder (forks.py). They begin when one is first wanted."""
SECONDS = 5.0
"""How long something that was told to end may take."""
TURNS = 10
"""Turns of a loop after which a task that was cancelled has ended."""
PAUSE = 0.01

YOUNG, OLDEST = 1, 2
"""Generations to collect: what this test has made, and all. The latter takes 50 ms and is due once for each file."""
RARELY = (100_000, 50, 50)
"""Thresholds of the collector by which what a test has made is still young at its end."""

Left = frozenset[tuple[str, int]]
RUNNER = "_function_scoped_runner"
"""The fixture of pytest-asyncio that has the loop of a test."""


class Leftovers:
    """Looks before and after each test."""

    def __init__(self) -> None:
        self._expected: Left = frozenset()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self) -> Generator[None, None, None]:
        """Leftovers from before the test are not its own."""
        self._expected = there()
        yield

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, object, object]:
        """Leftovers of a wider fixture are not the test's either. The tasks of a test end before its loop is closed."""
        before = there() if fixturedef.scope != "function" else frozenset()
        made = yield
        if fixturedef.scope != "function":
            self._expected |= there() - before
        if fixturedef.argname == RUNNER and isinstance(made, Runner):
            fixturedef.addfinalizer(lambda: no_tasks(made))
        return made

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, None, None]:
        """After all fixtures of the test. pytest would notice what is collected here in the test that follows."""
        yield
        is_last_of_file = nextitem is None or nextitem.path != item.path
        gc.collect(OLDEST if is_last_of_file else YOUNG)
        collect_unraisable(item.config)
        if is_last_of_file:
            # Leftovers of this file need not be looked at again after each further file.
            gc.freeze()
        deadline = time.monotonic() + SECONDS
        # A test that starts programs of a wider fixture again leaves them to that.
        kinds = {"thread"} if item.get_closest_marker("restarts") else {"thread", "process"}
        while left := {each for each in own(there() - self._expected) if each[0] in kinds}:
            if time.monotonic() > deadline:
                pytest.fail(
                    f"the test has left behind: {', '.join(sorted(_described(*each) for each in left))}", pytrace=False
                )
            time.sleep(PAUSE)


def pytest_configure(config: pytest.Config) -> None:
    gc.set_threshold(*RARELY)
    config.pluginmanager.register(Leftovers(), "leftovers")


def pytest_collection_finish() -> None:
    """An import stays for good, and need not be looked at again after each test."""
    gc.collect()
    gc.freeze()


def there() -> Left:
    """The threads, and the child processes that run."""
    return frozenset([*_threads(), *_children()])


def own(left: Left) -> Left:
    """Without what a test may begin for all: components of a cluster that were restarted, and where forks come from."""
    if not left:
        return left
    components = {running.identity.pid for record in every() for running in record.components}
    return frozenset(
        (what, number)
        for what, number in left
        if what != "process" or not (number in components or FORKS in _command(number))
    )


def no_tasks(runner: Runner) -> None:
    """Fail if tasks of the loop still go on: closing it would cancel them, and no test would know."""
    loop = runner.get_loop()
    for _ in range(TURNS):
        if not asyncio.all_tasks(loop):
            return
        loop.run_until_complete(asyncio.sleep(0))
    left = sorted(f"{task.get_coro()}" for task in asyncio.all_tasks(loop))
    if left:
        pytest.fail(f"the test has left tasks behind: {', '.join(left)}", pytrace=False)


def _threads() -> Iterator[tuple[str, int]]:
    for thread in threading.enumerate():
        if not OTHERS.match(thread.name) and thread.ident is not None:
            yield "thread", thread.ident


def _children() -> Iterator[tuple[str, int]]:
    for path in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):
            yield from (("process", int(pid)) for pid in path.read_text().split() if _runs(int(pid)))


def _described(what: str, number: int) -> str:
    if what == "process":
        return f"process {number}, {_command(number) or 'which has ended'}"
    return next((thread.name for thread in threading.enumerate() if thread.ident == number), "a thread")


def _runs(pid: int) -> bool:
    """Not if it has ended and was not waited for: that costs nothing, and its owner is told when it goes. Its command
    says nothing about that: it is empty for a moment at each start, too."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in {"Z", "X"}


def _command(pid: int) -> str:
    """Empty for one that has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""
