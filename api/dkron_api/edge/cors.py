"""Access for web pages of other origins: none, unless configured. Pure.

A browser sends many cross-origin requests without a preflight, and the API reads a job from any content type. To keep
web pages from running commands through a browser that reaches the API, such requests are rejected based on the
headers that browsers add.
"""

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from dkron_api.edge.addresses import items, value_of

ANY = "*"
METHODS = "GET, POST, PUT, PATCH, DELETE"
EXPOSED = (
    "X-Total-Count, X-Next-After, X-Search-Complete, X-Output-Truncated, Location, X-Whom, ETag, Retry-After, "
    "X-Request-Id, X-Execution-Id, Preference-Applied, Warning"
)
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN = frozenset({"same-origin", "none"})
LIFE = "600"
"""Seconds that a browser may cache the response to a preflight."""


def allowed(origin: str, origins: Sequence[str]) -> str:
    """Return the Access-Control-Allow-Origin for the origin; empty if it is not allowed."""
    if not origin:
        return ""
    if ANY in origins:
        return ANY
    return origin if origin in origins else ""


def is_foreign(method: str, headers: Mapping[str, str], origins: Sequence[str]) -> bool:
    """Whether the request changes something on behalf of an untrusted page in a browser."""
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
    """Return the names under which a browser knows this server. A page cannot forge a proxy's header in a
    cross-origin request, since the browser sends a preflight first."""
    renamed = items([headers.get("X-Forwarded-Host", "")])[:1]
    renamed += [value_of(item, "host") for item in items([headers.get("Forwarded", "")])[:1]]
    return {_plain(host) for host in (headers.get("Host", ""), *renamed) if host}


def _plain(host: str) -> str:
    """Return the host without its default port, which browsers omit and some proxies do not."""
    return host.lower().removesuffix(":80").removesuffix(":443")


def preflight(asked_headers: str) -> dict[str, str]:
    """Return the headers of a preflight response, except the origin."""
    return {
        "Access-Control-Allow-Methods": METHODS,
        "Access-Control-Allow-Headers": asked_headers or "Content-Type, Authorization, If-Match",
        "Access-Control-Max-Age": LIFE,
    }
