"""What a pod of the REST API does before it ends (charts/dkron-operator/files/hand_over.py)."""

import runpy
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "charts" / "dkron-operator" / "files" / "hand_over.py"
OWN, OTHER = "dkron-api-old", "dkron-operator-new"
SETTLE = 0.1


@contextmanager
def service(*answers: tuple[int, str]) -> Iterator[tuple[str, list[str]]]:
    """Its address, and who was asked so far: each of these answers once, the last one always."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, whom = answers[min(len(asked), len(answers) - 1)]
            asked.append(self.path)
            self.send_response(status)
            self.send_header("X-Whom", whom)
            self.end_headers()

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


@pytest.fixture(autouse=True)
def own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POD_NAME", OWN)


def wait(url: str, seconds: float) -> float:
    """Run it, in a hurry; how long that took."""
    script = runpy.run_path(str(SCRIPT))
    script["main"].__globals__["SETTLE"] = SETTLE
    began = time.monotonic()
    script["main"](url, seconds)
    return time.monotonic() - began


@pytest.mark.parametrize(
    ("answers", "asked"),
    [
        pytest.param([(200, OTHER)], 1, id="another is ready"),
        pytest.param([(200, OWN), (503, OTHER), (200, OTHER)], 3, id="another gets ready"),
    ],
)
def test_it_stays_until_another_pod_answers(answers: list[tuple[int, str]], asked: int) -> None:
    with service(*answers) as (url, seen):
        took = wait(url, 30)
    assert seen == ["/health"] * asked
    assert SETTLE <= took < 30


def test_it_stays_no_longer_than_it_may() -> None:
    with service((200, OWN)) as (url, seen):
        took = wait(url, 1)
    assert seen
    assert took < 10


def test_it_does_not_wait_where_the_service_is_gone() -> None:
    assert wait("http://gone.invalid:8080", 30) < 10
