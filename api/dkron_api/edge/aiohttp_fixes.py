"""Changes of aiohttp, each with the place where aiohttp was asked for it. No other module uses aiohttp's internals."""

import asyncio
import logging
import os
import re
from collections.abc import Callable
from contextlib import nullcontext
from http import HTTPStatus
from typing import Any, cast

from aiohttp import MultipartReader, StreamReader, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestHandler
from aiohttp.web_urldispatcher import MatchInfoError, UrlMappingMatchInfo
from yarl import URL

from dkron_api.edge.admission import whole_answer
from dkron_api.edge.urls import ROOT
from dkron_crds.schedule.errors import quoted

HALF_CLOSED = 60.0
"""Seconds until a half-closed client gets no response any more. Only a write shows whether it is still there."""
STALL = 30.0
"""Seconds after which a client that reads nothing is disconnected."""
COUNTED = 1024
"""Bytes from which the body of an answer counts until it is sent."""
CUT_SHORT = "the connection was closed before the end of the body"
SEGMENTS = 32
"""Maximum slashes in a path: routes have up to six, and folders of a user interface a few more."""
TOO_LONG = f"the path has more than {SEGMENTS} segments"
LINES = 1024
"""Maximum lines of a form outside of the contents of its parts: before the first one, boundaries and headers."""
MALFORMED = (HttpProcessingError, web.RequestPayloadError)
_CODE = re.compile(r"^\d{3}, message:\s*")


class Connection(RequestHandler):
    """The connection of one client. Bodies stay as they were sent: aiohttp unpacks them before a handler can refuse.

    A write waits until the kernel has all bytes, and a client that reads none of them is sent away. aiohttp would wait
    forever, and not at all for the last 64 KiB. Not reported.

    A client may half-close its connection after a request and still read the response (RFC 9112 §9.6); aiohttp would
    close the connection: https://github.com/aio-libs/aiohttp/issues/3659
    """

    __slots__ = ("_answered", "_body", "_patience", "_silent", "_stall")

    def __init__(self, server: web.Server, *, loop: asyncio.AbstractEventLoop, **options: Any) -> None:  # noqa: ANN401 - aiohttp's
        super().__init__(server, loop=loop, auto_decompress=False, **options)
        self._silent = False
        self._answered = 0
        self._body: StreamReader | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer bytes that are not an HTTP request in one line, with an id, as all errors are answered.

        No middleware sees them: https://github.com/aio-libs/aiohttp/issues/3287
        """
        if isinstance(exc, UnicodeEncodeError):
            # aiohttp quotes an `Expect` that it does not know, and fails if that is not text. Not reported.
            status, exc = HTTPStatus.BAD_REQUEST, HttpProcessingError(message="its Expect is not text")
        if isinstance(exc, HttpProcessingError):
            message = f"this is not an HTTP request: {quoted(sentence(exc))}"
        response = super().handle_error(request, status, exc, message)
        response.headers["X-Request-Id"] = os.urandom(8).hex()
        return response

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Handle the begin of the connection."""
        super().connection_made(transport)
        # Not zero: the transport of TLS would take an empty buffer for a full one.
        cast("asyncio.Transport", transport).set_write_buffer_limits(high=1, low=0)

    def pause_writing(self) -> None:
        """Handle a client that reads more slowly than it is answered."""
        super().pause_writing()
        self._wait_for_reader()

    def resume_writing(self) -> None:
        """Handle a client that has read everything."""
        super().resume_writing()
        if self._stall is not None:
            self._stall.cancel()

    def _wait_for_reader(self, before: int | None = None) -> None:
        """Send the client away if it has read nothing since `before` were left to read."""
        if self.transport is None:
            return
        left = self.transport.get_write_buffer_size()
        if before is not None and left >= before:
            self.transport.abort()
        else:
            self._stall = self._loop.call_later(STALL, self._wait_for_reader, left)

    def eof_received(self) -> bool:  # type: ignore[override]  # aiohttp never answers, which means False
        """Handle the client's half-close. Return whether the connection stays open for pending responses."""
        if not self._owed or (self.transport is not None and self.transport.get_extra_info("sslcontext") is not None):
            # A TLS connection cannot stay open in one direction.
            return False
        if not self._silent:
            self._silent = True
            self._patience = self._loop.call_later(HALF_CLOSED, self._give_up)
            if self._body is not None and not self._body.is_eof():
                self._body.set_exception(web.RequestPayloadError(CUT_SHORT))
        return True

    def data_received(self, data: bytes) -> None:
        """Handle data from the client."""
        super().data_received(data)
        if self._messages:
            self._body = self._messages[-1][1]

    def connection_lost(self, exc: BaseException | None) -> None:
        """Handle the end of the connection."""
        for timer in (self._patience, self._stall):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send the end of a response. After the last response to a half-closed client, close the connection."""
        body = resp.body if type(resp) is web.Response and isinstance(request, web.Request) else None
        size = len(body) if isinstance(body, bytes) else 0
        with whole_answer(cast("web.Request", request), size) if size >= COUNTED else nullcontext():
            answered = await super().finish_response(request, resp, start_time)
        self._answered += 1
        if self._silent and not self._owed:
            self.close()
        return answered

    @property
    def _owed(self) -> int:
        """Number of requests received but not answered."""
        return self._request_count - self._answered

    def _give_up(self) -> None:
        if self.transport is not None:
            self.transport.abort()


class Malformed(logging.Filter):
    """Malformed requests as one line each. aiohttp logs them as errors with a traceback, with which any client could
    fill the log: https://github.com/aio-libs/aiohttp/issues/7817
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Shorten such records. Let every record pass."""
        error = record.exc_info[1] if record.exc_info else None
        if record.name == "aiohttp.server" and isinstance(error, MALFORMED):
            record.levelno, record.levelname = logging.INFO, "INFO"
            record.msg, record.args = "a request cannot be read: %s", (sentence(error),)
            record.exc_info = record.exc_text = None
        return True


def sentence(error: Exception) -> str:
    """Return the error in one line, without the request's content, into which further lines point."""
    text = _CODE.sub("", error.message if isinstance(error, HttpProcessingError) else str(error))
    first = text.strip().splitlines()[0] if text.strip() else type(error).__name__
    return first.rstrip(":")[:200]


