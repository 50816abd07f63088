"""Answers as Dkron gives them: compact JSON, or indented with `?pretty`."""

import asyncio
from collections.abc import Mapping

from aiohttp import web

from dkron_api.translate import gojson

JSON = "application/json; charset=utf-8"
LONG = 262144
"""Bytes from which on indenting takes so long that others should be answered meanwhile."""


def json_answer(
    request: web.Request, value: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """The value as JSON; bytes are taken for JSON that is rendered already. `?pretty` counts with any value."""
    body = value if isinstance(value, bytes) else gojson.encode(value)
    return _response(gojson.indent(body) if _is_pretty(request) else body, status, headers)


async def long_answer(request: web.Request, body: bytes, *, headers: Mapping[str, str]) -> web.Response:
    """The same for JSON that is rendered already and may be megabytes long."""
    if _is_pretty(request):
        body = await asyncio.to_thread(gojson.indent, body) if len(body) > LONG else gojson.indent(body)
    return _response(body, 200, headers)


def _is_pretty(request: web.Request) -> bool:
    return bool(request.query_string) and "pretty" in request.query


def _response(body: bytes, status: int, headers: Mapping[str, str] | None) -> web.Response:
    every = {"Content-Type": JSON}
    if headers:
        every.update(headers)
    return web.Response(body=body, status=status, headers=every)
