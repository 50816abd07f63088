"""The process of the REST API: what it cannot start with, and its end."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import localcluster
from dkron_kube.paths import DKRON_JOBS
from tests.support import waiting
from tests.support.api_process import ApiProcess
from tests.support.api_sites import ApiSite
from tests.support.kube import Kube
from tests.support.rest_jobs import save
from tests.support.sites import install, namespace

pytestmark = pytest.mark.cluster(nodes="none")


@pytest.fixture(scope="module")
def kube(cluster: localcluster.Cluster) -> Iterator[Kube]:
    """A namespace without an API."""
    install(cluster)
    with namespace(cluster.kubeconfig, "no api") as kube:
        yield kube


WRONG: tuple[Any, ...] = (
    pytest.param(("--port", "99999"), 2, ("--port",), id="a port that does not exist"),
    pytest.param(("--nonsense",), 2, ("--nonsense",), id="an option that does not exist"),
    pytest.param(
        ("--kubeconfig", "missing.kubeconfig"), 1, ("missing.kubeconfig",), id="a kubeconfig that is not there"
    ),
    pytest.param(("--context", "moon"), 1, ("moon",), id="a context that is not in the kubeconfig"),
    pytest.param(("--ui-dir", "no-such-folder"), 2, ("no-such-folder",), id="a folder for the UI that is not there"),
    pytest.param(("--host", "192.0.2.1"), 1, ("192.0.2.1",), id="an address that is not ours"),
)


@pytest.mark.parametrize(("options", "code", "words"), WRONG)
def test_failed_start_names_its_cause(
    kube: Kube, tmp_path: Path, *, options: tuple[str, ...], code: int, words: tuple[str, ...]
) -> None:
    ends_with(kube, tmp_path, *options, code=code, words=words)


def test_taken_port_is_reported(kube: Kube, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ends_with(kube, tmp_path, "--port", port, code=1, words=(f"cannot listen on 127.0.0.1 port {port}",))


def ends_with(kube: Kube, folder: Path, *options: str, code: int, words: tuple[str, ...]) -> None:
    """Started with these options, the process ends with this code and says these words."""
    api = ApiProcess(folder / "log", *options, kubeconfig=kube.kubeconfig, namespace=kube.namespace)
    api.start(wait=False)
    assert api.wait() == code, api.tail()
    assert "Traceback" not in api.text()
    assert [word for word in words if word not in api.text()] == [], api.text()


def requests_of(site: ApiSite, name: str) -> list[str]:
    annotations = site.kube.get(DKRON_JOBS, name)["metadata"].get("annotations") or {}
    return [key for key in annotations if key.startswith("run.dkron.io/")]


def test_it_stops_in_order_while_a_client_waits(own_api: ApiSite) -> None:
    save(own_api, "endless")
    with ThreadPoolExecutor(1) as pool:
        waits = pool.submit(_outcome, own_api, "/v1/jobs/endless?wait=true")
        waiting.wait_for("the request", lambda: requests_of(own_api, "endless"), bool, seconds=10)
        own_api.api.stop()
        assert waits.result() != 200


def _outcome(site: ApiSite, path: str) -> int:
    """The status of a POST; 0 if the connection was closed."""
    try:
        return site.rest.post(path).status
    except OSError:
        return 0
