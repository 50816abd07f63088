"""Real clusters for tests, through `hack/localcluster`: each kind of nodes is started at most once per session.

A test, or its module, says which nodes it wants with `@pytest.mark.cluster(nodes="kwok")` and takes the fixture
`cluster`, itself or through fixtures of any scope. `KEEP_CLUSTER=1` leaves them running, `CLUSTER=current`
uses the caller's own.
"""

import os
import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

import localcluster
from localcluster import local, versions
from localcluster.nodes import parse

FIXTURES = {"cluster", "clusters"}
HUNDREDS = 300


class Clusters:
    """The clusters of one session. Names hold the process and a random part: sessions may run side by side."""

    def __init__(self, watched: Callable[[], AbstractContextManager[object]]) -> None:
        self._watched = watched
        self._started: dict[str, localcluster.Cluster] = {}
        self._session = f"test-{os.getpid()}-{secrets.token_hex(2)}"

    def get(self, nodes: str) -> localcluster.Cluster:
        """The session's cluster with such nodes: none, kwok, kwok:5 or real."""
        kind = str(parse(nodes))
        if kind not in self._started:
            # A start takes seconds, but minutes when its tools are built first: its progress must be seen.
            with self._watched():
                self._started[kind] = localcluster.up(
                    f"{self._session}-{kind.replace(':', '-')}",
                    nodes=nodes,
                    kubernetes=os.environ.get("K8S", ""),
                    provider=os.environ.get("CLUSTER") or "auto",
                )
        return self._started[kind]

    def build(self, nodes: str) -> None:
        """Build the tools of a cluster like this, for tests that start their own."""
        with self._watched():
            local.prepare(versions.resolve(os.environ.get("K8S", "")), parse(nodes).kind)

    def obituaries(self) -> list[str]:
        """For each component that has died, its name and the end of its log."""
        return [obituary for cluster in self._started.values() for obituary in cluster.obituaries()]

    def stop(self) -> None:
        """Stop all that were started."""
        for cluster in self._started.values():
            cluster.down()
        self._started.clear()


def nodes_wanted(item: pytest.Item) -> str:
    """The arguments of the test's marker."""
    marker = item.get_closest_marker("cluster")
    if marker is None or set(marker.kwargs) != {"nodes"} or marker.args:
        raise pytest.UsageError(f'{item.nodeid}: say which nodes the cluster needs, @pytest.mark.cluster(nodes="none")')
    return str(marker.kwargs["nodes"])


def timeout_of(item: pytest.Item, *, default: float) -> float:
    """Seconds that the test may take."""
    own = item.get_closest_marker("timeout")
    return float(own.args[0] if own.args else own.kwargs.get("timeout", default)) if own else default


def time_the_test_alone(item: pytest.Item, *, default: float) -> None:
    """Keep the test's timeout, but do not count the start of its cluster, which has deadlines of its own."""
    if not isinstance(item, pytest.Function) or not FIXTURES & set(item.fixturenames):
        return
    item.add_marker(pytest.mark.timeout(timeout_of(item, default=default), func_only=True), append=False)


def longest_first(items: list[pytest.Item], *, default: float) -> None:
    """Order files for workers that take one at a time: a long one that begins last is waited for by all.

    Long are those that may take longest, then those with hundreds of tests, then those with few: dozens of tests ask
    short questions, and hundreds take minutes all the same.
    """
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)

    def length(tests: list[pytest.Item]) -> tuple[float, bool, int]:
        return max(timeout_of(test, default=default) for test in tests), len(tests) > HUNDREDS, -len(tests)

    items[:] = [item for tests in sorted(files.values(), key=length, reverse=True) for item in tests]
