"""Clients that behave as no library does: raw bytes, connections that are cut, slow or silent, by the hundred.

The memory of a process meanwhile is read from /proc, at its peak: a body that was held and let go counts, too.
"""

import contextlib
import http.client
import io
import itertools
import json
import resource
import socket
import struct
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import cast

from tests.support.rest import Answer, Rest

SECONDS = 30.0
ADDRESS = "127.0.0.2"
"""From where they come: the REST API limits the requests of an address, and others must not pay for theirs."""
KIB = 1024
MIB = 1024 * 1024
PIECE = 65536
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: close at once, and tell the other side so with a reset."""
STREAM = "text/event-stream"
PROBLEM = "application/problem+json"
OURS = "dkron-api"


def head(method: str, path: str, *headers: str, host: str = "Host: localhost") -> bytes:
    """A request without a body, or up to it."""
    lines = (f"{method} {path} HTTP/1.1", host, *headers, "", "")
    return "\r\n".join(lines).encode("latin-1")


def request(method: str, path: str, *headers: str, body: bytes = b"") -> bytes:
    """A whole request on a connection of its own."""
    return head(method, path, *headers, f"Content-Length: {len(body)}", "Connection: close") + body


def connect(rest: Rest, *, seconds: float = SECONDS) -> socket.socket:
    """A connection from `ADDRESS`; a read that waits for so long gets a TimeoutError."""
    return socket.create_connection((rest.host, rest.port), timeout=seconds, source_address=(ADDRESS, 0))


def ask(rest: Rest, sent: bytes | Iterable[bytes], *, seconds: float = SECONDS) -> Answer:
    """Send these bytes, and read one answer. A server may answer, and close, before it has read them all."""
    with connect(rest, seconds=seconds) as connection:
        with contextlib.suppress(ConnectionError):
            for piece in [sent] if isinstance(sent, bytes) else sent:
                connection.sendall(piece)
        return read_answer(connection)


def read_answer(connection: socket.socket) -> Answer:
    """One answer. Of a stream of events only the head."""
    response = http.client.HTTPResponse(connection)
    response.begin()
    streams = (response.getheader("Content-Type") or "").startswith(STREAM)
    return Answer(response.status, tuple(response.getheaders()), b"" if streams else response.read())


class _Bytes:
    """Bytes in the place of a socket; what is read of one answer is missing for the next, and no more."""

    def __init__(self, received: bytes) -> None:
        self.file = io.BytesIO(received)

    def makefile(self, *_: object) -> io.BytesIO:
        return self.file


class _Response(http.client.HTTPResponse):
    """An answer that leaves the bytes behind it to the next one."""

    def _close_conn(self) -> None:
        pass


def answers_in(received: bytes) -> list[Answer]:
    """All answers of a connection on which several requests were sent."""
    source = _Bytes(received)
    found = []
    while source.file.tell() < len(received):
        response = _Response(cast("socket.socket", source))
        response.begin()
        found.append(Answer(response.status, tuple(response.getheaders()), response.read()))
    return found


def pipeline(rest: Rest, sent: bytes, *, seconds: float = SECONDS) -> list[Answer]:
    """Send many requests at once, of which the last has to close the connection, and read what comes meanwhile."""
    with connect(rest, seconds=seconds) as connection:
        sending = threading.Thread(target=connection.sendall, args=(sent,))
        sending.start()
        received = b"".join(iter(lambda: connection.recv(PIECE), b""))
        sending.join()
    return answers_in(received)


def cut(connection: socket.socket) -> None:
    """Break a connection, as a client that was killed or a network that fails does."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    connection.close()


@contextlib.contextmanager
def crowd(rest: Rest, count: int, sent: bytes = b"") -> Iterator[list[socket.socket]]:
    """So many connections at once, on each of which these bytes were sent."""
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(connect(rest)) for _ in range(count)]
        for connection in connections if sent else ():
            connection.sendall(sent)
        yield connections


def is_closed(connection: socket.socket) -> bool:
    """Whether the server has closed it; what it has sent before is thrown away."""
    connection.setblocking(False)
    try:
        while connection.recv(PIECE):
            pass
    except BlockingIOError:
        return False
    except ConnectionError:
        pass
    return True


def endless(piece: bytes, *, size: int) -> Iterator[bytes]:
    """So many bytes without holding them."""
    return itertools.islice(itertools.repeat(piece), size // len(piece))


class Memory:
    """The resident memory of a process."""

    def __init__(self, pid: int) -> None:
        self._folder = Path(f"/proc/{pid}")
        self.begin()

    def begin(self) -> None:
        """Count from here on: the peak is what is there now."""
        (self._folder / "clear_refs").write_text("5", encoding="ascii")
        self.before = self.now()

    def now(self) -> int:
        """Bytes at this moment."""
        return self._read("VmRSS")

    def growth(self) -> int:
        """Bytes by which it was larger at its peak than in the beginning."""
        return self._read("VmHWM") - self.before

    def _read(self, field: str) -> int:
        lines = (self._folder / "status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * KIB for line in lines if line.startswith(f"{field}:"))


def allow_connections(count: int) -> bool:
    """Let this process, and those that it starts from now on, have so many; whether that is possible."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + 512
    if hard != resource.RLIM_INFINITY and hard < wanted:
        return False
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return True


def assert_civil(answer: Answer, sent: object = "") -> None:
    """That a program knows what to do next, and a person what was wrong: no answer of 5xx but 503 with Retry-After, and
    a sentence with each of 4xx. The framework answers what is no HTTP, in words of its own."""
    about = f"to {sent!r:.500}\n{answer}"
    assert answer.status < 500 or (answer.status == 503 and answer.header("Retry-After")), about
    if answer.status < 400:
        return
    kind = answer.header("Content-Type") or ""
    sentence = json.loads(answer.body)["detail"] if kind == PROBLEM else answer.text
    assert kind in {"text/plain; charset=utf-8", PROBLEM}, about
    assert 0 < len(sentence) < 1000, about
    assert "Traceback" not in sentence, about
    if answer.header("Server") == OURS:
        assert len(sentence.split()) > 1, about
        assert sentence.isprintable(), about


def narrow(pid: int, *, room: int) -> None:
    """Let a process open only so many files and connections besides those that it has."""
    there = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (there + room, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


def peak_of(pid: int) -> int:
    """Bytes of resident memory that a process has taken at its peak so far."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * KIB for line in lines if line.startswith("VmHWM:"))
