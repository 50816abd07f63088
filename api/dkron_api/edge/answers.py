"""Responses in Dkron's format: compact JSON, or indented with `?pretty`, compressed for clients that take it.

Lists have any length, and are rendered while they are sent: a slow client holds a part of the list in memory, not a
copy of the whole.
"""

import asyncio
import re
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping, Sequence
from contextlib import aclosing
from functools import lru_cache
from typing import TypeVar

from aiohttp import web

from dkron_api.cache.listed import Listed
from dkron_api.edge.admission import aside, break_off, long_answer, whole_answer
from dkron_api.translate import gojson
from dkron_api.translate.pieces import PIECE, array, cut

T = TypeVar("T")
JSON = "application/json; charset=utf-8"


def json_answer(
    request: web.Request, value: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return the value as JSON. Bytes are taken as JSON that is already rendered. `?pretty` applies with any value."""
    body = value if isinstance(value, bytes) else gojson.encode(value)
    if is_pretty(request):
        body = gojson.indent(body)
    return web.Response(body=body, status=status, headers={"Content-Type": JSON, **(headers or {})})


def is_pretty(request: web.Request) -> bool:
    """Whether the response should be indented."""
    return bool(request.query_string) and "pretty" in request.query


COMPRESSIBLE = 1024
"""Bytes from which compression is worthwhile."""
LONG = PIECE // 2
"""Bytes above which a list is sent piece by piece."""


async def list_answer(
    request: web.Request, items: AsyncIterable[bytes], *, headers: Mapping[str, str], held: int = 0
) -> web.StreamResponse:
    """Respond with a JSON array of items, which are rendered while it is sent. `held` is how many bytes the answer
    takes besides, until its end."""
    async with aclosing(array(items, spread=is_pretty(request))) as parts:
        part = await anext(parts)
        if len(part) < LONG:
            return web.Response(body=part, headers={"Content-Type": JSON, **headers})
        response = web.StreamResponse(headers={"Content-Type": JSON, "Vary": "Accept-Encoding", **headers})
        if takes_gzip(request.headers.get("Accept-Encoding", "")):
            response.enable_compression(web.ContentCoding.gzip)
        with aside(request), long_answer(request, held) as hold:
            try:
                while part:
                    hold(held + len(part))
                    await _send(request, response, cut(part))
                    part = await anext(parts, b"")
                # Its last bytes count, too.
                await response.write_eof()
            except BaseException:
                # The client must not take what it has for the whole.
                break_off(request)
                raise
        return response


TURN = 50
"""Items after which other requests have their turn."""


async def in_turns(items: Iterable[T]) -> AsyncIterator[T]:
    """Yield the items, so that other requests have their turns."""
    for number, item in enumerate(items):
        if number % TURN == TURN - 1:
            await asyncio.sleep(0)
        yield item


async def listed_answer(request: web.Request, listed: Listed, *, headers: Mapping[str, str]) -> web.StreamResponse:
    """Respond with a list that is ready, for a request without `?pretty`."""
    pieces: Sequence[bytes] = listed.pieces
    size = listed.size
    if size < COMPRESSIBLE:
        return web.Response(body=b"".join(pieces), headers={"Content-Type": JSON, **headers})
    headers = {"Content-Type": JSON, "Vary": "Accept-Encoding", **headers}
    if takes_gzip(request.headers.get("Accept-Encoding", "")):
        headers["Content-Encoding"] = "gzip"
        pieces = await listed.compressed()
        size = sum(map(len, pieces))
    if size <= LONG:
        return web.Response(body=b"".join(pieces), headers=headers)
    response = web.StreamResponse(headers=headers)
    response.content_length = size
    with aside(request), whole_answer(request, 0) as hold, listed.sending(hold):
        await _send(request, response, pieces)
    return response


async def _send(request: web.Request, response: web.StreamResponse, pieces: Iterable[bytes]) -> None:
    if not response.prepared:
        await response.prepare(request)
    for piece in pieces:
        await response.write(piece)
        # A write that fits into the buffers does not yield; let other requests run.
        await asyncio.sleep(0)


_CODING = re.compile(r"\s*(gzip|x-gzip|\*)\s*(?:;\s*q\s*=\s*([0-9.]+)\s*)?", re.IGNORECASE | re.ASCII)


@lru_cache(maxsize=128)
def takes_gzip(accept_encoding: str) -> bool:
    """Whether the header accepts gzip with a weight above zero."""
    if not accept_encoding:
        return False
    weights: dict[str, bool] = {}
    for part in accept_encoding.split(","):
        found = _CODING.fullmatch(part)
        if found is not None:
            weights[found[1].lower()] = found[2] is None or found[2].strip("0.") != ""
    return weights.get("gzip", weights.get("x-gzip", weights.get("*", False)))
