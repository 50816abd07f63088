"""Where the keys of an issuer come from: its own description, a URL, or a file. All of this blocks, in a thread."""

import json
import ssl
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

from dkron_api.auth.jwks import KeysError
from dkron_api.settings import is_safe_url
from dkron_api.translate.record import Object
from dkron_crds.schedule.errors import printable

Load = Callable[[], Object]
"""Reads a key set. Raises `KeysError`."""

SECONDS = 5.0
"""Seconds within which an issuer has to answer. Callers wait for it."""
MOST_BYTES = 256 * 1024
"""Bytes of a key set, and of an issuer's description."""
PIECE = 64 * 1024
DESCRIPTION = "/.well-known/openid-configuration"
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "dkron-api"}


def url_source(url: str, tls: ssl.SSLContext) -> Load:
    """Return a function that fetches a key set."""
    return partial(_fetched, url, tls)


def issuer_source(issuer: str, tls: ssl.SSLContext) -> Load:
    """Return a function that fetches the key set that the issuer's description names (OpenID Connect Discovery 1.0
    §4)."""

    def load() -> Object:
        url = issuer.rstrip("/") + DESCRIPTION
        description = _fetched(url, tls)
        if description.get("issuer") != issuer:
            raise KeysError(f"{url} is the description of another issuer; --oidc-issuer must be exactly the one in it")
        keys = description.get("jwks_uri")
        if not isinstance(keys, str) or not is_safe_url(keys):
            raise KeysError(f"{url} has no jwks_uri that begins with https://")
        return _fetched(keys, tls)

    return load


def file_source(path: Path) -> Load:
    """Return a function that reads a key set from a file."""

    def load() -> Object:
        try:
            with path.open("rb") as file:
                return _object(file.read(MOST_BYTES + 1))
        except OSError as error:
            raise KeysError(f"{path}: {error.strerror or error}") from None
        except KeysError as error:
            raise KeysError(f"{path}: {error}") from None

    return load


def trust(authorities: Path | None) -> ssl.SSLContext:
    """Return how an issuer's certificate is checked. Raises `OSError` if the file of its authorities cannot be used."""
    return ssl.create_default_context(cafile=None if authorities is None else str(authorities))


def _fetched(url: str, tls: ssl.SSLContext) -> Object:
    """Return the object at the URL. A redirect is not followed: it could lead to a server that is not trusted."""
    try:
        with closing(_connection(url, tls)) as connection:
            connection.request("GET", urlsplit(url)._replace(scheme="", netloc="").geturl(), headers=_HEADERS)
            response = connection.getresponse()
            if response.status != HTTPStatus.OK:
                raise KeysError(f"{url} answers with {response.status}")
            return _object(_read(response))
    except TimeoutError:
        raise KeysError(f"{url} does not answer within {SECONDS:g} s") from None
    except (HTTPException, OSError, ValueError) as error:
        raise KeysError(f"{url} cannot be read: {printable(str(error)[:200]) or type(error).__name__}") from None


def _connection(url: str, tls: ssl.SSLContext) -> HTTPConnection:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    if parts.scheme == "https":
        return HTTPSConnection(host, port, timeout=SECONDS, context=tls)
    return HTTPConnection(host, port, timeout=SECONDS)


def _read(response: HTTPResponse) -> bytes:
    end, body = time.monotonic() + SECONDS, b""
    while len(body) <= MOST_BYTES and (piece := response.read1(PIECE)):
        body += piece
        if time.monotonic() > end:
            raise TimeoutError
    return body


def _object(data: bytes) -> Object:
    if len(data) > MOST_BYTES:
        raise KeysError(f"the answer has more than {MOST_BYTES} bytes")
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        raise KeysError("the answer is not JSON") from None
    if not isinstance(document, dict):
        raise KeysError("the answer is not a JSON object")
    return document
