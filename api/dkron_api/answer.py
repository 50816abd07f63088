"""Responses in Dkron's format: compact JSON, or indented with `?pretty`."""

from collections.abc import Mapping

from aiohttp import web

from dkron_api.translate import gojson

JSON = "application/json; charset=utf-8"


def json_answer(
    request: web.Request, value: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return the value as JSON. Bytes are taken as JSON that is already rendered. `?pretty` applies with any value."""
    body = value if isinstance(value, bytes) else gojson.encode(value)
    if is_pretty(request):
        body = gojson.indent(body)
    every = {"Content-Type": JSON}
    if headers:
        every.update(headers)
    return web.Response(body=body, status=status, headers=every)


def is_pretty(request: web.Request) -> bool:
    """Whether the response should be indented."""
    return bool(request.query_string) and "pretty" in request.query
