"""Receivers of messages on the loopback, as real as a test needs them: they speak the protocol and keep what came.

Each is an async context manager; `in_background` runs one in a loop of its own, for tests that are not async.
"""

import asyncio
import contextlib
import ssl
import threading
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, TypeVar

import msgpack  # type: ignore[import-untyped]
from aiohttp import web
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

T = TypeVar("T")
HOST = "127.0.0.1"


@dataclass
class Request:
    """A request that an HTTP server received."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Web:
    """An HTTP server. `answer` decides what it says to the n-th request (from 0); None: nothing, ever."""

    answer: Callable[[int], int | None] = lambda _: 200
    requests: list[Request] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    port: int = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{HOST}:{self.port}"

    async def _handle(self, request: web.Request) -> web.Response:
        number = len(self.requests)
        body = await request.read()
        self.requests.append(Request(request.method, request.path_qs, dict(request.headers), body))
        status = self.answer(number)
        if status is None:
            await asyncio.Event().wait()
        return web.Response(status=status or 500, text="so it is", headers=self.headers)


@asynccontextmanager
async def web_server(answer: Callable[[int], int | None] = lambda _: 200, *, port: int = 0) -> AsyncIterator[Web]:
    """An HTTP server."""
    found = Web(answer)
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", found._handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, HOST, port)
    await site.start()
    found.port = runner.addresses[0][1]
    try:
        yield found
    finally:
        await runner.cleanup()


@dataclass
class Datagrams(asyncio.DatagramProtocol):
    """A syslog server for datagrams."""

    received: list[bytes] = field(default_factory=list)
    address: str = ""

    def datagram_received(self, data: bytes, addr: Any) -> None:  # noqa: ARG002 - as asyncio calls it
        self.received.append(data)


@asynccontextmanager
async def udp_syslog() -> AsyncIterator[Datagrams]:
    """A syslog server that listens for UDP."""
    loop = asyncio.get_running_loop()
    transport, found = await loop.create_datagram_endpoint(Datagrams, local_addr=(HOST, 0))
    found.address = f"udp://{HOST}:{transport.get_extra_info('sockname')[1]}"
    try:
        yield found
    finally:
        transport.close()


@asynccontextmanager
async def unix_syslog(path: Path) -> AsyncIterator[Datagrams]:
    """A syslog server that listens at a socket, as /dev/log is one."""
    loop = asyncio.get_running_loop()
    transport, found = await loop.create_datagram_endpoint(Datagrams, local_addr=str(path), family=1)
    found.address = f"unix://{path}"
    try:
        yield found
    finally:
        transport.close()


@dataclass
class Frames:
    """A syslog server for frames of RFC 6587."""

    received: list[bytes] = field(default_factory=list)
    address: str = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                size = int((await reader.readuntil(b" ")).strip())
                self.received.append(await reader.readexactly(size))
        writer.close()


@asynccontextmanager
async def tcp_syslog() -> AsyncIterator[Frames]:
    """A syslog server that listens for TCP."""
    found = Frames()
    async with _tcp_server(found.handle) as port:
        found.address = f"tcp://{HOST}:{port}"
        yield found


@dataclass
class Forward:
    """A server of the forward protocol. `ack` makes the acknowledgement of a chunk; None: the connection ends."""

    ack: Callable[[str], str | None] = lambda chunk: chunk
    received: list[tuple[str, int, dict[str, Any]]] = field(default_factory=list)
    port: int = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        unpacker = msgpack.Unpacker()
        while piece := await reader.read(65536):
            unpacker.feed(piece)
            for tag, at, record, option in unpacker:
                self.received.append((tag, int.from_bytes(at.data[:4]), record))
                answer = self.ack(option["chunk"])
                if answer is None:
                    writer.close()
                    return
                writer.write(msgpack.packb({"ack": answer}))
        writer.close()


@asynccontextmanager
async def forward_server(ack: Callable[[str], str | None] = lambda chunk: chunk) -> AsyncIterator[Forward]:
    """A fluentd."""
    found = Forward(ack)
    async with _tcp_server(found.handle) as port:
        found.port = port
        yield found


@asynccontextmanager
async def silent_server() -> AsyncIterator[int]:
    """A port that takes connections and never says a word."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65536):
            pass
        writer.close()

    async with _tcp_server(handle) as port:
        yield port


@dataclass
class Smtp:
    """A mail server. `answer` is what it says to the n-th mail (from 0); `account` is who may send."""

    answer: Callable[[int], str] = lambda _: "250 taken"
    account: tuple[str, str] | None = None
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    tries: int = 0
    port: int = 0

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        said = self.answer(self.tries)
        self.tries += 1
        if said.startswith("250"):
            content = envelope.content
            assert isinstance(content, bytes)
            self.mails.append(message_from_bytes(content, policy=policy.default))
            self.recipients.append(list(envelope.rcpt_tos))
        return said

    def authenticate(self, _server: object, _session: object, _envelope: object, _kind: object, data: object) -> Any:
        assert isinstance(data, LoginPassword)
        given = (data.login.decode(), data.password.decode())
        # Not handled: what is said to a wrong password is the server's to say.
        return AuthResult(success=given == self.account, handled=False)


@asynccontextmanager
async def mail_server(
    answer: Callable[[int], str] = lambda _: "250 taken",
    *,
    account: tuple[str, str] | None = None,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Smtp]:
    """A mail server; with `tls` it takes mails only after STARTTLS."""
    found = Smtp(answer, account)
    loop = asyncio.get_running_loop()

    def make() -> SMTP:
        with warnings.catch_warnings():
            # It warns of passwords without TLS.
            warnings.simplefilter("ignore")
            return SMTP(
                found, loop=loop, hostname="test", authenticator=found.authenticate, auth_required=account is not None,
                auth_require_tls=False, tls_context=tls, require_starttls=tls is not None,
            )  # fmt: skip

    server = await loop.create_server(make, HOST, 0)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def _tcp_server(handle: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]) -> AsyncIterator[int]:
    writers: set[asyncio.StreamWriter] = set()

    async def kept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        with contextlib.suppress(ConnectionError):
            await handle(reader, writer)
        writers.discard(writer)

    server = await asyncio.start_server(kept, HOST, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in tuple(writers):
            writer.close()


@contextmanager
def in_background(receiver: contextlib.AbstractAsyncContextManager[T]) -> Iterator[T]:
    """The receiver in a thread, with a loop of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="receiver")
    thread.start()
    try:
        found = asyncio.run_coroutine_threadsafe(receiver.__aenter__(), loop).result(10)
        try:
            yield found
        finally:
            asyncio.run_coroutine_threadsafe(receiver.__aexit__(None, None, None), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
