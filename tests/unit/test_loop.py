"""Event loops do not close the connections of others."""

import asyncio
import gc
import socket
import struct
import threading
from collections.abc import Iterator

import aiohttp
import pytest

from dkron_runtime.loop import LoopFactory, faster_loop, filling, run

RESET_AT_CLOSE = struct.pack("ii", 1, 0)
ROUNDS, AT_ONCE = 20, 20


@pytest.fixture
def resetting() -> Iterator[tuple[str, int]]:
    """The address of a server that resets each connection at once, as a server does that is killed."""
    with socket.create_server(("127.0.0.1", 0), backlog=AT_ONCE) as listener:

        def reset() -> None:
            for _ in range(ROUNDS * AT_ONCE):
                connection, _ = listener.accept()
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
                connection.close()

        thread = threading.Thread(target=reset)
        thread.start()
        yield listener.getsockname()
        thread.join()


@pytest.mark.parametrize("factory", [None, faster_loop()], ids=["python", "faster"])
def test_socket_object_owns_no_descriptor_of_a_closed_connection(
    resetting: tuple[str, int], factory: LoopFactory | None
) -> None:
    made: list[socket.socket] = []

    def make(address: aiohttp.AddrInfoType) -> socket.socket:
        made.append(socket.socket(*address[:3]))
        return made[-1]

    async def request_often() -> None:
        connector = aiohttp.TCPConnector(ssl=False, limit=0, socket_factory=make)
        async with aiohttp.ClientSession(connector=connector) as session:

            async def request() -> None:
                with pytest.raises(aiohttp.ClientError):
                    await session.get(f"https://127.0.0.1:{resetting[1]}")

            for _ in range(ROUNDS):
                await asyncio.gather(*(request() for _ in range(AT_ONCE)))

    run(request_often(), on=factory)
    assert len(made) == ROUNDS * AT_ONCE
    assert [sock for sock in made if sock.fileno() >= 0] == [], "they will close a descriptor a second time"


def test_filled_caches_are_never_looked_at_again() -> None:
    before = gc.get_freeze_count()
    try:
        with filling():
            assert not gc.isenabled()
        assert gc.isenabled()
        assert gc.get_freeze_count() > before
    finally:
        gc.unfreeze()
