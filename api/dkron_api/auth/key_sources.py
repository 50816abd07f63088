"""Where the keys of an issuer come from: its own description, a URL, or a file."""

import asyncio
import os
import ssl
from http import HTTPStatus
from pathlib import Path

import aiohttp

from dkron_api.auth.issuer_keys import Load
from dkron_api.auth.jwks import MOST_BYTES, Keys, KeysError, read_keys, read_object
from dkron_api.settings import is_safe_url
from dkron_crds.schedule.errors import printable

SECONDS = 5.0
"""Seconds within which an issuer has to answer. Callers wait for it."""
DESCRIPTION = "/.well-known/openid-configuration"


def url_source(url: str, tls: ssl.SSLContext) -> Load:
    """Return what fetches a key set."""

    async def load() -> Keys:
        return read_keys(await _fetched(url, tls))

    return load


def issuer_source(issuer: str, tls: ssl.SSLContext) -> Load:
    """Return what fetches the key set that the issuer's description names (OpenID Connect Discovery 1.0 §4)."""

    async def load() -> Keys:
        url = issuer.rstrip("/") + DESCRIPTION
        description = read_object(await _fetched(url, tls))
        if description.get("issuer") != issuer:
            raise KeysError(f"{url} is the description of another issuer; --oidc-issuer must be exactly the one in it")
        keys = description.get("jwks_uri")
        if not isinstance(keys, str) or not is_safe_url(keys):
            raise KeysError(f"{url} has no jwks_uri that begins with https://")
        return read_keys(await _fetched(keys, tls))

    return load


def file_source(path: Path) -> Load:
    """Return what reads a key set from a file, if it has changed."""
    return _File(path).load


class _File:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, ...] = ()

    async def load(self) -> Keys | None:
        return await asyncio.to_thread(self._read)

    def _read(self) -> Keys | None:
        try:
            with self._path.open("rb") as file:
                status = os.fstat(file.fileno())
                seen = (status.st_ino, status.st_mtime_ns, status.st_size)
                if seen == self._seen:
                    return None
                self._seen = seen
                return read_keys(file.read(MOST_BYTES + 1))
        except OSError as error:
            raise KeysError(f"{self._path}: {error.strerror or error}") from None
        except KeysError as error:
            raise KeysError(f"{self._path}: {error}") from None


def trust(authorities: Path | None) -> ssl.SSLContext:
    """Return how an issuer's certificate is checked. Raises `OSError` if the file of its authorities cannot be used."""
    return ssl.create_default_context(cafile=None if authorities is None else str(authorities))


async def _fetched(url: str, tls: ssl.SSLContext) -> bytes:
    """Return what the URL has. A redirect is not followed: it could lead to a server that is not trusted."""
    headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "dkron-api"}
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    connector = aiohttp.TCPConnector(ssl=tls, limit=1, force_close=True)
    try:
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False) as session,
            session.get(url, headers=headers, allow_redirects=False) as response,
        ):
            if response.status != HTTPStatus.OK:
                raise KeysError(f"{url} answers with {response.status}")
            return await _bounded(response.content)
    except TimeoutError:
        raise KeysError(f"{url} does not answer within {SECONDS:g} s") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise KeysError(f"{url} cannot be read: {printable(str(error)[:200]) or type(error).__name__}") from None


async def _bounded(content: aiohttp.StreamReader) -> bytes:
    body = bytearray()
    async for piece in content.iter_any():
        body += piece
        if len(body) > MOST_BYTES:
            raise KeysError(f"the answer has more than {MOST_BYTES} bytes")
    return bytes(body)
