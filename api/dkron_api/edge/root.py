"""The path of an Ingress under which clients reach the service.

It is taken away before the router and everything after see a request, so that rights and policies are about the same
paths everywhere. A request without it is answered too: probes and clients in the cluster come without the Ingress.
"""

from collections.abc import Callable
from typing import Any

from aiohttp import web
from yarl import URL

ROOT = web.RequestKey("ROOT", str)
"""The path that was taken away from this request; absent if none was."""


RequestFactory = Callable[..., web.BaseRequest]
"""Makes a request from what was parsed: aiohttp's arguments, of which the first is the message."""


def below(root: str, make: RequestFactory) -> RequestFactory:
    """Return a maker of requests whose paths no longer begin with `root`."""

    def made(message: Any, *rest: Any) -> web.BaseRequest:  # noqa: ANN401
        path = message.path
        if not path.startswith(root) or path[len(root) : len(root) + 1] not in {"", "/", "?"}:
            return make(message, *rest)
        shorter = path[len(root) :]
        shorter = shorter if shorter.startswith("/") else "/" + shorter
        # Build it from parts, as aiohttp does: a path that begins with two slashes is not the name of a server.
        path, _, query = shorter.partition("?")
        url = URL.build(path=path, query_string=query, encoded=True)
        request = make(message._replace(path=shorter, url=url), *rest)
        request[ROOT] = root
        return request

    return made


def public_path(request: web.BaseRequest, path: str) -> str:
    """Return a path of this service as the client of the request has to ask for it."""
    root: str = request.get(ROOT, "")
    return root + path
