"""Sends a `Record` by the forward protocol (v1.5), message mode, and waits for its acknowledgement."""

import asyncio
from datetime import UTC, datetime

import msgpack  # type: ignore[import-untyped]

from dkron_operator.delivery.outbox import Unreachable
from dkron_processors.message import Record

EVENT_TIME = 0
"""The extension type of a time with nanoseconds."""
LONGEST_ANSWER = 4096
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


async def send_record(record: Record) -> None:
    """Send the record; it has arrived when the server repeats its chunk id. Raises `Unreachable`."""
    server = f"fluent at {record.server.host}:{record.server.port}"
    try:
        reader, writer = await asyncio.open_connection(record.server.host, record.server.port)
    except OSError as exc:
        raise Unreachable(f"{server}: {exc.strerror or exc}") from None
    try:
        writer.write(packed(record))
        await writer.drain()
        await _acknowledged(reader, record.chunk)
    except OSError as exc:
        raise Unreachable(f"{server}: {exc.strerror or exc}") from None
    except (ValueError, msgpack.UnpackException) as exc:
        raise Unreachable(f"{server}: its answer is not readable ({type(exc).__name__})") from None
    finally:
        writer.close()


def packed(record: Record) -> bytes:
    """The packet: tag, time, record, option."""
    since = record.at - EPOCH
    seconds, nanoseconds = since.days * 86400 + since.seconds, since.microseconds * 1000
    at = msgpack.ExtType(EVENT_TIME, seconds.to_bytes(4) + nanoseconds.to_bytes(4))
    packet: bytes = msgpack.packb([record.server.tag, at, dict(record.fields), {"chunk": record.chunk}])
    return packet


async def _acknowledged(reader: asyncio.StreamReader, chunk: str) -> None:
    unpacker = msgpack.Unpacker(max_buffer_size=LONGEST_ANSWER)
    while piece := await reader.read(LONGEST_ANSWER):
        unpacker.feed(piece)
        for answer in unpacker:
            if isinstance(answer, dict) and answer.get("ack") == chunk:
                return
            raise Unreachable("its answer does not acknowledge the message")
    raise Unreachable("it closed the connection without an acknowledgement")
