"""Connections on which a client stops sending, or sends no request: real sockets, and a server that waits."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from aiohttp import web

from dkron_api.edge import aiohttp_fixes as module
from dkron_api.edge.aiohttp_fixes import CUT_SHORT, Connection

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
SECONDS = 10.0
HELLO = b"GET / HTTP/1.1\r\nHost: it\r\n\r\n"


@asynccontextmanager
async def served(handler: Handler) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to a server that answers so."""
    app = web.Application()
    app.router.add_route("*", "/", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(runner.server, loop=loop, access_log=None), "127.0.0.1", 0)  # type: ignore[arg-type]
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
    try:
        async with asyncio.timeout(SECONDS):
            yield reader, writer
    finally:
        writer.close()
        server.close()
        await runner.cleanup()


async def slow(request: web.Request) -> web.StreamResponse:
    """An answer that takes a few turns of the loop, and says what the body was."""
    for _ in range(5):
        await asyncio.sleep(0)
    try:
        return web.Response(body=b"read " + await request.read())
    except web.RequestPayloadError as error:
        return web.Response(status=400, text=str(error))


def post(body: bytes, *lines: str, length: int | None = None) -> bytes:
    head = ["POST / HTTP/1.1", "Host: it", *lines, f"Content-Length: {len(body) if length is None else length}", "", ""]
    return "\r\n".join(head).encode() + body


@pytest.mark.parametrize(
    ("sent", "answers"),
    [
        pytest.param(HELLO, [b"read "], id="one request"),
        pytest.param(post(b"all"), [b"read all"], id="a request with its body"),
        pytest.param(post(b"one") + post(b"two") + HELLO, [b"read one", b"read two", b"read "], id="three at once"),
        pytest.param(post(b"some", length=99), [CUT_SHORT.encode()], id="a body that is cut"),
        pytest.param(HELLO + post(b"some", length=99), [b"read ", CUT_SHORT.encode()], id="a second one that is cut"),
        pytest.param(b"GET / HTTP/1.1\r\nHos", [], id="a head that is cut"),
        pytest.param(b"", [], id="nothing"),
    ],
)
async def test_half_closed_client_gets_all_pipelined_answers(sent: bytes, answers: list[bytes]) -> None:
    async with served(slow) as (reader, writer):
        writer.write(sent)
        writer.write_eof()
        received = await reader.read()
    assert received.count(b"HTTP/1.1 ") == len(answers), received
    for answer in answers:
        assert answer in received
        received = received.partition(answer)[2]


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"FOO\r\n\r\n", id="no request line"),
        pytest.param(HELLO[:-2] + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", id="two lengths"),
        pytest.param(HELLO[:-2] + b"A: b\0c\r\n\r\n", id="a header with a NUL character"),
        pytest.param(HELLO[:-2] + b"Expect: \xff\r\n\r\n", id="an expectation that is not text"),
    ],
)
async def test_non_http_bytes_get_one_line_with_a_request_id(sent: bytes) -> None:
    async with served(slow) as (reader, writer):
        writer.write(sent)
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    assert b" 400 " in head
    assert b"\r\nX-Request-Id: " in head
    assert body.startswith(b"this is not an HTTP request: ")
    assert b"\n" not in body


async def test_client_that_half_closes_during_the_answer_gets_it() -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def waiting(_: web.Request) -> web.StreamResponse:
        begun.set()
        await go_on.wait()
        return web.Response(text="late")

    async with served(waiting) as (reader, writer):
        writer.write(HELLO)
        await begun.wait()
        writer.write_eof()
        await asyncio.sleep(0)
        go_on.set()
        assert b"late" in await reader.read()


async def test_missing_answer_is_not_awaited_forever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HALF_CLOSED", 0.05)
    over = asyncio.Event()

    async def late(_: web.Request) -> web.StreamResponse:
        await over.wait()
        return web.Response(text="late")

    async with served(late) as (reader, writer):
        writer.write(HELLO)
        writer.write_eof()
        with suppress(ConnectionResetError):
            assert not await reader.read()
        over.set()
    left = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*left, return_exceptions=True)


async def test_a_body_stays_as_it_was_sent() -> None:
    packed = zlib.compress(b"small", wbits=31)
    async with served(slow) as (reader, writer):
        writer.write(post(packed, "Content-Encoding: gzip") + HELLO)
        writer.write_eof()
        received = await reader.read()
    assert received.count(b"HTTP/1.1 200 ") == 2, received
    assert b"read " + packed in received
