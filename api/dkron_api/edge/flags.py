"""Switches in a query."""

from aiohttp import web

_TRUE = frozenset({"", "1", "true"})


def flag(request: web.Request, name: str) -> bool:
    """Whether a query parameter is on: `?name`, `?name=1` or `?name=true`."""
    return request.query.get(name, "false").lower() in _TRUE
