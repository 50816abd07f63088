"""A relay in front of a server that can break every connection at once, in the middle of whatever is on the way."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

PIECE = 4096
TURNS = 10
"""Turns of the loop until a connection that was just accepted has come to `accept`: it needs three."""


class Relay:
    """Hands bytes on in both directions. While it is `shut`, connections are broken as soon as they are made."""

    def __init__(self, host: str, port: int) -> None:
        self.shut = False
        self._target = (host, port)
        self._open: set[asyncio.StreamWriter] = set()
        self._carriers: set[asyncio.Task[Any]] = set()

    def cut(self) -> int:
        """Break all connections; returns how many there were."""
        broken = len(self._open) // 2
        for writer in self._open:
            writer.transport.abort()
        return broken

    async def close(self) -> None:
        """Break what is open, and wait until nothing is carried. The server has to be closed before."""
        self.shut = True
        self.cut()
        for _ in range(TURNS):
            await asyncio.sleep(0)
        await asyncio.gather(*self._carriers, return_exceptions=True)

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection."""
        carrier = asyncio.current_task()
        assert carrier is not None
        self._carriers.add(carrier)
        carrier.add_done_callback(self._carriers.discard)
        if self.shut:
            writer.transport.abort()
            return
        try:
            there, back = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, back}
        try:
            async with asyncio.TaskGroup() as ways:
                ways.create_task(_carry(reader, back))
                ways.create_task(_carry(there, writer))
        finally:
            self._open -= {writer, back}


@asynccontextmanager
async def relaying(host: str, port: int) -> AsyncIterator[tuple[Relay, int]]:
    """A relay to that server, and its own port on loopback."""
    relay = Relay(host, port)
    server = await asyncio.start_server(relay.accept, "127.0.0.1", 0)
    try:
        yield relay, server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await relay.close()


async def _carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while piece := await source.read(PIECE):
            sink.write(piece)
            await sink.drain()
    sink.close()
