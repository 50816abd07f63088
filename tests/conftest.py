"""Hooks and fixtures for all tests: real clusters, see tests/support/cluster.py."""

import asyncio
import os
from collections.abc import Generator, Iterator

import pytest
from hypothesis import HealthCheck, settings

import localcluster
from tests.support.cluster import Clusters, longest_first, nodes_wanted, time_the_test_alone

# How long an example takes is the machine's business: speed is measured in bench/.
settings.register_profile("dkron-operator", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("dkron-operator")

DEADLINES = (r"waited [0-9]+ s for", r"Timeout \(>", r"Read timed out")
"""What an error says that has to do with the machine: a deadline of a wait, a test or a request has passed."""
REASON = 20
"""Lines that are shown before an error, and of it."""
CLUSTERS = pytest.StashKey[Clusters]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "cluster(nodes): the test needs a cluster with nodes none, kwok:N or real")
    config.addinivalue_line("markers", "promise: nothing is lost or runs twice: only a deadline gets another try")
    # Otherwise pytest-asyncio makes a loop to come back to after its tests, and nobody closes that.
    asyncio.set_event_loop(None)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "cluster" in metafunc.fixturenames:
        # As a parameter, so that fixtures of every scope can have the cluster that the test's marker names.
        wanted = pytest.param(nodes_wanted(metafunc.definition), id=pytest.HIDDEN_PARAM)
        metafunc.parametrize("cluster", [wanted], indirect=True, scope="session")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    default = float(config.getini("timeout") or 0)
    if any(item.get_closest_marker("cluster") for item in items):
        longest_first(items, default=default)
    for item in items:
        time_the_test_alone(item, default=default)
        if config.option.reruns and item.get_closest_marker("promise"):
            item.add_marker(pytest.mark.flaky(reruns=config.option.reruns, only_rerun=[*DEADLINES]))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    clusters = item.config.stash.get(CLUSTERS, None)
    if report.failed and clusters is not None:
        report.sections.extend(("a component of the cluster has died", text) for text in clusters.obituaries())
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell why a test was run once more: what is wrong with it is to be mended all the same."""
    for report in terminalreporter.stats.get("rerun", ()):
        terminalreporter.section(f"the first try of {report.nodeid}", sep="_")
        lines = report.longreprtext.splitlines()
        error = next((n for n, line in enumerate(lines) if line.startswith("E ")), 0)
        terminalreporter.line("\n".join(lines[max(0, error - REASON) : error + REASON]))


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
