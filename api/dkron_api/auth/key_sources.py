"""The keys of an issuer: which keys of a set may check signatures (RFC 7517), and where a set comes from: the issuer's
own description, a URL, or a file. Reading a set blocks, so it is done in a thread.
"""

import json
import ssl
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from dkron_api.settings import is_safe_url
from dkron_api.translate.record import Object
from dkron_crds.schedule.errors import printable

MOST_KEYS = 64
SHORTEST_RSA, LONGEST_RSA = 2048, 8192
"""Bits. A longer key would block other requests for milliseconds."""
LARGEST_EXPONENT = 2**32
LONGEST_KID = 256
ALGORITHMS: Final = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)
"""Those that are accepted: asymmetric ones, by which a reader of the keys cannot make tokens."""
TYPES: Final = ("RSA", "EC", "OKP")
"""The types of public keys. A symmetric key is a secret, and makes the whole set unreadable to the library."""
_MEMBERS: Final = ("kid", "alg", "kty", "crv", "n", "e", "x", "y")


class KeysError(jwt.PyJWKClientError):
    """The keys cannot be read. `str()` says why."""


def signing_keys(document: Object) -> list[Object]:
    """Return the public keys of a set that are for signatures. Raises `KeysError`."""
    listed = document.get("keys")
    if not isinstance(listed, list):
        raise KeysError("this is not a key set: it has no list of keys")
    keys = (raw for raw in listed[:MOST_KEYS] if isinstance(raw, dict) and _is_for_signatures(raw))
    return [{name: raw[name] for name in _MEMBERS if name in raw} for raw in keys]


def read_keys(keys: list[Object]) -> jwt.PyJWKSet:
    """Return the keys as the library knows them, each for one algorithm. Raises `KeysError` if there are none."""
    try:
        known = jwt.PyJWKSet(keys)
    except jwt.PyJWKSetError:
        known = None
    if known is not None:
        known.keys = [key for key in known.keys if key.algorithm_name in ALGORITHMS and _is_sound(key.key)]
    if known is None or not known.keys:
        raise KeysError("the key set has no public key for RS, PS, ES or EdDSA signatures")
    return known


def find(keys: jwt.PyJWKSet, kid: str | None, algorithm: str) -> jwt.PyJWK | None:
    """Return the key of this id; without an id the only key that fits."""
    fitting = [key for key in keys.keys if key.algorithm_name == algorithm and kid in (None, key.key_id)]
    return fitting[0] if len(fitting) == 1 else None


def _is_for_signatures(raw: Object) -> bool:
    operations, kid = raw.get("key_ops", ["verify"]), raw.get("kid", "")
    is_public = raw.get("kty") in TYPES and "d" not in raw and raw.get("use", "sig") == "sig"
    is_named = isinstance(kid, str) and len(kid) <= LONGEST_KID and isinstance(raw.get("alg", ""), str)
    return is_public and is_named and isinstance(operations, list) and "verify" in operations


def _is_sound(public: object) -> bool:
    """Whether an RSA key is long enough to be safe, and short enough to be checked quickly."""
    if not isinstance(public, RSAPublicKey):
        return True
    return SHORTEST_RSA <= public.key_size <= LONGEST_RSA and public.public_numbers().e <= LARGEST_EXPONENT


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
    """Return a function that fetches the key set that the issuer's description names (OpenID Connect Discovery §4)."""

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
