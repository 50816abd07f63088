"""Lists of any length. A client that reads slowly, or not at all, holds a piece of the list and not a copy of all."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence

from aiohttp import web

from dkron_api.answer import JSON, is_pretty, json_answer
from dkron_api.edge.coding import takes_gzip
from dkron_api.keys import GATE
from dkron_api.translate import gojson

LONG = 131072
"""Bytes from which on a list is handed over piece by piece."""
PIECE = 65536
STALL = 60.0
"""Seconds after which a client that takes nothing is sent away."""


async def list_answer(
    request: web.Request, items: Sequence[bytes], *, headers: Mapping[str, str]
) -> web.StreamResponse:
    """A JSON array of items that are rendered already."""
    size = sum(map(len, items)) + len(items) + 1
    if size <= LONG:
        return json_answer(request, b"[%b]" % b",".join(items), headers=headers)
    response = web.StreamResponse(headers={"Content-Type": JSON, "Vary": "Accept-Encoding", **headers})
    if takes_gzip(request.headers.get("Accept-Encoding", "")):
        response.enable_compression(web.ContentCoding.gzip)
    elif not is_pretty(request):
        response.content_length = size
    shares = _shares(items, size)
    parts = _indented(shares) if is_pretty(request) else _compact(shares)
    with request.app[GATE].stream():
        await response.prepare(request)
        await _hand_over(request, response, _pieces(parts))
    return response


async def _hand_over(request: web.Request, response: web.StreamResponse, pieces: Iterator[bytes]) -> None:
    try:
        for piece in pieces:
            async with asyncio.timeout(STALL):
                await response.write(piece)
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()


def _compact(shares: Iterable[Sequence[bytes]]) -> Iterator[bytes]:
    lead = b"["
    for some in shares:
        yield lead + b",".join(some)
        lead = b","
    yield b"]"


def _indented(shares: Iterable[Sequence[bytes]]) -> Iterator[bytes]:
    """As `gojson.indent` would the whole, item by item: between its brackets and their line breaks."""
    lead = b"[\n"
    for some in shares:
        yield lead + b",\n".join(gojson.indent(b"[%b]" % item)[2:-2] for item in some)
        lead = b",\n"
    yield b"\n]"


def _shares(items: Sequence[bytes], size: int) -> Iterator[Sequence[bytes]]:
    """As many items at a time as fill half a piece on average: joining many at once is what makes a list fast."""
    count = max(1, len(items) * PIECE // 2 // size)
    return (items[start : start + count] for start in range(0, len(items), count))


def _pieces(parts: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes, none of them longer than `PIECE`."""
    for part in parts:
        if len(part) <= PIECE:
            yield part
        else:
            yield from (part[start : start + PIECE] for start in range(0, len(part), PIECE))
