"""Client connections: handles clients that stop sending, which aiohttp does not.

A client may half-close its connection after a request and still read the response (RFC 9112 §9.6); aiohttp would
close the connection entirely. In addition, the rest of a compressed body that was rejected is discarded without
decompression: aiohttp would decompress it first, and a megabyte may become a gigabyte.
"""

import asyncio
import os
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from aiohttp import StreamReader, web
from aiohttp.http_exceptions import ContentEncodingError, HttpProcessingError
from aiohttp.web_protocol import RequestHandler

from dkron_crds.schedule.errors import quoted

HALF_CLOSED = 60.0
"""Seconds for which a half-closed client may still get a response. Only a write shows whether it is still there."""
FAREWELL = 2.0
"""Seconds for which a rejected client may continue to send. If the connection were closed at once, the client might
not see the reason."""
THROWN_AWAY = 16 * 2**20
"""Bytes that it may send meanwhile."""
UNKNOWN_CODING = "this Content-Encoding is not supported; use gzip, deflate or none"
CUT_SHORT = "the connection was closed before the end of the body"


def is_unwanted(request: web.BaseRequest) -> bool:
    """Whether a compressed body has more data than was read."""
    return bool(coding_of(request)) and not request.content.is_eof()


def coding_of(request: web.BaseRequest) -> str:
    """Return how the body is encoded; empty if it is not."""
    coding = request.headers.get("Content-Encoding", "").strip().lower()
    return "" if coding == "identity" else coding


def _one_line(message: str) -> str:
    """The first line of what the parser says: those that follow point into the bytes."""
    first = message.strip().splitlines()[0] if message.strip() else ""
    return f"this is not an HTTP request: {quoted(first.rstrip(':'))}"


class Connection(RequestHandler):
    """The connection of one client."""

    __slots__ = ("_answered", "_body", "_patience", "_room", "_silent", "_thrown_away")

    def __init__(self, server: web.Server, *, loop: asyncio.AbstractEventLoop, **options: Any) -> None:  # noqa: ANN401 - aiohttp's
        super().__init__(server, loop=loop, **options)
        self._silent = False
        self._answered = 0
        self._body: StreamReader | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._thrown_away: asyncio.Future[None] | None = None
        self._room = THROWN_AWAY

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer bytes that are not an HTTP request in one line, with an id, as all errors are answered.

        No middleware sees them: aiohttp rejects them while it parses.
        """
        if isinstance(exc, ContentEncodingError):
            # aiohttp knows the name of the coding, and has no decoder for it.
            status, message = HTTPStatus.UNSUPPORTED_MEDIA_TYPE, UNKNOWN_CODING
        elif isinstance(exc, HttpProcessingError):
            message = _one_line(message or exc.message)
        response = super().handle_error(request, status, exc, message)
        response.headers["X-Request-Id"] = os.urandom(8).hex()
        return response

    def eof_received(self) -> bool:  # type: ignore[override]  # aiohttp never answers, which means False
        """Handle the client's half-close. Return whether the connection stays open for pending responses."""
        if self._thrown_away is not None:
            self._end_of_waste()
            return False
        if not self._owed or self._is_encrypted:
            # A TLS connection cannot stay open in one direction.
            return False
        if not self._silent:
            self._silent = True
            self._patience = self._loop.call_later(HALF_CLOSED, self._give_up)
            self._cut_body_short()
        return True

    def data_received(self, data: bytes) -> None:
        """Handle data from the client."""
        if self._thrown_away is None:
            super().data_received(data)
            if self._messages:
                self._body = self._messages[-1][1]
            return
        self._room -= len(data)
        if self._room < 0:
            self._end_of_waste()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Handle the end of the connection."""
        if self._patience is not None:
            self._patience.cancel()
        self._end_of_waste()
        super().connection_lost(exc)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send the end of a response. After the last response to a half-closed client, close the connection."""
        answered = await super().finish_response(request, resp, start_time)
        self._answered += 1
        if is_unwanted(request):
            await self._throw_away(request)
        elif self._silent and not self._owed:
            self.close()
        return answered

    async def _throw_away(self, request: web.BaseRequest) -> None:
        transport = self.transport
        if transport is None or self._silent:
            self.close()
            return
        self._thrown_away = self._loop.create_future()
        # The rest of the body is not needed, and nothing after it is a request.
        request.content.feed_eof()
        self.close()
        with suppress(OSError, RuntimeError):
            transport.write_eof()
            transport.resume_reading()
        with suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL):
                await self._thrown_away

    def _end_of_waste(self) -> None:
        if self._thrown_away is not None and not self._thrown_away.done():
            self._thrown_away.set_result(None)

    @property
    def _is_encrypted(self) -> bool:
        return self.transport is not None and self.transport.get_extra_info("sslcontext") is not None

    @property
    def _owed(self) -> int:
        """Number of requests received but not answered."""
        return self._request_count - self._answered

    def _cut_body_short(self) -> None:
        """Fail the body of the last request if it is incomplete."""
        if self._body is not None and not self._body.is_eof():
            self._body.set_exception(web.RequestPayloadError(CUT_SHORT))

    def _give_up(self) -> None:
        if self.transport is not None:
            self.transport.abort()
