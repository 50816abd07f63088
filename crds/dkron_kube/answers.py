"""What an HTTP answer of the API server means, and what it means when there is none: here aiohttp's errors end."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import aiohttp

from dkron_crds.bounds import bounded
from dkron_kube.access import AccessError
from dkron_kube.errors import Unavailable, from_status

PIECE = 65536
"""Bytes of a stream that are handed on at once, at most."""


@contextmanager
def map_errors() -> Iterator[None]:
    """Raise `Unavailable` for what goes wrong on the way within."""
    try:
        yield
    except (aiohttp.ClientError, AccessError, OSError, ValueError) as exc:
        raise Unavailable(f"no answer from the API server: {exc or type(exc).__name__}") from exc


async def require_success(response: aiohttp.ClientResponse) -> None:
    """Raise the error that a refusal means. To be called where it is `map_errors`."""
    if response.status < HTTPStatus.BAD_REQUEST:
        return
    text = await response.read()
    try:
        body: dict[str, Any] | str = read_object(text)
    except ValueError:
        body = text.decode("utf-8", "replace")
    raise from_status(response.status, body, response.headers.get("Retry-After"))


def read_object(text: bytes) -> dict[str, Any]:
    """A JSON object, bounded as `bounds` says. Raises ValueError, also for other JSON. To be called where it is
    `map_errors`."""
    answer = bounded(text)
    if not isinstance(answer, dict):
        raise ValueError(f"the answer is no object: {text[:200].decode('utf-8', 'replace')}")  # noqa: TRY004 - of bytes
    return answer


async def pieces(response: aiohttp.ClientResponse) -> AsyncGenerator[bytes]:
    """The body as it comes; no more is read than is taken. Raises `Unavailable` when it breaks."""
    source = response.content.iter_chunked(PIECE)
    while True:
        with map_errors():
            piece = await anext(source, b"")
        if not piece:
            return
        yield piece
