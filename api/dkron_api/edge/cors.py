"""Which pages of other origins may call the API. None, unless they are named. Pure."""

from collections.abc import Sequence

ANY = "*"
METHODS = "GET, POST, PUT, PATCH, DELETE"
EXPOSED = "X-Total-Count, Location, X-Whom, ETag, Retry-After, X-Request-Id"
LIFE = "600"
"""Seconds that a browser may remember the answer to a preflight."""


def allowed(origin: str, origins: Sequence[str]) -> str:
    """What to answer as Access-Control-Allow-Origin; empty if the origin may not."""
    if not origin:
        return ""
    if ANY in origins:
        return ANY
    return origin if origin in origins else ""


def preflight(asked_headers: str) -> dict[str, str]:
    """What a preflight is told besides the origin."""
    return {
        "Access-Control-Allow-Methods": METHODS,
        "Access-Control-Allow-Headers": asked_headers or "Content-Type, Authorization, If-Match",
        "Access-Control-Max-Age": LIFE,
    }
