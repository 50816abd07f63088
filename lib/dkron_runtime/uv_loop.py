"""uvloop's event loop without a fault of it that closes connections of others."""

import socket
from typing import Any

import uvloop


class UvLoop(uvloop.Loop):
    """uvloop's event loop, which takes a socket away from Python's object as soon as it was given one.

    uvloop closes the descriptor of a connection itself, and detaches the socket object only if the connection lives
    long enough. If the peer resets it within one iteration of the loop, as a killed API server does, the object closes
    the same descriptor again when it is collected. By then the number may belong to another connection.
    https://github.com/MagicStack/uvloop/issues/738 describes the same fault for a cancelled connection.
    """

    async def create_connection(self, *args: Any, sock: socket.socket | None = None, **options: Any) -> Any:  # noqa: ANN401 - as there
        """Connect as uvloop does. A given socket object is detached afterwards, whatever came of it."""
        try:
            return await super().create_connection(*args, sock=sock, **options)
        finally:
            if sock is not None:
                sock.detach()
