"""Which pages of other origins may call the API. None, unless they are named. Pure.

A browser sends many a request of a foreign page without asking first, and a job is read from any content type. So that
no page on the web can start a command through a browser that reaches the API, such requests are refused by what
browsers say of them.
"""

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

ANY = "*"
METHODS = "GET, POST, PUT, PATCH, DELETE"
EXPOSED = "X-Total-Count, Location, X-Whom, ETag, Retry-After, X-Request-Id, Preference-Applied, Warning"
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
        return _plain(urlsplit(origin).netloc) not in _own_hosts(headers)
    except ValueError:
        return True


def _own_hosts(headers: Mapping[str, str]) -> set[str]:
    """The names under which a browser knows this server. No page can send the header of a proxy to another origin: a
    browser asks first."""
    forwarded = headers.get("X-Forwarded-Host", "").split(",")[0].strip()
    return {_plain(host) for host in (headers.get("Host", ""), forwarded) if host}


def _plain(host: str) -> str:
    """Without the port that goes without saying, which browsers leave away and some proxies do not."""
    return host.lower().removesuffix(":80").removesuffix(":443")


def preflight(asked_headers: str) -> dict[str, str]:
    """What a preflight is told besides the origin."""
    return {
        "Access-Control-Allow-Methods": METHODS,
        "Access-Control-Allow-Headers": asked_headers or "Content-Type, Authorization, If-Match",
        "Access-Control-Max-Age": LIFE,
    }
