"""One HTTP request, and the check of its response (Dkron behaviour §6.2)."""

import asyncio
import ssl
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import TypeVar
from urllib.request import getproxies_environment

import aiohttp
from yarl import URL

from dkron_executors.keys.http import Http
from dkron_executors.keys.values import searcher
from dkron_executors.result import Result, reason_of

T = TypeVar("T")

REDIRECTS = 10
"""Redirects to follow, as many as Go's client."""
LONGEST_BODY = 8 * 1024 * 1024
"""Bytes of a response that are read; the rest is neither searched nor shown."""


def run(keys: Http) -> Result:
    """Make the request in its own event loop."""

    async def once() -> Result:
        async with open_session() as session:
            return await call(keys, session=session)

    return asyncio.run(once())


def open_session(connector: aiohttp.BaseConnector | None = None, *, proxies: bool = True) -> aiohttp.ClientSession:
    """Return a session without state between calls: it stores no cookies. `proxies` uses the proxies of the
    environment."""
    return aiohttp.ClientSession(
        connector=connector,
        # trust_env makes aiohttp read ~/.netrc in a thread for each request, so set it only if there is a proxy.
        trust_env=proxies and bool(getproxies_environment()),
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=["Content-Type"],
        headers={"User-Agent": "dkron-operator"},
    )


async def call(keys: Http, *, session: aiohttp.ClientSession, longest: int = LONGEST_BODY) -> Result:
    """Make the request and keep at most `longest` bytes of the response. Never raises for anything that a server
    does."""
    try:
        tls = _tls(keys)
    except _Unreadable as exc:
        return Result(str(exc))
    to = f"{keys.method} {_shown(keys.url)}"
    try:
        async with (
            asyncio.timeout(keys.timeout),
            session.request(
                keys.method,
                _address(keys.url),
                headers=keys.headers,
                data=keys.body.encode() or None,
                ssl=tls,
                max_redirects=REDIRECTS,
                timeout=aiohttp.ClientTimeout(total=None),
            ) as answer,
        ):
            body = await _body(answer, longest)
    except TimeoutError:
        return Result(f"{to}: no full answer within {keys.timeout} s")
    except (aiohttp.ClientError, OSError, ValueError) as exc:
        return Result(f"{to}: {_why(exc)}")
    return _judged(keys, to, answer.status, body)


def _judged(keys: Http, to: str, status: int, body: bytes) -> Result:
    if keys.expect_code and not any(low <= status <= high for low, high in keys.expect_code):
        expected = ",".join(str(low) if low == high else f"{low}-{high}" for low, high in keys.expect_code)
        return Result(f"{to}: the answer is {named_status(status)}, expectCode is {expected}", body)
    if keys.expect_body and not searcher(keys.expect_body)(body.decode("utf-8", "replace")):
        return Result(f"{to}: expectBody is not in the answer, which has the status {status}", body)
    return Result(output=body)


def named_status(status: int) -> str:
    """Return the status with the phrase of the standard: a server's phrase is part of its answer."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


async def _body(answer: aiohttp.ClientResponse, longest: int) -> bytes:
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) >= longest:
            answer.close()
            break
    return bytes(body[:longest])


def _address(text: str) -> URL:
    """Keep an ASCII URL unchanged: quoting it again could break a signature in it."""
    return URL(text, encoded=text.isascii())


def _shown(text: str) -> str:
    """Return the URL without user and password."""
    return str(URL(text, encoded=True).with_user(None))


def _why(exc: Exception) -> str:
    if isinstance(exc, aiohttp.TooManyRedirects):
        return f"gave up after {REDIRECTS} redirects"
    if isinstance(exc, aiohttp.ClientConnectorCertificateError):
        return f"the server's certificate is not trusted ({exc.certificate_error})"
    return reason_of(exc)


class _Unreadable(Exception):
    """A file of certificates or keys cannot be used. `str()` is one sentence that begins with the key."""


def _tls(keys: Http) -> ssl.SSLContext | bool:
    """Return the TLS settings. `True` is the client's default, which costs nothing if the URL is http."""
    if not (keys.tls_no_verify_peer or keys.tls_root_cas_file or keys.tls_certificate_file):
        return True
    context = _load(
        "tlsRootCAsFile",
        keys.tls_root_cas_file,
        partial(ssl.create_default_context, cafile=keys.tls_root_cas_file or None),
    )
    if keys.tls_no_verify_peer:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if keys.tls_certificate_file:
        _load(
            "tlsCertificateFile and tlsCertificateKeyFile",
            f"{keys.tls_certificate_file} and {keys.tls_certificate_key_file}",
            # Without a password function, OpenSSL would ask for the passphrase at the terminal.
            lambda: context.load_cert_chain(keys.tls_certificate_file, keys.tls_certificate_key_file, password=bytes),
        )
    return context


def _load(keys: str, paths: str, load: Callable[[], T]) -> T:
    try:
        return load()
    except OSError as exc:
        # This includes SSLError, whose text says what OpenSSL rejected.
        raise _Unreadable(f"{keys}: {paths} cannot be used: {exc.strerror or exc}") from None
