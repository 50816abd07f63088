"""The REST API where something is not as it should be: it says so in a sentence, and goes on with what it can."""

import contextlib
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
from tests.support.api_sites import ApiSite, api_for
from tests.support.ice import ice
from tests.support.kube import Kube
from tests.support.rest import Answer
from tests.support.rest_jobs import body, save, shown, until
from tests.support.rights import Rules, change_rights, limited_access, without
from tests.support.sites import install, namespace

pytestmark = pytest.mark.cluster(nodes="kwok")

STARTED = "listening on http://"
READ = ("get", "list", "watch")
NEEDED: Rules = {
    ("dkron.io", "dkronjobs"): (*READ, "create", "patch", "delete"),
    ("dkron.io", "dkronjobs/status"): ("patch",),
    ("dkron.io", "dkronclusters"): (*READ, "create", "patch"),
    ("dkron.io", "dkronpolicies"): (*READ, "create", "patch", "delete"),
    ("coordination.k8s.io", "leases"): (*READ, "patch"),
    ("", "pods"): ("list",),
    ("", "pods/log"): ("get",),
}
"""All that the API needs in its namespace; nodes are cluster-wide and not needed."""


@pytest.fixture
def kube(cluster: localcluster.Cluster, request: pytest.FixtureRequest) -> Iterator[Kube]:
    """A namespace without an API."""
    install(cluster)
    with namespace(cluster.kubeconfig, request.node.name.removeprefix("test_")) as kube:
        yield kube


@contextlib.contextmanager
def limited(kube: Kube, rules: Rules, folder: Path) -> Iterator[ApiSite]:
    """An API that has these rights alone, and may not be able to read anything."""
    access = limited_access(kube, rules, folder=folder)
    api = ApiProcess(folder / "api.log", kubeconfig=access, namespace=kube.namespace).start(wait=False)
    try:
        api.wait_for_line(STARTED)
        yield ApiSite(kube, api, api.rest)
        api.stop()
    finally:
        if api.running:
            api.kill()


def refused(answer: Answer, status: int, *words: str) -> None:
    """A refusal of this status whose sentence has these words."""
    assert answer.status == status, answer
    assert [word for word in words if word not in answer.text] == [], answer


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
def test_what_it_cannot_start_with_is_told(
    kube: Kube, tmp_path: Path, *, options: tuple[str, ...], code: int, words: tuple[str, ...]
) -> None:
    api = ApiProcess(tmp_path / "log", *options, kubeconfig=kube.kubeconfig, namespace=kube.namespace)
    api.start(wait=False)
    assert api.wait() == code, api.tail()
    assert "Traceback" not in api.text()
    assert [word for word in words if word not in api.text()] == [], api.text()


