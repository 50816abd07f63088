"""The path of an Ingress under which clients reach the service.

It is taken away before the router and everything after see a request, so that rights and policies are about the same
paths everywhere. A request without it is answered too: probes and clients in the cluster come without the Ingress.
"""

from aiohttp import web

ROOT = web.RequestKey("ROOT", str)
"""The path that was taken away from this request; absent if none was."""


def public_path(request: web.BaseRequest, path: str) -> str:
    """Return a path of this service as the client of the request has to ask for it."""
    root: str = request.get(ROOT, "")
    return root + path
