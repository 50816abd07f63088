"""One message to a Kafka topic, which all replicas have to confirm (Dkron behaviour §6.3)."""

import asyncio
import ssl

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from dkron_executors.keys.kafka import Kafka
from dkron_executors.result import Result

TRIES = 5
PAUSE = 0.5
"""Seconds after a try."""
PATIENCE_MS = 15_000
"""Milliseconds for each try."""
MECHANISMS = {"sha256": "SCRAM-SHA-256", "sha512": "SCRAM-SHA-512"}


def run(keys: Kafka) -> Result:
    """Send it, and wait until it is written."""
    return asyncio.run(_send(keys))


async def _send(keys: Kafka) -> Result:
    why = ""
    for number in range(TRIES):
        if number:
            await asyncio.sleep(PAUSE)
        try:
            return Result(output=await _try(keys))
        except (KafkaError, OSError, TimeoutError) as exc:
            why = str(exc) or type(exc).__name__
            if not getattr(exc, "retriable", True):
                break
    return Result(f"kafka {keys.broker_address}, topic {keys.topic}: not sent: {why}")


async def _try(keys: Kafka) -> bytes:
    producer = AIOKafkaProducer(
        bootstrap_servers=[address.strip() for address in keys.broker_address.split(",")],
        client_id="dkron-operator",
        acks="all",
        request_timeout_ms=PATIENCE_MS,
        **_security(keys),
    )
    try:
        await producer.start()
        sent = await producer.send_and_wait(keys.topic, keys.message.encode(), key=keys.key.encode() or None)
    finally:
        await producer.stop()
    return f"sent to {sent.topic}, partition {sent.partition}, offset {sent.offset}\n".encode()


def _security(keys: Kafka) -> dict[str, object]:
    protocol = f"{'SASL_' if keys.sasl_username else ''}{'SSL' if keys.tls_enable else 'PLAINTEXT'}"
    options: dict[str, object] = {"security_protocol": protocol}
    if keys.tls_enable:
        options["ssl_context"] = _tls(keys)
    if keys.sasl_username:
        options |= {
            "sasl_mechanism": MECHANISMS[keys.sasl_mechanism],
            "sasl_plain_username": keys.sasl_username,
            "sasl_plain_password": keys.sasl_password,
        }
    return options


def _tls(keys: Kafka) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if keys.tls_insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
