"""etcd that is restored from a snapshot: what came after it is forgotten, and the numbers of versions go back.

Needs a local cluster of its own: all who ask this one go back in time as well.
"""

import base64
import http.client
import json
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import localcluster
from localcluster import processes
from localcluster.launcher import Launcher
from localcluster.record import Record, find

GRACE = 5.0
CLIENTS = ("controller-manager", "scheduler", "kwok")
"""The components that have seen more than there is after a restore. Kubernetes advises to restart these."""


def snapshot(cluster: localcluster.Cluster, folder: Path) -> Path:
    """What etcd holds now, as a copy in this folder. etcd is away for a moment; everybody else waits for it."""
    launcher = _launcher(cluster)
    _stop(launcher.record, ["etcd"])
    copy = folder / "snapshot"
    shutil.copytree(_data(launcher.record), copy)
    launcher.run("etcd")
    launcher.wait_ready("etcd", "apiserver")
    return copy


def restore(cluster: localcluster.Cluster, copy: Path) -> None:
    """Have etcd hold what it held then, as an administrator does it: everything is stopped that asks it, put back, and
    started again."""
    launcher = _launcher(cluster)
    gone = ("apiserver", *CLIENTS, "etcd")
    _stop(launcher.record, gone)
    launcher.record = _without(launcher.record, gone)
    shutil.rmtree(_data(launcher.record))
    shutil.copytree(copy, _data(launcher.record))
    for name in ("etcd", "apiserver"):
        launcher.run(name)
    launcher.wait_ready("etcd", "apiserver")
    for name in CLIENTS:
        launcher.run(name)


def advance(cluster: localcluster.Cluster, versions: int) -> None:
    """Have others write so many versions: what is lost then does not come back by itself within a test."""
    record = _launcher(cluster).record
    connection = http.client.HTTPConnection("127.0.0.1", record.ports.etcd, timeout=10)
    try:
        key = base64.b64encode(b"/others").decode()
        for number in range(versions):
            body = json.dumps({"key": key, "value": base64.b64encode(str(number).encode()).decode()})
            connection.request("POST", "/v3/kv/put", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status == http.client.OK, text
    finally:
        connection.close()


def _launcher(cluster: localcluster.Cluster) -> Launcher:
    record = find(cluster.name)
    assert record is not None, f"no record of cluster {cluster.name}"
    return Launcher(record)


def _without(record: Record, names: tuple[str, ...]) -> Record:
    """Stopped components are started again."""
    return replace(record, components=tuple(each for each in record.components if each.name not in names))


def _data(record: Record) -> Path:
    return record.folder / "etcd"


def _stop(record: Record, names: Iterable[str]) -> None:
    for name in names:
        running = record.component(name)
        assert running is not None, f"cluster {record.name} has no {name}"
        processes.stop([running.identity], grace=GRACE)
