"""The programs that `make demo` starts beside a cluster, and each request that its last words offer to copy."""

import json
import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import localcluster
from demo import farewell
from demo import install as demo_install
from demo.farewell import Whereabouts, how_to_go_on
from demo.programs import Programs
from tests.support.kube import Kube
from tests.support.sites import install, namespace

pytestmark = pytest.mark.cluster(nodes="real")

SECONDS = "60"
STREAM = 28
"""What curl ends with when its time is over: that is how a stream ends here."""


@pytest.fixture(scope="module")
def kube(cluster: localcluster.Cluster) -> Iterator[Kube]:
    """A new namespace."""
    install(cluster)
    with namespace(cluster.kubeconfig, "demo-api") as own:
        yield own


@pytest.fixture(scope="module")
def programs(cluster: localcluster.Cluster, kube: Kube, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Programs]:
    """The operator and the API of the namespace."""
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("DKRON_API_PORT", raising=False)
        started = Programs(tmp_path_factory.mktemp("demo"))
        try:
            started.restart(kubeconfig=cluster.kubeconfig, namespace=kube.namespace, only_here=True)
            demo_install.create_account(cluster, kube.namespace)
            header = f"Authorization: Bearer {demo_install.token(cluster, kube.namespace)}"
            environment.setenv(farewell.HEADER.removeprefix("$"), header)
            yield started
        finally:
            started.stop()


def requests(programs: Programs) -> list[list[str]]:
    """The lines for curl, as a shell would split them."""
    where = Whereabouts(
        programs.folder, programs.operator.log, programs.api_url, "default", make_arguments="", kubectl_folder=None,
        dkronctl=programs.folder,
    )  # fmt: skip
    lines = how_to_go_on(where).splitlines()
    curls = [shlex.split(line, comments=True) for line in lines if line.startswith("  curl ")]
    return [[os.path.expandvars(word) for word in words] for words in curls]


def curl(words: list[str], *, seconds: str = SECONDS, ends: int = 0) -> str:
    done = subprocess.run([*words, "--silent", "--max-time", seconds], capture_output=True, text=True, check=False)
    assert done.returncode == ends, f"{shlex.join(words)}: {done.stderr}{done.stdout}"
    return done.stdout


def answer(words: list[str]) -> Any:
    return json.loads(curl(words))


def test_each_request_of_the_closing_hints_works(programs: Programs) -> None:
    listing, creation, run, executions, upcoming, events = requests(programs)
    assert answer(listing) == []
    assert answer(creation)["name"] == "mine"
    assert [job["name"] for job in answer(listing)] == ["mine"]
    ended = answer(run)
    assert (ended["success_count"], ended["error_count"], ended["status"]) == (1, 0, "success")
    assert "UTC" in answer(executions)[0]["output"]
    assert len(answer(upcoming)["next"]) == 3
    assert "event: leader" in curl(events, seconds="6", ends=STREAM)
    assert "this API needs a token" in curl(["curl", listing[-1]])


@pytest.mark.restarts
def test_restarted_demo_keeps_its_address(programs: Programs, kube: Kube) -> None:
    before, address = programs.api.running(), programs.api_url
    again = Programs(Path(programs.folder))
    again.restart(kubeconfig=kube.kubeconfig, namespace=kube.namespace, only_here=True)
    assert again.api.running() != before
    assert again.api_url == address


def test_leader_reports_its_address_outside_of_a_pod(programs: Programs) -> None:
    listing, *_ = requests(programs)
    asking = listing[:-1]
    leader = answer([*asking, "--retry", "20", "--retry-all-errors", "--fail", f"{programs.api_url}/v1/leader"])
    assert leader["Addr"]
    members = answer([*asking, f"{programs.api_url}/v1/members"])
    assert leader["Addr"] in {member["Addr"] for member in members}
