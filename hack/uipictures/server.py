"""The REST API with its page, at the moment of the example: its clock stands still, and a fake API server behind it
tells of the example's objects."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from email.utils import format_datetime

from aiohttp import web

from dkron_api.app import make_app
from dkron_api.settings import Settings
from dkron_kube.access import Access
from dkron_kube.client import KubeClient
from uipictures.example import LEADER, NAMESPACE, NOW, Object


@contextlib.asynccontextmanager
async def running(objects: dict[str, list[Object]]) -> AsyncIterator[str]:
    """Serve until the end of the context. Yield the address."""
    async with _listening(_fake_kubernetes(objects)) as kubernetes:
        kube = KubeClient(Access(server=kubernetes, namespace=NAMESPACE, tls=True, authorization=_no_token))
        settings = Settings(
            namespace=NAMESPACE, cluster_namespace=NAMESPACE, node_name=LEADER, access_log=False, _cli_parse_args=[]
        )
        app = make_app(settings, kube, clock=lambda: NOW)
        app.on_response_prepare.append(_at_that_time)
        async with _listening(app) as address:
            yield address


async def _at_that_time(_: web.Request, response: web.StreamResponse) -> None:
    """The page goes by the time of the server, which it takes from this header."""
    response.headers["Date"] = format_datetime(NOW, usegmt=True)


async def _no_token() -> str | None:
    return None


def _fake_kubernetes(objects: dict[str, list[Object]]) -> web.Application:
    async def answer(request: web.Request) -> web.StreamResponse:
        if "watch" in request.query:
            response = web.StreamResponse()
            await response.prepare(request)
            await asyncio.Event().wait()
        *_, before, last = request.path.split("/")
        named = next((each for each in objects.get(before, ()) if each["metadata"]["name"] == last), None)
        if named is not None:
            return web.json_response(named)
        if before in objects:
            status = {"kind": "Status", "status": "Failure", "reason": "NotFound", "message": "not found", "code": 404}
            return web.json_response(status, status=404)
        label, _, value = request.query.get("labelSelector", "").partition("=")
        items = [each for each in objects.get(last, ()) if not label or _labels(each).get(label) == value]
        return web.json_response({"metadata": {"resourceVersion": "1000"}, "items": items})

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    return app


def _labels(of: Object) -> dict[str, str]:
    return dict(of["metadata"].get("labels", {}))


@contextlib.asynccontextmanager
async def _listening(app: web.Application) -> AsyncIterator[str]:
    """Serve an application on a free port of the loopback."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
