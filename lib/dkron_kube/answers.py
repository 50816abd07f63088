"""Interprets the API server's HTTP responses, and their absence. aiohttp's errors do not pass this module."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import aiohttp

from dkron_crds.bounds import bounded
from dkron_kube.access import AccessError
from dkron_kube.errors import Unavailable, from_status

PIECE = 65536
"""Maximum bytes of a stream that are passed on at once."""


@contextmanager
def map_errors() -> Iterator[None]:
    """Turn transport and decoding errors in the block into `Unavailable`."""
    try:
        yield
    except (aiohttp.ClientError, AccessError, OSError, ValueError) as exc:
        raise Unavailable(f"no answer from the API server: {exc or type(exc).__name__}") from exc


async def require_success(response: aiohttp.ClientResponse) -> None:
    """Raise the error for an unsuccessful response. Call it inside `map_errors`."""
    if response.status < HTTPStatus.BAD_REQUEST:
        return
    text = await response.read()
    try:
        body: dict[str, Any] | str = read_object(text)
    except ValueError:
        body = text.decode("utf-8", "replace")
    raise from_status(response.status, body, response.headers.get("Retry-After"))


def read_object(text: bytes) -> dict[str, Any]:
    """Decode a JSON object, bounded as in `bounds`. Raises ValueError, also for other JSON. Call it inside
    `map_errors`."""
    answer = bounded(text)
    if not isinstance(answer, dict):
        raise ValueError(f"the answer is not an object: {text[:200].decode('utf-8', 'replace')}")  # noqa: TRY004 - of bytes
    return answer


async def pieces(response: aiohttp.ClientResponse) -> AsyncGenerator[bytes]:
    """Yield the body as it arrives, reading no more than the caller consumes. Raises `Unavailable` if the stream
    breaks."""
    source = response.content.iter_chunked(PIECE)
    while True:
        with map_errors():
            piece = await anext(source, b"")
        if not piece:
            return
        yield piece
