"""A load generator that is not what is measured: requests that are bytes already, over connections that stay open, and
answers of which only the status and the length are looked at (in chunks: the end).

One process of it asks for several times as many answers as a Python server gives; the benchmark prints how busy it was.
"""

import asyncio
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

CHUNK = 256 * 1024
"""Bytes that are read at once."""
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = b"transfer-encoding: chunked"
_HEAD_END = b"\r\n\r\n"
_LAST_CHUNK = b"0\r\n\r\n"


class LoadError(Exception):
    """An answer was not the one that is measured. `str()` says what came instead."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one load brought: `latencies` of all answers in seconds, sorted; how long it took; `busy` is the share of
    that in which the generator used its core."""

    latencies: list[float]
    seconds: float
    busy: float

    @property
    def rate(self) -> float:
        """Answers in a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """Seconds within which this share of the answers came."""
        return self.latencies[min(int(len(self.latencies) * share), len(self.latencies) - 1)]


def request(method: str, path: str, body: bytes = b"", *, encoding: str = "identity", token: str = "") -> bytes:
    """An HTTP request as it goes over the wire."""
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\nAccept-Encoding: {encoding}\r\n"
    if token:
        head += f"Authorization: Bearer {token}\r\n"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


async def load(
    address: tuple[str, int], requests: Iterator[bytes], *, expected: int, connections: int, seconds: float
) -> Outcome:
    """Send requests over so many connections, one at a time on each, until there are none left or the time is over.

    Raises LoadError for an answer of another status than `expected`, or none.
    """
    work = _Work(requests, b" %d " % expected)
    loop = asyncio.get_running_loop()
    opened = [await loop.create_connection(lambda: _Connection(work), *address) for _ in range(connections)]
    begin, used = time.perf_counter(), time.process_time()
    try:
        work.until = begin + seconds
        for transport, connection in opened:
            connection.begin(transport)
        await work.over()
        took = time.perf_counter() - begin
        return Outcome(sorted(work.latencies), took, (time.process_time() - used) / took)
    finally:
        for transport, _ in opened:
            transport.close()


class _Work:
    """What all connections share: the requests, and what came of them."""

    def __init__(self, requests: Iterator[bytes], status: bytes) -> None:
        self.status = status
        self.latencies: list[float] = []
        self.until = 0.0
        self._requests = requests
        self._open = 0
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def take(self) -> bytes | None:
        """The next request, None when it is time to stop."""
        return next(self._requests, None) if time.perf_counter() < self.until else None

    def enter(self) -> None:
        """A connection takes part."""
        self._open += 1

    def leave(self) -> None:
        """It has nothing to do any more."""
        self._open -= 1
        if not self._open and not self._over.done():
            self._over.set_result(None)

    def fail(self, reason: str) -> None:
        """The figures would be worth nothing."""
        if not self._over.done():
            self._over.set_exception(LoadError(reason))

    async def over(self) -> None:
        """Wait until all connections have left."""
        await self._over


class _Connection(asyncio.BufferedProtocol):
    """One request after another, as soon as the answer to the last one is there."""

    def __init__(self, work: _Work) -> None:
        self._work = work
        self._buffer = bytearray(CHUNK)
        self._view = memoryview(self._buffer)
        self._head = 0
        self._missing = 0
        self._chunked = False
        self._tail = bytearray()
        self._sent_at = 0.0
        self._idle = True

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone: in order only if nothing was asked."""
        if not self._idle:
            self._work.fail(f"the server has closed a connection in the middle of an answer: {exc}")

    def begin(self, transport: asyncio.WriteTransport) -> None:
        """Take part in the work."""
        self._transport = transport
        self._work.enter()
        self._send()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - the protocol's
        """Where the next bytes go: behind a head that is not complete; a body is not kept."""
        return self._view[self._head :]

    def buffer_updated(self, nbytes: int) -> None:
        """So many bytes have come."""
        if self._chunked:
            self._tail = self._tail[-len(_LAST_CHUNK) :] + self._buffer[max(nbytes - len(_LAST_CHUNK), 0) : nbytes]
        elif self._missing:
            self._missing -= nbytes
        elif not self._begin_answer(nbytes):
            return
        if self._tail.endswith(_LAST_CHUNK) if self._chunked else self._missing <= 0:
            self._answered()

    def _begin_answer(self, nbytes: int) -> bool:
        """Whether the head is complete."""
        self._head += nbytes
        end = self._buffer.find(_HEAD_END, 0, self._head)
        if end < 0:
            return False
        begin = end + len(_HEAD_END)
        length = _LENGTH.search(self._buffer, 0, end)
        self._chunked = length is None and _CHUNKED in self._buffer[:end].lower()
        if self._buffer[8:13] != self._work.status or (length is None and not self._chunked):
            self._work.fail(f"unexpected answer:\n{self._buffer[: self._head].decode('utf-8', 'replace')[:2000]}")
        self._tail = self._buffer[begin : self._head][-len(_LAST_CHUNK) :]
        self._missing = 0 if length is None else begin + int(length[1]) - self._head
        self._head = 0
        return True

    def _answered(self) -> None:
        self._work.latencies.append(time.perf_counter() - self._sent_at)
        self._chunked = False
        self._send()

    def _send(self) -> None:
        data = self._work.take()
        self._idle = data is None
        if data is None:
            self._work.leave()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(data)
