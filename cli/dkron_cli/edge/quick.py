"""Reads JSON by the standard library: for completion, where a prompt waits for the imports of a full client."""

import asyncio
import http.client
import json
import ssl
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlencode, urlsplit

from dkron_cli.options import Options
from dkron_kube import access

MOST = 8 << 20
"""Bytes of an answer. More names are not worth the time of a prompt."""
PAGE = 500
METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


class Read(Protocol):
    """Returns the answer of the API server to a GET."""

    def __call__(self, path: str, *, accept: str = "application/json") -> Any:  # noqa: ANN401 - JSON
        """Raises OSError, HTTPException or ValueError."""


def opened(options: Options, timeout: float) -> tuple[Read, str]:
    """Return how to read from the cluster, and the namespace."""
    file = Path(options.kubeconfig) if options.kubeconfig else None

    async def way() -> tuple[access.Access, str | None]:
        found = await access.load(file, options.context or None)
        return found, await found.authorization()

    found, authorization = asyncio.run(asyncio.wait_for(way(), timeout))
    tls = found.tls if isinstance(found.tls, ssl.SSLContext) else None

    def read(path: str, *, accept: str = "application/json") -> Any:  # noqa: ANN401
        headers = {"Accept": accept} | ({"Authorization": authorization} if authorization else {})
        return read_json(
            found.server, path, headers=headers, timeout=timeout, tls=tls, proxy=found.proxy, name=found.server_name
        )

    return read, options.namespace or found.namespace


def names_in(read: Read, path: str) -> list[str]:
    """Return the names of the objects of a list of Kubernetes, from their metadata."""
    names: list[str] = []
    query = {"limit": str(PAGE)}
    while True:
        page = read(f"{path}?{urlencode(query)}", accept=METADATA)
        names += [each["metadata"]["name"] for each in page["items"] or ()]
        if not (token := page["metadata"].get("continue")):
            return names
        query["continue"] = token


def read_json(server: str, path: str, *, headers: dict[str, str], timeout: float, **way: Any) -> Any:  # noqa: ANN401 - JSON
    """Return the answer to a GET. Raises OSError, HTTPException or ValueError."""
    answer = ask(server, path, headers=headers, timeout=timeout, most=MOST, **way)
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
