"""Bodies of requests: all of it in a bounded time, or a refusal."""

import asyncio
from http import HTTPStatus

from aiohttp import BodyPartReader, web

from dkron_api.keys import GATE
from dkron_api.refusal import Refusal

PATIENCE = 30.0
"""Seconds for a body to arrive; for a file, for the next piece of it."""
PIECE = 65536


async def body_of(request: web.Request) -> bytes:
    """The whole body; its size is bounded by `--max-body`. Raises `Refusal`, 408."""
    if request.content.is_eof():
        return await request.read()
    try:
        with request.app[GATE].upload():
            async with asyncio.timeout(PATIENCE):
                return await request.read()
    except TimeoutError:
        raise _too_slow() from None


async def file_of(part: BodyPartReader, *, limit: int) -> bytes:
    """The content of a file in a form. Raises `Refusal`, 408 or 413."""
    content = bytearray()
    while chunk := await _piece(part):
        content += chunk
        if len(content) > limit:
            raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the file is larger than {limit} bytes")
    return bytes(content)


async def _piece(part: BodyPartReader) -> bytes:
    try:
        async with asyncio.timeout(PATIENCE):
            return await part.read_chunk(PIECE)
    except TimeoutError:
        raise _too_slow() from None


def _too_slow() -> Refusal:
    return Refusal(HTTPStatus.REQUEST_TIMEOUT, f"the body did not arrive within {PATIENCE:.0f} seconds")
