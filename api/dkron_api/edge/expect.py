"""`Expect: 100-continue`, and nothing else: other expectations are no reason to refuse a request (RFC 9110 §10.1.1)."""

from aiohttp import web

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
