"""A web server on the loopback that answers as its paths say, and remembers what it was asked."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Web:
    url: str
    asked: list[Asked] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    """What holds back the answers of `/slow`."""


@contextmanager
def web_server(tls: ssl.SSLContext | None = None) -> Iterator[Web]:
    """`/status/<code>/<text>` answers so, `/to/<path>` redirects, `/away/<port>` to another server, `/loop` for ever.

    `/echo` sends back what came, `/slow` waits for the end of the test, `/large/<size>` is as large as that.
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    web = server.web = Web(f"{'https' if tls else 'http'}://localhost:{server.server_port}")  # type: ignore[attr-defined]
    server.daemon_threads = True
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield web
    finally:
        web.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(name="web")
def a_web_server() -> Iterator[Web]:
    """One for a test."""
    with web_server() as server:
        yield server


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (ssl.SSLError, ConnectionError):
            self.close_connection = True

    def parse_request(self) -> bool:
        if not super().parse_request():
            return False
        setattr(self, f"do_{self.command}", self._answer)
        return True

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def _answer(self) -> None:
        web: Web = self.server.web  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        web.asked.append(Asked(self.command, self.path, dict(self.headers.items()), body))
        match self.path.split("?")[0].split("/")[1:]:
            case ["status", code, text]:
                self._send(int(code), text.encode())
            case ["to", *path]:
                self._send(302, b"", Location="/" + "/".join(path))
            case ["away", port]:
                self._send(302, b"", Location=f"http://localhost:{port}/echo")
            case ["loop"]:
                self._send(302, b"", Location="/loop")
            case ["echo"]:
                self._send(200, str(self.headers).encode() + body)
            case ["slow"]:
                web.released.wait(30)
                self._send(200, b"late")
            case ["large", size]:
                self._send(200, b"x" * int(size))
            case _:
                self._send(404, b"nothing here")

    def _send(self, code: int, body: bytes, **headers: str) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
