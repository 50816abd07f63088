"""The local cluster itself: what it promises to those who test on it, and that it leaves nothing behind."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import localcluster
from localcluster import addresses, cgroups, processes
from localcluster.paths import cluster_folder
from localcluster.record import Record, find
from tests.support.cluster import Clusters

HACK_CLUSTER = Path(__file__).parents[2] / "hack" / "cluster"
LOCAL_ONLY = pytest.mark.skipif(
    os.environ.get("CLUSTER", "auto") not in {"auto", "local"}, reason="these tests start clusters of their own"
)
START_SECONDS = 110
K8S = os.environ.get("K8S", "")


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(HACK_CLUSTER), *arguments],
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
        env={**os.environ, "CLUSTER": "local"},
    )


def up(name: str, *, controller_flags: str = "") -> localcluster.Cluster:
    return localcluster.up(name, nodes="none", kubernetes=K8S, provider="local", controller_flags=controller_flags)


def eventually(what: str, look: Callable[[], Any], *, seconds: float = 30) -> Any:
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}, and saw {seen!r}"
        time.sleep(0.1)
    return seen


def record_of(name: str) -> Record:
    record = find(name)
    assert record is not None, f"no record of cluster {name}"
    return record


def pod(name: str, *, run: list[str]) -> str:
    container = {"name": "main", "image": "busybox:1.36", "command": run}
    metadata = {"name": name, "labels": {"app": name}}
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}})


def command_line(name: str, component: str) -> str:
    running = record_of(name).component(component)
    assert running is not None
    return Path(f"/proc/{running.identity.pid}/cmdline").read_text(encoding="utf-8").replace("\0", " ")


def has_started(name: str, component: str) -> bool:
    record = find(name)
    return record is not None and record.component(component) is not None


def traces(record: Record) -> list[str]:
    """What there is of a cluster on the host."""
    found = {
        "folder": record.folder.exists(),
        "interface": Path("/sys/class/net", addresses.of_slot(record.slot).interface).exists(),
        "processes": bool(processes.marked(record.folder)),
        "control groups": bool(cgroups.left(record.name)),
        "mounts": str(record.folder) in Path("/proc/self/mounts").read_text(encoding="utf-8"),
    }
    return [what for what, there in found.items() if there]


def shared_state() -> tuple[list[str], list[bool]]:
    """Everything on the host that a kubelet, kube-proxy, containerd or a CNI plugin would change if it could."""
    save = subprocess.run(["iptables-save"], capture_output=True, text=True, timeout=10, check=False).stdout
    rules = [line for line in save.splitlines() if line.startswith("-")]
    folders = ("/run/netns", "/run/containerd", "/var/lib/cni", "/var/lib/kubelet", "/var/log/pods")
    return rules, [Path(folder).exists() for folder in folders]


@pytest.fixture
def name(request: pytest.FixtureRequest, clusters: Clusters) -> Iterator[str]:
    """The name of a cluster that is gone after the test, whatever the test has done to it; its tools are built."""
    clusters.build("none")
    name = f"test-{os.getpid()}-{abs(hash(request.node.name)) % 10_000}"
    yield name
    command("down", "--name", name)


@LOCAL_ONLY
def test_running_cluster_is_reused_and_names_a_dead_component(name: str) -> None:
    first, second = up(name), f"{name}-b"
    try:
        other = up(second)
        first.kubectl("create", "configmap", "only-here")
        with pytest.raises(localcluster.ClusterError, match="no real node"):
            first.load_image(Path("any.tar"))
        with pytest.raises(localcluster.ClusterError, match="NotFound"):
            other.kubectl("get", "configmap", "only-here")
        before = record_of(name)
        first.kubectl("create", "-f", "-", input=pod("waiting", run=["true"]))
        first.kubectl("wait", "--for=condition=PodScheduled=false", "pod/waiting", "--timeout=30s")
        assert "already runs" in command("up", "--name", name, "--nodes", "none").stderr
        assert record_of(name) == before
        assert "stop it first" in command("up", "--name", name, "--nodes", "kwok").stderr
    finally:
        localcluster.get(second).down()
    assert {"folder", "processes"} <= set(traces(before)), "the first must outlive the second"
    first.restart("controller-manager", "--kube-api-qps=1000 --kube-api-burst=2000")
    assert "--kube-api-qps=1000 --kube-api-burst=2000" in command_line(name, "controller-manager")
    with pytest.raises(localcluster.ClusterError, match=r"controller-manager .* has died(?s:.*)unknown flag"):
        first.restart("controller-manager", "--no-such-flag")
    scheduler = before.component("scheduler")
    assert scheduler is not None
    os.kill(scheduler.identity.pid, signal.SIGKILL)
    eventually("the scheduler to die", lambda: not processes.alive(scheduler.identity))
    status = command("status", "--name", name)
    assert status.returncode == 1
    assert re.search(r"scheduler +died", status.stdout)
    last_line = before.layout.log("scheduler").read_text(encoding="utf-8").splitlines()[-1]
    assert f"scheduler of cluster {name} has died" in status.stdout
    assert last_line in status.stdout


@LOCAL_ONLY
def test_failed_start_names_the_culprit_and_ends_the_rest(name: str) -> None:
    started = command("up", "--name", name, "--nodes", "none", "--controller-flags=--no-such-flag")
    assert started.returncode == 1
    assert "controller-manager" in started.stderr
    assert "unknown flag: --no-such-flag" in started.stderr
    assert "Traceback" not in started.stderr
    assert processes.marked(record_of(name).folder) == []


@LOCAL_ONLY
def test_killed_start_is_cleaned_up_by_the_next(name: str, clusters: Clusters) -> None:
    clusters.build("real")
    untouched = shared_state()
    starting = subprocess.Popen(
        [sys.executable, str(HACK_CLUSTER), "up", "--name", name, "--nodes", "real"],
        env={**os.environ, "CLUSTER": "local"},
        stderr=subprocess.DEVNULL,
    )
    folder = cluster_folder(name)
    eventually("containerd to be started", lambda: has_started(name, "containerd"), seconds=60)
    starting.kill()
    starting.wait()
    killed = record_of(name)
    left = processes.marked(folder)
    assert left, "a killed start leaves its processes"

    again = command("up", "--name", name, "--nodes", "real")
    assert again.returncode == 0, again.stderr
    assert "its start did not finish" in again.stderr
    assert not [identity for identity in left if processes.alive(identity)]

    mine = localcluster.get(name)
    mine.kubectl("create", "-f", "-", input=pod("sleeper", run=["sleep", "3600"]))
    mine.kubectl("wait", "--for=condition=Ready", "pod/sleeper", "--timeout=60s")
    running = record_of(name)
    assert {"folder", "interface", "processes", "control groups"} <= set(traces(running))
    mine.down()
    assert traces(running) == []
    assert traces(killed) == []
    assert shared_state() == untouched
