"""A server in the test's process that treats clients who leave as the program does."""

from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer


class LastingServer(TestServer):
    """A handler goes on when its client has left, unless it looks. aiohttp's own test server would cancel it."""

    async def _make_runner(self, **options: Any) -> web.BaseRunner:
        return await super()._make_runner(**{**options, "handler_cancellation": False})
