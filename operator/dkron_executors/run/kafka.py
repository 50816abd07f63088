"""One message to a Kafka topic, which all replicas have to confirm (Dkron behaviour §6.3)."""

import asyncio
import logging
import ssl

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from dkron_executors.keys.kafka import Kafka
from dkron_executors.result import Result, reason_of

TRIES = 5
"""Attempts to connect."""
PAUSE = 0.5
"""Seconds after each attempt."""
PATIENCE_MS = 15_000
"""Milliseconds for a response, and for all attempts to send."""
MECHANISMS = {"sha256": "SCRAM-SHA-256", "sha512": "SCRAM-SHA-512"}


def run(keys: Kafka) -> Result:
    """Send the message, and wait until it is written."""
    return asyncio.run(_send(keys))


async def _send(keys: Kafka) -> Result:
    to = f"kafka {keys.broker_address}, topic {keys.topic}"
    connection_errors = _ConnectionErrors()
    logging.getLogger("aiokafka").addHandler(connection_errors)
    try:
        producer = await _connected(keys)
    except (KafkaError, OSError, TimeoutError) as exc:
        return Result(f"{to}: not connected: {connection_errors.last or reason_of(exc)}")
    try:
        # The client retries by itself; a second client could duplicate the message.
        sent = await producer.send_and_wait(keys.topic, keys.message.encode(), key=keys.key.encode() or None)
    except (KafkaError, OSError, TimeoutError) as exc:
        return Result(f"{to}: not sent: {reason_of(exc)}")
    finally:
        await producer.stop()
    return Result(output=f"sent to {sent.topic}, partition {sent.partition}, offset {sent.offset}\n".encode())


class _ConnectionErrors(logging.Handler):
    """Keeps the client's last error log: only that says why a broker rejects the login."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.last = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Store the message."""
        self.last = record.getMessage()


async def _connected(keys: Kafka) -> AIOKafkaProducer:
    for left in reversed(range(TRIES)):
        producer = _producer(keys)
        try:
            await producer.start()
        except KafkaError as exc:
            await producer.stop()
            if not (left and exc.retriable):
                raise
            await asyncio.sleep(PAUSE)
        else:
            return producer
    raise AssertionError("the last try raises")


def _producer(keys: Kafka) -> AIOKafkaProducer:
    return AIOKafkaProducer(
        bootstrap_servers=[address.strip() for address in keys.broker_address.split(",")],
        client_id="dkron-operator",
        acks="all",
        request_timeout_ms=PATIENCE_MS,
        **_security(keys),
    )


def _security(keys: Kafka) -> dict[str, object]:
    protocol = f"{'SASL_' if keys.sasl_username else ''}{'SSL' if keys.tls_enable else 'PLAINTEXT'}"
    options: dict[str, object] = {"security_protocol": protocol}
    if keys.tls_enable:
        context = options["ssl_context"] = ssl.create_default_context()
        if keys.tls_insecure_skip_verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
    if keys.sasl_username:
        options |= {
            "sasl_mechanism": MECHANISMS[keys.sasl_mechanism],
            "sasl_plain_username": keys.sasl_username,
            "sasl_plain_password": keys.sasl_password,
        }
    return options
