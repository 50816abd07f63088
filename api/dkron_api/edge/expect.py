"""`Expect: 100-continue`, and nothing else: other expectations are no reason to refuse a request (RFC 9110 §10.1.1)."""

from aiohttp import web
from aiohttp.web_urldispatcher import UrlMappingMatchInfo

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


async def expect(request: web.Request) -> None:
    """Let the body come. aiohttp's own handler fails on a header that is no text."""
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(CONTINUE)
        # What was written is not yet the answer.
        request.writer.output_size = 0


def expecting(route: web.RouteDef) -> web.RouteDef:
    """The route with this handler."""
    return web.RouteDef(route.method, route.path, route.handler, {**route.kwargs, "expect_handler": expect})


def expect_anything_elsewhere(app: web.Application) -> None:
    """Let the same hold for paths that are unknown: they have a route of aiohttp's own."""
    resolve = app.router.resolve

    async def resolving(request: web.Request) -> UrlMappingMatchInfo:
        match = await resolve(request)
        if match.http_exception is not None:
            match.route.handle_expect_header = expect  # type: ignore[method-assign]
        return match

    app.router.resolve = resolving  # type: ignore[method-assign]
