"""The nats executor at a real server, as its pod would run it (Dkron behaviour §6.3)."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import nats
import pytest
from nats.aio.subscription import Subscription

from localcluster.servers.nats import nats as nats_server
from tests.support.kubelet import Kubelet, Ran

USERS = """\
authorization {
  users: [
    {user: alice, password: "s3cr3t-alice", permissions: {publish: ["orders.>", "_INBOX.>"], subscribe: ">"}}
  ]
}
"""
SECRETS = {"nats": {"password": "s3cr3t-alice", "wrong": "s3cr3t-mallory"}}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with nats_server(tmp_path_factory.mktemp("nats"), users=USERS) as address:
        yield address


def publish(address: str, subject: str = "orders.created", **config: str) -> Ran:
    secret = config.pop("secret", "password")
    login = {"userName": "alice", "password": f"secretRef:nats/{secret}"}
    return Kubelet(SECRETS).run("nats", {"url": f"nats://{address}", "subject": subject, **login, **config})


@asynccontextmanager
async def subscribed(address: str, subject: str) -> AsyncIterator[Subscription]:
    client = await nats.connect(f"nats://{address}", user="alice", password=SECRETS["nats"]["password"])
    try:
        subscription = await client.subscribe(subject)
        await client.flush()
        yield subscription
    finally:
        await client.close()


async def test_a_message_arrives(server: str) -> None:
    async with subscribed(server, "orders.created") as subscription:
        ran = await asyncio.to_thread(publish, server, message="42 ü $(A)")
        message = await subscription.next_msg(timeout=10)
    assert ran == Ran(0, "")
    assert message.data.decode() == "42 ü $(A)"


async def test_one_of_several_servers_is_enough(server: str) -> None:
    async with subscribed(server, "orders.created") as subscription:
        assert await asyncio.to_thread(publish, server, url=f"nats://127.0.0.1:9, nats://{server}") == Ran(0, "")
        assert (await subscription.next_msg(timeout=10)).data == b""


@pytest.mark.parametrize(
    ("config", "words"),
    [
        pytest.param({"secret": "wrong"}, "not connected: nats: 'Authorization Violation'", id="a wrong password"),
        pytest.param({"subject": "secrets.x"}, "subject secrets.x: not published: ", id="a subject that is forbidden"),
        pytest.param({"message": "x" * 50_000}, "not published: nats: maximum payload", id="a message too large"),
    ],
)
def test_a_failing_publish_is_a_failed_execution(server: str, config: dict[str, str], words: str) -> None:
    ran = publish(server, **config)
    assert ran.code == 1
    assert ran.output.startswith(f"nats {server}, subject ")
    assert words in ran.output
    assert ran.output.count("\n") == 1
    assert "s3cr3t" not in ran.output


def test_without_a_server() -> None:
    ran = publish("127.0.0.1:9")
    assert ran.code == 1
    assert ran.output.startswith("nats 127.0.0.1:9, subject orders.created: not connected: ")


def test_a_server_that_is_none() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        ran = publish(f"127.0.0.1:{silent.getsockname()[1]}")
    assert ran.code == 1
    assert "not connected: " in ran.output
