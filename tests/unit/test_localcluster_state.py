"""The files about a cluster: its record, and the arguments of its components."""

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcluster import provider, record
from localcluster.cli import main, split
from localcluster.components import namespaces
from localcluster.errors import ClusterError
from localcluster.launcher import RENDER
from localcluster.nodes import NodeKind
from localcluster.paths import cluster_folder, clusters_home
from localcluster.ports import Ports
from localcluster.processes import Identity
from localcluster.record import Record, Running
from localcluster.starting import ready_nodes

PORTS = Ports(etcd=1, etcd_peer=2, apiserver=3, controller_manager=4, scheduler=5, kwok=6)
MAKEFILE = Path(__file__).parents[2] / "Makefile"
RECORD = Record("dkron", "local", "1.36.3", "kwok:5", slot=1, ports=PORTS)


@pytest.fixture(autouse=True)
def homes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@given(st.booleans(), st.lists(st.tuples(st.sampled_from(sorted(RENDER)), st.integers(1), st.integers(0)), max_size=4))
def test_a_record_is_read_as_it_was_written(ready: bool, started: list[tuple[str, int, int]]) -> None:
    components = tuple(Running(name, Identity(pid, since), port=8080) for name, pid, since in started)
    written = replace(RECORD, ready=ready, components=components)
    assert record.load(record.dump(written)) == written


def test_restarted_component_replaces_the_old_one() -> None:
    old, new = Running("etcd", Identity(1, 1), 1), Running("etcd", Identity(2, 2), 1)
    assert RECORD.with_component(old).with_component(new).components == (new,)


def test_a_saved_record_is_found_and_listed(tmp_path: Path) -> None:
    record.save(RECORD)
    assert record.find("dkron") == RECORD
    assert list(record.every()) == [RECORD]
    assert RECORD.folder == tmp_path / "state" / "dkron-operator" / "clusters" / "dkron"


@pytest.mark.parametrize("content", ["", "{", "{}", "[]", '{"name": 1}'])
def test_damaged_record_counts_as_none(content: str) -> None:
    cluster_folder("dkron").mkdir(parents=True)
    (cluster_folder("dkron") / record.FILE).write_text(content)
    assert record.find("dkron") is None


@pytest.mark.parametrize("name", ["", "..", "a/b", "Capital", "-a", "a-", "a" * 41])
def test_a_name_that_would_leave_the_folder_is_refused(name: str) -> None:
    with pytest.raises(ClusterError, match="no cluster name"):
        cluster_folder(name)


def test_a_relative_state_home_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert clusters_home() == Path.home() / ".local/state/dkron-operator/clusters"


@pytest.mark.parametrize(("nodes", "outside"), [("none", False), ("real", True)])
def test_api_server_listens_beyond_loopback_only_for_a_real_node(nodes: str, outside: bool) -> None:
    arguments = RENDER["apiserver"](replace(RECORD, nodes=nodes).layout).argv
    assert ("--bind-address=0.0.0.0" in arguments) is outside
    assert ("--advertise-address=10.245.0.5" in arguments) is outside


def test_folders_that_a_node_cannot_see_are_known() -> None:
    folders = ("/var/lib/ci/state", "/run/user/0", "/var/library", "/root/.local/state")
    assert [namespaces.hidden_by(Path(folder)) for folder in folders] == ["/var/lib", "/run", "", ""]


def test_node_counts_when_ready_and_schedulable() -> None:
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    taint = {"taints": [{"key": "node.kubernetes.io/not-ready"}]}
    items = [{"spec": {}, "status": ready}, {"spec": taint, "status": ready}, {"spec": {}, "status": {}}]
    assert ready_nodes(json.dumps({"items": items})) == 1


@pytest.mark.parametrize(
    ("wanted", "kind", "docker", "expected"),
    [
        pytest.param("auto", NodeKind.REAL, True, "kind", id="a real node where Docker answers"),
        pytest.param("auto", NodeKind.REAL, False, "local", id="a real node without Docker"),
        pytest.param("auto", NodeKind.KWOK, True, "local", id="simulated nodes need no Docker"),
        pytest.param("local", NodeKind.REAL, True, "local", id="local when named"),
        pytest.param("current", NodeKind.REAL, True, "current", id="the caller's own when named"),
    ],
)
def test_the_provider_is_chosen(
    monkeypatch: pytest.MonkeyPatch, *, wanted: str, kind: NodeKind, docker: bool, expected: str
) -> None:
    monkeypatch.setattr("localcluster.kind.available", lambda: docker)
    assert provider.choose(wanted, kind) == expected


@pytest.mark.parametrize(("wanted", "kind"), [("kind", NodeKind.NONE), ("minikube", NodeKind.REAL)])
def test_a_provider_that_cannot_be_had_is_refused(wanted: str, kind: NodeKind) -> None:
    with pytest.raises(ClusterError, match="CLUSTER="):
        provider.choose(wanted, kind)


def test_arguments_after_dashes_belong_to_kubectl() -> None:
    assert split(["kubectl", "--name", "a", "--", "get", "--", "x"]) == (["kubectl", "--name", "a"], ["get", "--", "x"])
    assert split(["status"]) == (["status"], [])


ALIVE, DEAD = (), (Running("etcd", Identity(1, 1), 1),)


@pytest.mark.parametrize(
    ("known", "arguments", "shown"),
    [
        pytest.param({"dkron": ALIVE}, [], "dkron", id="its own"),
        pytest.param({"demo": ALIVE}, ["--or", "demo"], "demo", id="only the other runs"),
        pytest.param({"dkron": ALIVE, "demo": ALIVE}, ["--or", "demo"], "dkron", id="both run"),
        pytest.param({"dkron": DEAD, "demo": ALIVE}, ["--or", "demo"], "demo", id="its own has died"),
        pytest.param({"dkron": ALIVE, "demo": ALIVE}, ["--name", "demo"], "demo", id="the other by its name"),
    ],
)
def test_kubeconfig_belongs_to_the_running_cluster(
    known: dict[str, tuple[Running, ...]], arguments: list[str], shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, components in known.items():
        record.save(replace(RECORD, name=name, ready=True, components=components))
    assert main(["kubeconfig", *arguments]) == 0
    assert capsys.readouterr().out == f"{cluster_folder(shown) / 'kubeconfig'}\n"


def test_missing_cluster_says_how_to_start_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kubeconfig", "--name", "dkron", "--or", "demo"]) == 1
    said = capsys.readouterr().err
    assert said == "cluster: no cluster runs that is called dkron or demo; start one with make cluster or make demo\n"


@pytest.mark.parametrize(
    ("given", "names"),
    [([], "--name dkron --or demo"), (["NAME=mine"], "--name mine"), (["DEMO_NAME=mine"], "--name dkron --or mine")],
)
def test_make_kubeconfig_knows_the_demo(given: list[str], names: str) -> None:
    command = ["make", "--dry-run", "--no-print-directory", "-f", str(MAKEFILE), "kubeconfig", *given]
    clean = {name: text for name, text in os.environ.items() if name not in ("NAME", "DEMO_NAME", "MAKEFLAGS")}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=clean)
    assert done.stdout.strip() == f"hack/cluster kubeconfig {names}"
