"""One message to a NATS server. Unlike Dkron, wait until the server has accepted it (Dkron behaviour §6.3)."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from dkron_executors.keys.nats import Nats
from dkron_executors.result import Result, reason_of


@contextmanager
def _without(module: str) -> Iterator[None]:
    """Make imports in the block behave as if this module were not installed."""
    before = sys.modules.get(module)
    # Python records a missing module in this way.
    sys.modules[module] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[module]
        if before is not None:
            sys.modules[module] = before


# aiohttp takes half of the CPU of the client's start, and only websockets need it.
with _without("aiohttp"):
    import nats
    from nats.aio.client import Client
    from nats.errors import Error, NoServersError

CONNECTING = 10
"""Seconds for each server."""
PAUSE = 1
"""Seconds before a server is tried a second and last time."""
ANSWERING = 30
"""Seconds until the server has read the message."""


def run(keys: Nats) -> Result:
    """Publish the message, and wait for errors from the server."""
    return asyncio.run(_publish(keys))


async def _publish(keys: Nats) -> Result:
    connection_errors: list[Exception] = []

    async def complain(exc: Exception) -> None:
        connection_errors.append(exc)

    servers = [address.strip() for address in keys.url.split(",")]
    login = {"user": keys.user_name, "password": keys.password} if keys.user_name else {}
    to = f"{', '.join(urlsplit(address).netloc.rpartition('@')[2] for address in servers)}, subject {keys.subject}"
    try:
        client = await nats.connect(
            servers,
            name="dkron-operator",
            error_cb=complain,
            allow_reconnect=False,
            connect_timeout=CONNECTING,
            max_reconnect_attempts=1,
            reconnect_time_wait=PAUSE,
            **login,
        )
    except (Error, OSError, TimeoutError) as exc:
        return Result(f"nats {to}: not connected: {_why(exc, connection_errors)}")
    # Errors of other servers no longer matter.
    connection_errors.clear()
    try:
        await client.publish(keys.subject, keys.message.encode())
        await _answered(client)
    except (Error, OSError, TimeoutError) as exc:
        return Result(f"nats {to}: not published: {_why(exc, connection_errors)}")
    finally:
        await client.close()
    return Result(f"nats {to}: not published: {connection_errors[0]}" if connection_errors else "")


async def _answered(client: Client) -> None:
    """Wait until the server has read the message: its errors arrive before the response to a later ping."""
    await client.flush(ANSWERING)
    # The client's ping may overtake a message that is not written yet; then another ping has to follow.
    while client.pending_data_size:
        await client.flush(ANSWERING)
    await client.flush(ANSWERING)


def _why(exc: Exception, connection_errors: list[Exception]) -> str:
    # "No servers available" says less than the last server's own error.
    cause = connection_errors[-1] if connection_errors and isinstance(exc, NoServersError | TimeoutError) else exc
    return reason_of(cause)
