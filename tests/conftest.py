"""Hooks and fixtures for all tests: real clusters (tests/support/cluster.py), seeds, second tries, and what a test may
not leave behind (tests/support/leftovers.py).
"""

import asyncio
import os
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, settings

import localcluster
from localcluster.debian import NoPackages
from tests.support.cluster import Clusters, longest_first, nodes_wanted, time_the_test_alone
from tests.support.examples import PROFILE, examples

pytest_plugins = ["tests.support.leftovers", "tests.support.printed"]

# How long an example takes is the machine's business: speed is measured in bench/.
LENIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("steady", LENIENT, derandomize=True, max_examples=examples())
# Where CI is set, hypothesis would derandomize this one, too.
settings.register_profile("fresh", LENIENT, derandomize=False, print_blob=True)
settings.load_profile(PROFILE)

ENVIRONMENT = {
    r"waited [0-9]+ s for": "a wait had a deadline, and the machine had more to do than it allows for",
    r"Timeout \(>": "the same, of a whole test",
    r"Read timed out": "the same, of a request to the API server",
    r"TimeoutError: timed out": "the same, of a request to the REST API",
    r"timed out (after [0-9.]+ seconds|waiting for the condition)": "the same, of a command or of `kubectl wait`",
    r"Address already in use": "another process took the port between its choice and its use",
    r"a component of the cluster has died": "the kernel ended it, as where memory is short",
}
"""Parts of errors whose cause is the environment, each with that cause. Only a test with one of them is tried again,
and never one of the promise: there a deadline that has passed may be a slot that was lost."""
REASON = 20
"""Lines that are shown before an error, and of it."""
LONGEST = 600
"""Characters of an error in one line."""
LONGEST_VALUE = 38
"""Characters of a text that a parameter shows in the id of a test."""
CLUSTERS = pytest.StashKey[Clusters]()
HALF_MADE = pytest.StashKey[bool]()
"""At a test: a fixture of it has failed. At its file: the fixtures were ended because of that, so that they are made
again."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "cluster(nodes): the test needs a cluster with nodes none, kwok:N or real")
    config.addinivalue_line("markers", "promise: nothing is lost or runs twice: it gets no second try")
    config.addinivalue_line("markers", "restarts: the test restarts programs of a wider fixture")
    # Otherwise pytest-asyncio makes a loop to come back to after its tests, and never closes it.
    asyncio.set_event_loop(None)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "cluster" in metafunc.fixturenames:
        # As a parameter, so that fixtures of every scope can have the cluster that the test's marker names.
        wanted = pytest.param(nodes_wanted(metafunc.definition), id=pytest.HIDDEN_PARAM)
        metafunc.parametrize("cluster", [wanted], indirect=True, scope="session")


def pytest_make_parametrize_id(val: object) -> str | None:
    """A long text as a part of an id, cut: an id has at most 60 characters."""
    if not isinstance(val, str | bytes) or len(val) <= LONGEST_VALUE:
        return None
    return f"{ascii(val).strip('b')[1 : LONGEST_VALUE - 2]}..."


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    default = float(config.getini("timeout") or 0)
    if any(item.get_closest_marker("cluster") for item in items):
        longest_first(items, default=default)
    for item in items:
        time_the_test_alone(item, default=default)
        if config.option.reruns:
            tries = 0 if item.get_closest_marker("promise") else config.option.reruns
            item.add_marker(pytest.mark.flaky(reruns=tries, only_rerun=[*ENVIRONMENT]))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    clusters = item.config.stash.get(CLUSTERS, None)
    if report.failed and clusters is not None:
        report.sections.extend(("a component of the cluster has died", text) for text in clusters.obituaries())
    if report.failed and report.when == "setup":
        item.stash[HALF_MADE] = True
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """A fixture of the file that failed half-way is made again for the second try. Those it has written to have to be
    new as well, or what it writes is there twice. Once for each file: where it fails again, the tests that follow
    should not wait for it."""
    file = item.getparent(pytest.Module)
    half_made = item.stash.get(HALF_MADE, False) and item.config.option.reruns
    if file is not None and half_made and not file.stash.get(HALF_MADE, False):
        file.stash[HALF_MADE] = True
        # pytest has no public way to end the fixtures of a file before its last test. The session keeps its own.
        item.session._setupstate.teardown_exact(item.session)  # type: ignore[arg-type]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None, None, None]:
    with left_out():
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, None, None]:
    with left_out():
        yield


@contextmanager
def left_out() -> Iterator[None]:
    """A test that needs Debian's packages is left out where there are none, and says so."""
    try:
        yield
    except NoPackages as exc:
        pytest.skip(str(exc))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell in one line each what was left out and what failed, and why, which hack/stages.py repeats at the end; and
    why a test was run once more: its fault still needs a fix.
    """
    for why, count in Counter(map(reason, terminalreporter.stats.get("skipped", ()))).items():
        terminalreporter.line(f"left out: {count} test{'s' * (count > 1)}: {why}")
    for said, outcomes in (("failed", ("failed", "error")), ("tried again", ("rerun",))):
        for report in (report for outcome in outcomes for report in terminalreporter.stats.get(outcome, ())):
            terminalreporter.line(f"{said}: {report.nodeid}: {reason(report)}")
    for report in terminalreporter.stats.get("rerun", ()):
        terminalreporter.section(f"the first try of {report.nodeid}", sep="_")
        lines = report.longreprtext.splitlines()
        error = next((n for n, line in enumerate(lines) if line.startswith("E ")), 0)
        terminalreporter.line("\n".join(lines[max(0, error - REASON) : error + REASON]))


def reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """The error of a test, or why it was skipped, in one line of bounded length."""
    if isinstance(report.longrepr, tuple):
        text = report.longrepr[2].removeprefix("Skipped: ")
    else:
        text = str(getattr(getattr(report.longrepr, "reprcrash", None), "message", report.longrepr))
    return " ".join(text.split())[:LONGEST]


@pytest.fixture(scope="session")
def clusters(pytestconfig: pytest.Config) -> Iterator[Clusters]:
    """The session's clusters, started on demand and stopped at its end."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    assert capture is not None
    started = pytestconfig.stash[CLUSTERS] = Clusters(capture.global_and_fixture_disabled)
    yield started
    if os.environ.get("KEEP_CLUSTER") != "1":
        with capture.global_and_fixture_disabled():
            started.stop()


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest, clusters: Clusters) -> localcluster.Cluster:
    """The cluster with the nodes that the marker `cluster` of the test or its module names."""
    return clusters.get(request.param)
