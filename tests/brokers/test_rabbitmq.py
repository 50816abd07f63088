"""The rabbitmq executor at a real broker, as its pod would run it (Dkron behaviour §6.3)."""

from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from uuid import uuid4

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from localcluster.servers.rabbitmq import rabbitmq
from tests.support.kubelet import Kubelet, Ran

PASSWORD = "s3cr3t/d%kron"  # noqa: S105 - with what an address has to escape
ESCAPED = "s3cr3t%2Fd%25kron"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with rabbitmq(tmp_path_factory.mktemp("rabbitmq"), password=PASSWORD) as address:
        yield address


@pytest.fixture
def queue() -> str:
    return f"orders-{uuid4().hex[:8]}"


def publish(address: str, queue: str, **config: str) -> Ran:
    kubelet = Kubelet({"mq": {"url": f"amqp://dkron:{ESCAPED}@{address}/"}})
    return kubelet.run("rabbitmq", {"url": "secretRef:mq/url", "queue.name": queue, **config})


@asynccontextmanager
async def channel(address: str) -> AsyncIterator[AbstractChannel]:
    async with await aio_pika.connect(f"amqp://dkron:{ESCAPED}@{address}/") as connection:
        yield await connection.channel()


async def message_in(address: str, queue: str) -> AbstractIncomingMessage:
    async with channel(address) as there:
        found = await (await there.get_queue(queue)).get(no_ack=True, fail=False)
    assert found is not None, f"{queue} is empty"
    return found


async def test_a_message_arrives(broker: str, queue: str) -> None:
    config = {"message.content_type": "application/json", "message.delivery_mode": "2", "message.messageId": "id-1"}
    ran = publish(broker, queue, **{"queue.create": "true", "message.body": '{"a": "ü"}', **config})
    assert ran == Ran(0, "")
    message = await message_in(broker, queue)
    assert message.body.decode() == '{"a": "ü"}'
    assert (message.content_type, message.delivery_mode, message.message_id) == ("application/json", 2, "id-1")


async def test_bytes_arrive(broker: str, queue: str) -> None:
    body = bytes(range(256))
    config = {"queue.create": "true", "message.base64Body": b64encode(body).decode()}
    assert publish(broker, queue, **config) == Ran(0, "")
    message = await message_in(broker, queue)
    assert (message.body, message.content_type) == (body, "text/plain")


async def test_an_exchange_is_asked_by_the_name_of_the_queue(broker: str, queue: str) -> None:
    exchange = f"e-{queue}"
    async with channel(broker) as there:
        declared = await there.declare_exchange(exchange)
        bound = await there.declare_queue(f"behind-{queue}")
        await bound.bind(declared, routing_key=queue)
    assert publish(broker, queue, exchange=exchange, **{"message.body": "x"}) == Ran(0, "")
    assert (await message_in(broker, f"behind-{queue}")).body == b"x"


async def test_a_queue_that_exists_stays_as_it_is(broker: str, queue: str) -> None:
    async with channel(broker) as there:
        await there.declare_queue(queue, durable=True)
    assert publish(broker, queue, **{"queue.create": "true", "queue.durable": "true"}).code == 0
    ran = publish(broker, queue, **{"queue.create": "true"})
    assert ran.code == 1
    assert "PRECONDITION_FAILED" in ran.output


@pytest.mark.parametrize(
    ("config", "words"),
    [
        pytest.param({}, "the broker has no queue for the message", id="no such queue"),
        pytest.param({"exchange": "nowhere"}, "no exchange 'nowhere'", id="no such exchange"),
        pytest.param(
            {"exchange": "amq.fanout"}, "the broker has no queue for the message", id="an exchange without queues"
        ),
        pytest.param({"url": "amqp://dkron:wrong-one@{broker}"}, "ACCESS_REFUSED", id="a wrong password"),
        pytest.param({"url": "amqp://localhost:9/v"}, "rabbitmq localhost:9/v, ", id="no server"),
    ],
)
def test_a_failing_publish_is_a_failed_execution(broker: str, queue: str, config: dict[str, str], words: str) -> None:
    ran = publish(broker, queue, **{key: text.replace("{broker}", broker) for key, text in config.items()})
    assert ran.code == 1
    assert ran.output.startswith("rabbitmq ")
    assert f"queue {queue}: not published" in ran.output
    assert words in ran.output
    assert ran.output.count("\n") == 1
    for secret in ("s3cr3t", "wrong-one"):
        assert secret not in ran.output
