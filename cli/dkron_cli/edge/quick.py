"""Requests by the standard library, where a prompt or a list would wait for the imports of a full client."""

import http.client
import json
import ssl
from typing import Any, NamedTuple
from urllib.parse import urlsplit

MOST = 8 << 20
"""Bytes of an answer. More names are not worth the time of a prompt."""


def read_json(server: str, path: str, *, headers: dict[str, str], timeout: float) -> Any:  # noqa: ANN401 - JSON
    """Return the answer to a GET. Raises OSError, HTTPException or ValueError."""
    answer = ask(server, path, headers=headers, timeout=timeout, most=MOST)
    if answer.status != http.client.OK or len(answer.body) > MOST:
        raise ValueError(f"unreadable answer: {answer.status}")
    return json.loads(answer.body)


class Response(NamedTuple):
    """An answer."""

    status: int
    body: bytes
    retry_after: str | None


def ask(
    server: str,
    path: str,
    *,
    headers: dict[str, str],
    timeout: float,
    most: int | None = None,
    tls: ssl.SSLContext | None = None,
    proxy: str | None = None,
    name: str = "",
) -> Response:
    """Return the answer to a GET, with `most` bytes of its body and one more. Raises OSError, HTTPException or
    ValueError."""
    address = urlsplit(server)
    way = urlsplit(proxy) if proxy else address
    kind = _Named if address.scheme == "https" else http.client.HTTPConnection
    connection = kind(way.hostname or "", way.port, timeout=timeout)
    if isinstance(connection, _Named):
        connection.tls, connection.name = tls or ssl.create_default_context(), name or address.hostname or ""
    if proxy:
        connection.set_tunnel(address.hostname or "", address.port)
    try:
        connection.request("GET", address.path.rstrip("/") + path, headers=headers)
        answer = connection.getresponse()
        body = answer.read() if most is None else answer.read(most + 1)
        return Response(answer.status, body, answer.headers.get("Retry-After"))
    finally:
        connection.close()


class _Named(http.client.HTTPConnection):
    """By TLS, with a server whose certificate may have another name than its address."""

    default_port = http.client.HTTPS_PORT
    tls: ssl.SSLContext
    name: str

    def connect(self) -> None:
        super().connect()
        self.sock = self.tls.wrap_socket(self.sock, server_hostname=self.name)
