"""A server on loopback in the place of the API server, and a client for it: for tests of what goes over the wire."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from dkron_kube.access import Access
from dkron_kube.client import KubeClient

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def served(handler: Handler, *, seconds: float = 10, **options: Any) -> AsyncIterator[KubeClient]:
    """A client whose every request goes to the handler."""
    async with serving(handler) as server:
        client = client_of(str(server.make_url("")).rstrip("/"), seconds=seconds, **options)
        try:
            yield client
        finally:
            await client.close()


@asynccontextmanager
async def serving(handler: Handler, *, port: int | None = None) -> AsyncIterator[TestServer]:
    """Only the server. When it ends it does not wait for those who are still served."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    server = TestServer(app, host="127.0.0.1", port=port)
    await server.start_server(shutdown_timeout=0.1)
    try:
        yield server
    finally:
        await server.close()


async def anonymous() -> str | None:
    """No credentials."""
    return None


def client_of(
    server: str,
    *,
    seconds: float = 10,
    authorization: Callable[[], Awaitable[str | None]] = anonymous,
    **options: Any,
) -> KubeClient:
    """A client for that server."""
    where = Access(server=server, namespace="default", tls=True, authorization=authorization)
    return KubeClient(where, timeout=seconds, **options)


def always(make: Callable[[], web.StreamResponse]) -> Handler:
    """A handler that gives each request this answer."""

    async def answer(_: web.Request) -> web.StreamResponse:
        return make()

    return answer


async def opened(request: web.Request) -> web.StreamResponse:
    """An answer that is written piece by piece."""
    response = web.StreamResponse()
    await response.prepare(request)
    return response


def refusal(status: int, reason: str = "", message: str = "m", **details: object) -> web.Response:
    """A Status, as the API server refuses."""
    body = {"kind": "Status", "status": "Failure", "message": message, "reason": reason, "code": status}
    return web.json_response(body | ({"details": details} if details else {}), status=status)
