"""`Expect: 100-continue`. Other expectations are ignored rather than rejected (RFC 9110 §10.1.1)."""

from aiohttp import web
from aiohttp.web_urldispatcher import UrlMappingMatchInfo

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


async def expect(request: web.Request) -> None:
    """Tell the client to send the body. aiohttp's own handler fails on a header that is not text."""
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(CONTINUE)
        # The interim response does not count as output of the final one.
        request.writer.output_size = 0


def expecting(route: web.RouteDef) -> web.RouteDef:
    """Return the route with this handler."""
    return web.RouteDef(route.method, route.path, route.handler, {**route.kwargs, "expect_handler": expect})


def expect_anything_elsewhere(app: web.Application) -> None:
    """Use the handler for unknown paths too: aiohttp has its own route for them."""
    resolve = app.router.resolve

    async def resolving(request: web.Request) -> UrlMappingMatchInfo:
        match = await resolve(request)
        if match.http_exception is not None:
            match.route.handle_expect_header = expect  # type: ignore[method-assign]
        return match

    app.router.resolve = resolving  # type: ignore[method-assign]
