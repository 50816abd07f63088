"""The executor http from a DkronJob to a real server: in pods of the project's own image, with a Secret on the way."""

from typing import Any

import pytest

from dkron_kube.paths import DKRON_JOBS, JOBS, PODS
from tests.support import pods
from tests.support.jobs import dkron_job
from tests.support.kube import SECRETS, Kube, finished, shown
from tests.support.own_image import OwnImage
from tests.support.printed import MARK
from tests.support.sites import Site

pytestmark = pytest.mark.cluster(nodes="real")

PORT = 8080
TOKEN = f"{MARK}-t0ken"
SERVER = f"""
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Echo(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(self.path.strip("/")))
        self.end_headers()
        self.wfile.write(str(self.headers["Authorization"]).encode())

ThreadingHTTPServer(("", {PORT}), Echo).serve_forever()
"""
"""Answers by the status that is its path, and repeats who has asked."""


@pytest.fixture(scope="module")
def address(module_site: Site, image: OwnImage) -> str:
    """A server in the cluster."""
    kube = module_site.kube
    # Its pods are held to what a namespace of a cautious installation allows.
    pods.restrict(kube)
    kube.create(SECRETS, {"metadata": {"name": "api"}, "stringData": {"token": TOKEN}})
    probe = {"tcpSocket": {"port": PORT}, "periodSeconds": 1}
    pods.start(kube, "web", image.reference, ["python", "-c", SERVER], readinessProbe=probe)
    pods.wait_ready(kube, "web")
    return f"http://{kube.get(PODS, 'web')['status']['podIP']}:{PORT}"


def http_job(name: str, url: str, **config: str) -> dict[str, Any]:
    headers = '["Authorization: Bearer secretRef:api/token"]'
    job: dict[str, Any] = dkron_job(name, "", run=["once"])
    job["spec"] |= {"executor": "http", "executorConfig": {"method": "GET", "url": url, "headers": headers, **config}}
    return job


def execution(kube: Kube, name: str) -> Any:
    return kube.wait_status(name, "its execution", finished(1))["executions"][0]


def test_a_request_with_a_secret(module_site: Site, address: str) -> None:
    kube = module_site.kube
    kube.apply(http_job("asks", f"{address}/200", expectCode="200"))
    found = execution(kube, "asks")
    assert (found["state"], found["exitCode"], found["output"]) == ("Succeeded", 0, "Bearer ***")
    # The server has repeated the token, so it had it; no object has.
    for resource in (DKRON_JOBS, JOBS, PODS):
        assert TOKEN not in shown(kube.all(resource))


def test_failed_request_says_why(module_site: Site, address: str) -> None:
    kube = module_site.kube
    kube.apply(http_job("fails", f"{address}/503", expectCode="200-299"))
    found = execution(kube, "fails")
    why = f"GET {address}/503: the answer is 503 Service Unavailable, expectCode is 200-299"
    assert (found["state"], found["exitCode"], found["message"]) == ("Failed", 1, why)
    assert found["output"] == f"{why}\nBearer ***"
