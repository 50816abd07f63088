"""Lists of any length. A client that reads slowly, or not at all, holds a piece of the list and not a copy of all."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence

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
    with request.app[GATE].stream():
        await response.prepare(request)
        await _hand_over(request, response, _pieces(_indented(items) if is_pretty(request) else _compact(items)))
    return response


async def _hand_over(request: web.Request, response: web.StreamResponse, pieces: Iterator[bytes]) -> None:
    try:
        for piece in pieces:
            async with asyncio.timeout(STALL):
                await response.write(piece)
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()


def _compact(items: Sequence[bytes]) -> Iterator[bytes]:
    for number, item in enumerate(items):
        yield b"," if number else b"["
        yield item
    yield b"]"


def _indented(items: Sequence[bytes]) -> Iterator[bytes]:
    """As `gojson.indent` would the whole, item by item: between its brackets and their line breaks."""
    for number, item in enumerate(items):
        yield b",\n" if number else b"[\n"
        yield gojson.indent(b"[%b]" % item)[2:-2]
    yield b"\n]"


def _pieces(parts: Iterator[bytes]) -> Iterator[bytes]:
    gathered: list[bytes] = []
    size = 0
    for part in parts:
        if size + len(part) > PIECE:
            yield from _cut(b"".join(gathered), part)
            gathered, size = [], 0
        else:
            gathered.append(part)
            size += len(part)
    yield from _cut(b"".join(gathered), b"")


def _cut(first: bytes, rest: bytes) -> Iterator[bytes]:
    """Both as one, in pieces that are never empty."""
    room = PIECE - len(first)
    if first or rest:
        yield first + rest[:room]
    for start in range(room, len(rest), PIECE):
        yield rest[start : start + PIECE]
