"""The kafka executor at a real broker, as its pod would run it (Dkron behaviour §6.3)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import trustme
from aiokafka import AIOKafkaConsumer
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from localcluster.servers.kafka import Broker, kafka
from tests.support.kubelet import Kubelet, Ran
from tests.support.printed import MARK

PASSWORD = f"{MARK}-alice"
SECRETS = {"kafka": {"password": PASSWORD, "wrong": f"{MARK}-mallory"}}


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def broker(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    folder = tmp_path_factory.mktemp("kafka")
    keystore = folder / "broker.pem"
    keystore.write_bytes(key_and_certificate(authority.issue_cert("127.0.0.1")))
    with kafka(folder, keystore=keystore, user="alice", password=PASSWORD) as running:
        yield running


def key_and_certificate(leaf: trustme.LeafCert) -> bytes:
    """In PEM, the key as PKCS #8: Java reads no other."""
    key = load_pem_private_key(leaf.private_key_pem.bytes(), password=None)
    pkcs8 = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return b"".join([pkcs8, *(pem.bytes() for pem in leaf.cert_chain_pems)])


@pytest.fixture
def topic() -> str:
    return f"orders-{uuid4().hex[:8]}"


def send(address: str, topic: str, **config: str) -> Ran:
    return Kubelet(SECRETS).run("kafka", {"brokerAddress": address, "topic": topic, **config})


def login(mechanism: str, secret: str = "password") -> dict[str, str]:  # noqa: S107 - the key in the Secret
    password = f"secretRef:kafka/{secret}"
    return {"saslUsername": "alice", "saslPassword": password, "saslMechanism": mechanism}


async def record_in(broker: Broker, topic: str) -> Any:
    async with AIOKafkaConsumer(topic, bootstrap_servers=broker.plain, auto_offset_reset="earliest") as consumer:
        return await consumer.getone()


async def test_a_message_arrives(broker: Broker, topic: str) -> None:
    ran = send(f"127.0.0.1:9, {broker.plain}", topic, key="k", message="42 ü $(A)")
    assert ran == Ran(0, f"sent to {topic}, partition 0, offset 0\n")
    record = await record_in(broker, topic)
    assert (record.key, record.value.decode()) == (b"k", "42 ü $(A)")


async def test_without_a_key(broker: Broker, topic: str) -> None:
    assert send(broker.plain, topic).code == 0
    record = await record_in(broker, topic)
    assert (record.key, record.value) == (None, b"")


@pytest.mark.parametrize("mechanism", ["sha256", "sha512"])
def test_by_password(broker: Broker, topic: str, mechanism: str) -> None:
    assert send(broker.sasl, topic, **login(mechanism)) == Ran(0, f"sent to {topic}, partition 0, offset 0\n")


def test_by_tls(broker: Broker, topic: str, authority: trustme.CA, tmp_path: Path) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    config = {"brokerAddress": broker.tls, "topic": topic, "tlsEnable": "true"}
    assert Kubelet().run("kafka", config, SSL_CERT_FILE=str(tmp_path / "ca.pem")).code == 0
    assert send(broker.tls, topic, tlsEnable="true", tlsInsecureSkipVerify="true").code == 0


@pytest.mark.parametrize(
    ("listener", "config", "words"),
    [
        pytest.param("sasl", login("sha256", "wrong"), "not connected: Unable connect", id="a wrong password"),
        pytest.param("tls", {"tlsEnable": "true"}, "not connected: Unable connect", id="a broker that is not trusted"),
        pytest.param("plain", {"message": "x" * 50_000}, "not sent: ", id="a message too large"),
        pytest.param("plain", {"brokerAddress": "127.0.0.1:9"}, "not connected: ", id="no server"),
    ],
)
def test_a_failing_publish_is_a_failed_execution(
    broker: Broker, topic: str, *, listener: str, config: dict[str, str], words: str
) -> None:
    ran = send(getattr(broker, listener), topic, **config)
    assert ran.code == 1
    assert ran.output.startswith("kafka ")
    assert f", topic {topic}: {words}" in ran.output
    assert ran.output.count("\n") == 1
    assert MARK not in ran.output
