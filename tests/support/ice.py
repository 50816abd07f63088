"""An API server that takes connections and answers nothing, as one under too much load or behind a broken network."""

import contextlib
import os
import signal
from collections.abc import Iterator

import localcluster
from localcluster.record import find


@contextlib.contextmanager
def ice(cluster: localcluster.Cluster) -> Iterator[None]:
    """Within this the API server's process stands still."""
    signal_server(cluster, signal.SIGSTOP)
    try:
        yield
    finally:
        signal_server(cluster, signal.SIGCONT)


def signal_server(cluster: localcluster.Cluster, number: signal.Signals) -> None:
    """Send it a signal."""
    record = find(cluster.name)
    assert record is not None
    server = record.component("apiserver")
    assert server is not None
    os.kill(server.identity.pid, number)
