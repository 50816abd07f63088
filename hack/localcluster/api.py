"""The few requests that starting a cluster makes, over the standard library; tests use a real client."""

import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

REQUEST_SECONDS = 5
OK = 200
CREATED = 201
CONFLICT = 409


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body; status 0 if no server answered, with the reason as the body."""

    status: int
    body: str


def request(
    url: str,
    *,
    method: str = "GET",
    authority: Path | None = None,
    token: str = "",
    body: Mapping[str, object] | None = None,
) -> Answer:
    """Send one request without proxies, with a deadline, and without raising for what the network does.

    Without an `authority` the server's certificate is not checked: health is no secret.
    """
    parts = urlsplit(url)
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    connection = _connect(parts.scheme, parts.netloc, authority)
    try:
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        connection.request(method, target, json.dumps(body) if body is not None else None, headers)
        response = connection.getresponse()
        return Answer(response.status, response.read().decode(errors="replace"))
    except (OSError, http.client.HTTPException) as failure:
        return Answer(0, str(failure))
    finally:
        connection.close()


def _connect(scheme: str, address: str, authority: Path | None) -> http.client.HTTPConnection:
    if scheme == "http":
        return http.client.HTTPConnection(address, timeout=REQUEST_SECONDS)
    context = ssl.create_default_context(cafile=str(authority) if authority else None)
    if authority is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(address, timeout=REQUEST_SECONDS, context=context)
