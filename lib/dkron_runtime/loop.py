"""Runs a program with garbage collection settings for long-lived caches, and on a suitable event loop."""

import asyncio
import gc
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")
LoopFactory = Callable[[], asyncio.AbstractEventLoop]

COLLECT = (20_000, 20, 20)
"""Thresholds of the garbage collector. Each change of an object leaves the old one behind, and almost none of these
are in cycles: with the defaults, looking for cycles took a fifth of the time."""


def run(main: Coroutine[None, None, T], *, on: LoopFactory | None = None) -> T:
    """Run `main` on Python's own event loop or another, and return its result."""
    gc.set_threshold(*COLLECT)
    with asyncio.Runner(loop_factory=on) as runner:
        return runner.run(main)


@contextmanager
def filling() -> Iterator[None]:
    """Collect no garbage while caches are filled, and from then on never look at what they hold: looking for cycles
    took a third of that time, and each full collection would look at all of it again."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def faster_loop() -> LoopFactory | None:
    """Return a factory of uvloop's event loops if uvloop is installed. For servers only: uvloop complains when a client
    closes a TLS connection during a response, which the operator does to its watches whenever it ends."""
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        return None

    class UvLoop(uvloop.Loop):
        """uvloop's event loop, which takes a socket away from Python's object as soon as it was given one.

        uvloop closes the descriptor of a connection itself, and detaches the socket object only if the connection
        lives long enough. If the peer resets it within one iteration of the loop, as a killed API server does, the
        object closes the same descriptor again when it is collected. By then the number may belong to another one.
        https://github.com/MagicStack/uvloop/issues/738 describes the same fault for a cancelled connection.
        """

        async def create_connection(self, *args: Any, sock: socket.socket | None = None, **options: Any) -> Any:  # noqa: ANN401 - as there
            """Connect as uvloop does. A given socket object is detached afterwards, whatever came of it."""
            try:
                return await super().create_connection(*args, sock=sock, **options)
            finally:
                if sock is not None:
                    sock.detach()

    return UvLoop