def test_a_port_that_is_taken_is_told(kube: Kube, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        api = ApiProcess(tmp_path / "log", "--port", port, kubeconfig=kube.kubeconfig, namespace=kube.namespace)
        api.start(wait=False)
        assert api.wait() == 1, api.tail()
    assert "Traceback" not in api.text()
    assert f"cannot listen on 127.0.0.1 port {port}" in api.text()


def test_reads_go_on_while_the_api_server_does_not_answer(cluster: localcluster.Cluster, own_api: ApiSite) -> None:
    save(own_api, "known", owner="Ann")
    paths = ("/v1/jobs", "/v1/jobs/known", "/v1/busy", "/v1/pause", "/v1", "/v1/stats", "/health")
    with ThreadPoolExecutor(1) as pool:
        with ice(cluster):
            write = pool.submit(own_api.rest.put, "/v1/jobs/known", body("known", owner="Bob"))
            reads = [own_api.rest.get(path) for path in paths]
        assert {answer.status for answer in reads} == {200}, [str(answer) for answer in reads]
        assert write.result().status == 201, write.result()
    assert shown(own_api, "known")["owner"] == "Bob"


def test_it_follows_again_after_the_api_server_was_restarted(cluster: localcluster.Cluster, own_api: ApiSite) -> None:
    save(own_api, "before")
    cluster.restart("apiserver")
    until(own_api, "/v1/jobs/before", lambda answer: answer.status == 200)
    own_api.kube.create(DKRON_JOBS, {**_job("after"), "metadata": {"name": "after"}})
    until(own_api, "/v1/jobs/after", lambda answer: answer.status == 200)
    own_api.kube.delete(DKRON_JOBS, "before")
    until(own_api, "/v1/jobs/before", lambda answer: answer.status == 404)
    own_api.api.check()


def _job(name: str) -> dict[str, Any]:
    spec = {"schedule": "@manually", "executorConfig": {"command": "true"}}
    return {"apiVersion": "dkron.io/v1alpha1", "kind": "DkronJob", "metadata": {"name": name}, "spec": spec}


def test_without_rights_it_says_which_it_lacks_until_it_has_them(kube: Kube, tmp_path: Path) -> None:
    with limited(kube, {}, tmp_path) as site:
        lacking = until(site, "/v1/jobs", lambda answer: "dkronjobs" in answer.text)
        refused(lacking, 503, "dkronjobs", "list")
        assert lacking.header("Retry-After"), lacking
        for path in ("/v1/jobs/some", "/v1/busy", "/v1/stats", "/v1"):
            refused(site.rest.get(path), 503)
        health = site.rest.get("/health")
        assert (health.status, health.json()["status"]) == (503, "unhealthy")
        assert health.json()["issues"]
        change_rights(kube, NEEDED)
        until(site, "/v1/jobs", lambda answer: answer.status == 200)
        until(site, "/health", lambda answer: answer.status == 200)
        assert site.rest.post("/v1/jobs", body("new")).status == 201


def test_the_rights_that_it_needs_are_enough(kube: Kube, tmp_path: Path) -> None:
    with limited(kube, NEEDED, tmp_path) as site:
        site.wait_all_read()
        until(site, "/v1/jobs", lambda answer: answer.status == 200)
        save(site, "parent")
        save(site, "kid", parent_job="parent")
        for method, path, status in (
            ("POST", "/v1/jobs/parent/toggle", 200),
            ("POST", "/v1/jobs/kid", 202),
            ("DELETE", "/v1/jobs/kid/executions", 200),
            ("DELETE", "/v1/jobs/kid", 200),
            ("POST", "/v1/pause", 200),
            ("POST", "/v1/unpause", 200),
            ("POST", "/v1/leave", 200),
            ("GET", "/v1/members", 200),
        ):
            answer = site.rest.request(method, path)
            assert answer.status == status, answer
        policy = {"Name": "p", "Rules": '{"path":{}}'}
        assert site.rest.post("/v1/acl/policies/p", policy).status == 202
        assert site.rest.delete("/v1/acl/policies/p").status == 200


@pytest.mark.parametrize(
    ("verb", "method", "path"),
    [
        pytest.param("create", "POST", "/v1/jobs", id="creating"),
        pytest.param("patch", "POST", "/v1/jobs/known/toggle", id="changing"),
        pytest.param("delete", "DELETE", "/v1/jobs/known", id="deleting"),
    ],
)
def test_a_right_that_it_lacks_is_403_with_kubernetes_sentence(
    kube: Kube, tmp_path: Path, *, verb: str, method: str, path: str
) -> None:
    kube.create(DKRON_JOBS, _job("known"), fieldManager="kubectl-create")
    with limited(kube, without(NEEDED, "dkronjobs", verb), tmp_path) as site:
        until(site, "/v1/jobs/known", lambda answer: answer.status == 200)
        sent = body("new") if path == "/v1/jobs" else None
        refused(site.rest.request(method, path, sent), 403, verb, "dkronjobs", kube.namespace)


def test_more_requests_than_the_rate_get_429(own_api: ApiSite, tmp_path_factory: pytest.TempPathFactory) -> None:
    with api_for(own_api.kube, tmp_path_factory.mktemp("slow"), "--rate", "5") as site:
        answers = [site.rest.get("/v1/jobs") for _ in range(40)]
        limited = [answer for answer in answers if answer.status == 429]
        assert limited
        assert {answer.status for answer in answers} == {200, 429}
        assert all(int(answer.header("Retry-After") or 0) >= 1 for answer in limited)
        assert site.rest.get("/health").status == 200


def test_answers_that_stay_open_are_limited(own_api: ApiSite, tmp_path_factory: pytest.TempPathFactory) -> None:
    options = ("--max-streams", "1", "--max-wait", "2")
    with api_for(own_api.kube, tmp_path_factory.mktemp("narrow"), *options) as site, ThreadPoolExecutor(1) as pool:
        save(site, "endless")
        # Nobody runs it, so the wait ends by its limit, with the answer that it has begun.
        first = pool.submit(site.rest.post, "/v1/jobs/endless?wait=true")
        asked = waiting.wait_for("the request", lambda: requests_of(site, "endless"), bool, seconds=10)
        assert len(asked) == 1
        refused(site.rest.post("/v1/jobs/endless?wait=true"), 503)
        assert site.rest.get("/v1/jobs/endless").status == 200
        assert first.result().status == 202


def requests_of(site: ApiSite, name: str) -> list[str]:
    annotations = site.kube.get(DKRON_JOBS, name)["metadata"].get("annotations") or {}
    return [key for key in annotations if key.startswith("run.dkron.io/")]


def test_it_stops_in_order_while_somebody_waits(own_api: ApiSite) -> None:
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


def test_clients_that_go_away_in_the_middle_leave_no_trace(shared_api: ApiSite) -> None:
    post = b"Host: a\r\nContent-Length: 100\r\n"
    form = b"Content-Type: multipart/form-data; boundary=b\r\n"
    halves = (
        b"POST /v1/jobs HTTP/1.1\r\n" + post + b"\r\n{",
        b"POST /v1/restore HTTP/1.1\r\n" + post + form + b"\r\n--b\r\n",
        b"GET /v1/jobs HT",
    )
    for half in halves:
        with socket.create_connection((shared_api.rest.host, shared_api.rest.port)) as connection:
            connection.sendall(half)
    assert shared_api.rest.get("/v1/jobs").status == 200
    shared_api.api.wait_for_line("POST /v1/restore")
