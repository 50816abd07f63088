"""One message to a RabbitMQ broker, which has to confirm that a queue took it (Dkron behaviour §6.3)."""

import asyncio
from urllib.parse import urlsplit

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractExchange
from aio_pika.exceptions import AMQPError, DeliveryError

from dkron_executors.keys.rabbitmq import Rabbitmq
from dkron_executors.result import Result, reason_of

PATIENCE = 30
"""Seconds for everything."""


def run(keys: Rabbitmq) -> Result:
    """Declare the queue if requested, publish, and wait for the confirmation."""
    return asyncio.run(_publish(keys))


async def _publish(keys: Rabbitmq) -> Result:
    parts = urlsplit(keys.url)
    exchange = f"exchange {keys.exchange}, " if keys.exchange else ""
    to = f"rabbitmq {parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}, {exchange}queue {keys.queue_name}"
    try:
        async with asyncio.timeout(PATIENCE), await aio_pika.connect(keys.url) as connection:
            # Confirms are on by default: https://www.rabbitmq.com/docs/confirms
            channel = await connection.channel(on_return_raises=True)
            await _send(keys, channel)
    except TimeoutError:
        return Result(f"{to}: not published within {PATIENCE} s")
    except DeliveryError:
        return Result(f"{to}: not published: the broker has no queue for the message, or the queue refused it")
    except (AMQPError, OSError, ValueError) as exc:
        return Result(f"{to}: not published: {reason_of(exc)}")
    return Result()


async def _send(keys: Rabbitmq, channel: AbstractChannel) -> None:
    if keys.queue_create:
        await channel.declare_queue(
            keys.queue_name,
            durable=keys.queue_durable,
            auto_delete=keys.queue_auto_delete,
            exclusive=keys.queue_exclusive,
        )
    exchange: AbstractExchange = channel.default_exchange
    if keys.exchange:
        exchange = await channel.get_exchange(keys.exchange, ensure=True)
    message = aio_pika.Message(
        keys.body,
        content_type=keys.message_content_type,
        delivery_mode=keys.message_delivery_mode or None,
        message_id=keys.message_id or None,
    )
    # Mandatory: otherwise the broker also confirms a message that no queue takes.
    await exchange.publish(message, keys.queue_name, mandatory=True)
