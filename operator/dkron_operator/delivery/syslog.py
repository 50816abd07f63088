"""Sends an `Entry`: a datagram, or a frame of RFC 6587 in a connection of its own."""

import asyncio
import socket
from typing import Any
from urllib.parse import urlsplit

from dkron_operator.delivery.outbox import Undeliverable, Unreachable
from dkron_processors.message import Entry


async def send_entry(entry: Entry) -> None:
    """Send the message. Whether a datagram arrived cannot be known. Raises `Unreachable`, `Undeliverable`."""
    address = urlsplit(entry.server.address)
    try:
        match address.scheme:
            case "udp":
                await _udp(address.hostname or "", address.port or 0, entry.data)
            case "tcp":
                await _tcp(address.hostname or "", address.port or 0, entry.data)
            case _:
                await _datagram(socket.AF_UNIX, address.path, entry.data)
    except OSError as exc:
        raise Unreachable(f"syslog at {entry.server.address}: {exc.strerror or exc}") from None
    except ValueError as exc:
        raise Undeliverable(f"syslog at {entry.server.address}: {exc}") from None


async def _udp(host: str, port: int, data: bytes) -> None:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    family, _, _, _, where = found[0]
    await _datagram(family, where, data)


async def _datagram(family: int, where: Any, data: bytes) -> None:  # noqa: ANN401 - an address of any family
    loop = asyncio.get_running_loop()
    with socket.socket(family, socket.SOCK_DGRAM) as own:
        own.setblocking(False)
        # Connected, so that a refusal by the host is noticed.
        await loop.sock_connect(own, where)
        await loop.sock_sendall(own, data)


async def _tcp(host: str, port: int, data: bytes) -> None:
    _, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(f"{len(data)} ".encode() + data)
        await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    finally:
        writer.close()
        await writer.wait_closed()
