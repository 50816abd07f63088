"""The gcppubsub executor at a fake of the published API, as its pod would run it (Dkron behaviour §6.3)."""

from base64 import b64encode
from collections.abc import Iterator

import pytest

from tests.support.kubelet import Kubelet, Ran
from tests.support.pubsub_fake import PubSub, pubsub_fake

TOPIC = "projects/my-project/topics/orders"


@pytest.fixture
def fake() -> Iterator[PubSub]:
    with pubsub_fake(TOPIC) as pubsub:
        yield pubsub


def publish(address: str, topic: str = "orders", **config: str) -> Ran:
    kubelet = Kubelet({"api": {"token": "s3cr3t"}})
    given = {"project": "my-project", "topic": topic, **config}
    return kubelet.run("gcppubsub", given, PUBSUB_EMULATOR_HOST=address)


def test_the_output_is_the_id_of_the_message(fake: PubSub) -> None:
    assert publish(fake.address, data=b64encode(b"\x00one").decode()) == Ran(0, "1\n")
    assert publish(fake.address, attributes='{"origin": "dkron", "token": "secretRef:api/token"}') == Ran(0, "2\n")
    one, two = fake.topics[TOPIC]
    assert (one.data, dict(one.attributes)) == (b"\x00one", {})
    assert (two.data, dict(two.attributes)) == (b"", {"origin": "dkron", "token": "s3cr3t"})


@pytest.mark.parametrize(("topic", "words"), [("lost", "Resource not found"), ("closed", "User not authorized")])
def test_a_failing_publish_is_a_failed_execution(fake: PubSub, topic: str, words: str) -> None:
    ran = publish(fake.address, topic, attributes='{"token": "secretRef:api/token"}')
    assert ran.code == 1
    assert ran.output.startswith(f"gcppubsub projects/my-project/topics/{topic}: not published: ")
    assert words in ran.output
    assert ran.output.count("\n") == 1
    assert "s3cr3t" not in ran.output


def test_without_credentials() -> None:
    # No server of metadata may be looked for: on a machine of Google's there is one.
    ran = Kubelet().run(
        "gcppubsub", {"project": "p", "topic": "orders", "data": "YQ=="}, NO_GCE_CHECK="true", HOME="/nowhere"
    )
    assert ran.code == 1
    assert ran.output.startswith("gcppubsub projects/p/topics/orders: no credentials: ")