class _BoundedLines:
    """The body of a form."""

    def __init__(self, content: StreamReader) -> None:
        self._content = content
        self._lines = 0

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - aiohttp's
        return getattr(self._content, name)

    async def readline(self, **limits: int) -> bytes:
        self._lines += 1
        if self._lines > LINES:
            raise ValueError(f"it has more than {LINES} lines outside of its parts")
        return await self._content.readline(**limits)


async def form_of(request: web.Request) -> MultipartReader:
    """Return the form in the body. aiohttp passes any number of lines before the first part, and lets no other request
    run meanwhile: https://github.com/aio-libs/aiohttp/issues/13652"""
    form = await request.multipart()
    form._content = cast("StreamReader", _BoundedLines(form._content))
    return form


def bound_paths(app: web.Application) -> None:
    """Make the router answer 414 to paths that are longer than any route. It looks up each prefix of a path that ends
    before a slash, so sixty thousand slashes would block all requests for a second. Not reported; it has done so since
    https://github.com/aio-libs/aiohttp/pull/7829
    """
    resolve = app.router.resolve

    async def resolving(request: web.Request) -> UrlMappingMatchInfo:
        if request.rel_url.raw_path.count("/") > SEGMENTS:
            return MatchInfoError(web.HTTPRequestURITooLong(text=TOO_LONG))
        return await resolve(request)

    app.router.resolve = resolving  # type: ignore[method-assign]


def serve_below(runner: web.BaseRunner, root: str) -> None:
    """Take `root` away from paths that begin with it, before the router and middlewares see them. aiohttp lets no
    application choose how requests are made: https://github.com/aio-libs/aiohttp/issues/4577
    """
    server = cast("web.Server", runner.server)
    server.request_factory = _below(root, server.request_factory)


def _below(root: str, make: Callable[..., web.BaseRequest]) -> Callable[..., web.BaseRequest]:
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
