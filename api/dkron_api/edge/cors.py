"""Which pages of other origins may call the API. None, unless they are named. Pure.

A browser sends many a request of a foreign page without asking first, and a job is read from any content type. So that
no page on the web can start a command through a browser that reaches the API, such requests are refused by what
browsers say of them.
"""

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

ANY = "*"
METHODS = "GET, POST, PUT, PATCH, DELETE"
EXPOSED = "X-Total-Count, Location, X-Whom, ETag, Retry-After, X-Request-Id"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN = frozenset({"same-origin", "none"})
LIFE = "600"
"""Seconds that a browser may remember the answer to a preflight."""


def allowed(origin: str, origins: Sequence[str]) -> str:
    """What to answer as Access-Control-Allow-Origin; empty if the origin may not."""
    if not origin:
        return ""
    if ANY in origins:
        return ANY
    return origin if origin in origins else ""


def is_foreign(method: str, headers: Mapping[str, str], origins: Sequence[str]) -> bool:
    """Whether a page that is not trusted has made a browser send this request to change something."""
    if method in _SAFE:
        return False
    origin = headers.get("Origin", "")
    if not origin or allowed(origin, origins):
        return False
    site = headers.get("Sec-Fetch-Site", "")
    if site:
        return site not in _OWN
    try:
        return urlsplit(origin).netloc != headers.get("Host", "")
    except ValueError:
        return True


def preflight(asked_headers: str) -> dict[str, str]:
    """What a preflight is told besides the origin."""
    return {
        "Access-Control-Allow-Methods": METHODS,
        "Access-Control-Allow-Headers": asked_headers or "Content-Type, Authorization, If-Match",
        "Access-Control-Max-Age": LIFE,
    }
