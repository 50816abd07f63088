"""Sends an `Entry`: a datagram, or a frame of RFC 6587 in a connection of its own."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from dkron_operator.delivery.outbox import Undeliverable, Unreachable
from dkron_processors.message import Entry


async def send_entry(entry: Entry) -> None:
    """Send the message. Whether a datagram arrived cannot be known. Raises `Unreachable`, `Undeliverable`."""
    address = urlsplit(entry.server.address)
    try:
        await _WAYS[address.scheme](address.hostname or "", address.port or 0, address.path, entry.data)
    except OSError as exc:
        raise Unreachable(f"syslog at {entry.server.address}: {exc.strerror or exc}") from None
    except ValueError as exc:
        raise Undeliverable(f"syslog at {entry.server.address}: {exc}") from None


async def _udp(host: str, port: int, _path: str, data: bytes) -> None:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    family, kind, protocol, _, where = found[0]
    with socket.socket(family, kind, protocol) as own:
        own.setblocking(False)
        # Connected, so that a refusal by the host is noticed.
        await loop.sock_connect(own, where)
        await loop.sock_sendall(own, data)


async def _tcp(host: str, port: int, _path: str, data: bytes) -> None:
    _, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(f"{len(data)} ".encode() + data)
        await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    finally:
        writer.close()
        await writer.wait_closed()


async def _unix(_host: str, _port: int, path: str, data: bytes) -> None:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as own:
        own.setblocking(False)
        own.connect(path)
        await loop.sock_sendall(own, data)


_WAYS: dict[str, Callable[[str, int, str, bytes], Awaitable[None]]] = {"udp": _udp, "tcp": _tcp, "unix": _unix}
