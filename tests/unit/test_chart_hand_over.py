"""The last moments of a pod of the REST API (charts/dkron-operator/files/hand_over.py)."""

import json
import runpy
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "charts" / "dkron-operator" / "files" / "hand_over.py"
SETTLE = 0.1
NAMESPACE, SERVICE = "dkron-system", "dkron-api"


def endpoints(*ready: bool, ports: bool = True) -> str:
    """EndpointSlices of the Service, as the API server lists them; one that is not ready is about to end."""
    found = [{"addresses": ["10.0.0.1"], "conditions": {"ready": each, "serving": True}} for each in ready]
    return json.dumps({"items": [{"endpoints": found or None, "ports": [{"port": 8080}] if ports else None}]})


@contextmanager
def api_server(*answers: tuple[int, str]) -> Iterator[tuple[str, list[str]]]:
    """Its address, and what it was asked so far: each of these is answered once, the last one always."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers[min(len(asked), len(answers) - 1)]
            asked.append(f"{self.headers['Authorization']} {self.path}")
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Nothing of it is to be seen."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


ENDING, READY = (200, endpoints(False, False)), (200, endpoints(False, True))
FORBIDDEN, GONE = (403, "{}"), (200, json.dumps({"items": []}))


@dataclass(frozen=True)
class Case:
    """The answers of the API server, whether the Service has a name, and how often it is asked; None: to the end."""

    id: str
    answers: tuple[tuple[int, str], ...]
    asked: int | None
    named: bool = True


CASES = (
    Case("another is ready", (READY,), 1),
    Case("another gets ready, one of its own kind ends as well", (ENDING, ENDING, READY), 3),
    Case("pods without the port are no help", ((200, endpoints(True, ports=False)), READY), 2),
    Case("the API server does not say", (FORBIDDEN,), None),
    Case("no other comes", (ENDING,), None),
    Case("the release is uninstalled", (GONE,), 1, named=False),
    Case("the release is uninstalled, and with it the right to know", (FORBIDDEN,), 1, named=False),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_pod_stays_until_another_is_ready(case: Case, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("own\n", encoding="utf-8")
    script = runpy.run_path(str(SCRIPT))
    known = script["main"].__globals__
    known["SETTLE"] = SETTLE
    known["has_name"] = lambda *_: case.named
    with api_server(*case.answers) as (url, asked), pytest.MonkeyPatch.context() as patch:
        may_go = script["may_go"]
        known["may_go"] = lambda _, *rest: may_go(url, *rest)
        patch.setenv("KUBERNETES_SERVICE_HOST", "unused")
        patch.setenv("KUBERNETES_SERVICE_PORT", "443")
        began = time.monotonic()
        script["main"](NAMESPACE, SERVICE, 1.5 if case.asked is None else 30, tmp_path)
        took = time.monotonic() - began
    path = f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices"
    assert set(asked) == {f"Bearer own {path}?labelSelector=kubernetes.io%2Fservice-name%3D{SERVICE}"}
    assert SETTLE <= took < 20
    assert len(asked) == case.asked or (case.asked is None and took > 1)
