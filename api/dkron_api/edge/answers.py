"""Responses in Dkron's format: compact JSON, or indented with `?pretty`, compressed for clients that take it.

Lists have any length. A slow client holds a piece of the list in memory, not a copy of the whole.
"""

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from aiohttp import web

from dkron_api.cache.listed import Listed
from dkron_api.edge.admission import open_answer
from dkron_api.translate import gojson
from dkron_api.translate.pieces import compact, indented, size_of

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
LONG = 131072
"""Bytes above which a list is sent piece by piece."""
STALL = 60.0
"""Seconds after which a client that reads nothing is disconnected."""


async def list_answer(
    request: web.Request, items: Sequence[bytes], *, headers: Mapping[str, str]
) -> web.StreamResponse:
    """Respond with a JSON array of rendered items."""
    size = size_of(items)
    if size <= LONG:
        return json_answer(request, b"".join(compact(items)), headers=headers)
    if is_pretty(request):
        return await _answer(request, indented(items), size=None, headers=headers)
    return await _answer(request, compact(items), size=size, headers=headers)


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
    return await _sent(request, response, pieces)


async def _answer(
    request: web.Request, pieces: Iterable[bytes], *, size: int | None, headers: Mapping[str, str]
) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": JSON, "Vary": "Accept-Encoding", **headers})
    if takes_gzip(request.headers.get("Accept-Encoding", "")):
        response.enable_compression(web.ContentCoding.gzip)
    elif size is not None:
        response.content_length = size
    return await _sent(request, response, pieces)


async def _sent(request: web.Request, response: web.StreamResponse, pieces: Iterable[bytes]) -> web.StreamResponse:
    with open_answer(request):
        await response.prepare(request)
        now = asyncio.get_running_loop().time
        try:
            async with asyncio.timeout(STALL) as limit:
                for piece in pieces:
                    await response.write(piece)
                    limit.reschedule(now() + STALL)
                    # A write that fits into the buffers does not yield; let other requests run.
                    await asyncio.sleep(0)
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()
    return response


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
