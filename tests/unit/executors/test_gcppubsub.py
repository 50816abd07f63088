"""The gcppubsub executor at a fake of the published API, as its pod would run it (Dkron behaviour §6.3)."""

from base64 import b64encode
from collections.abc import Iterator

import pytest

from tests.support.kubelet import Kubelet, Ran
from tests.support.printed import MARK
from tests.support.pubsub_fake import PubSub, pubsub_fake

TOPIC = "projects/my-project/topics/orders"
KUBELET = Kubelet({"api": {"token": MARK}})


@pytest.fixture
def fake() -> Iterator[PubSub]:
    with pubsub_fake(TOPIC) as pubsub:
        yield pubsub


def test_the_output_is_the_id_of_the_message(fake: PubSub) -> None:
    given = {"project": "my-project", "topic": "orders"}
    for config, expected in (
        ({"data": b64encode(b"\x00one").decode()}, "1\n"),
        ({"attributes": '{"origin": "dkron", "token": "secretRef:api/token"}'}, "2\n"),
    ):
        ran = KUBELET.run("gcppubsub", {**given, **config}, PUBSUB_EMULATOR_HOST=fake.address)
        assert ran == Ran(0, expected)
    one, two = fake.topics[TOPIC]
    assert (one.data, dict(one.attributes)) == (b"\x00one", {})
    assert (two.data, dict(two.attributes)) == (b"", {"origin": "dkron", "token": MARK})


@pytest.mark.parametrize(("topic", "words"), [("lost", "Resource not found"), ("closed", "User not authorized")])
def test_a_failing_publish_is_a_failed_execution(
    fake: PubSub, monkeypatch: pytest.MonkeyPatch, topic: str, words: str
) -> None:
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", fake.address)
    given = {"project": "my-project", "topic": topic, "attributes": '{"token": "secretRef:api/token"}'}
    ran = KUBELET.call("gcppubsub", given)
    assert ran.code == 1
    assert ran.output.startswith(f"gcppubsub projects/my-project/topics/{topic}: not published: ")
    assert words in ran.output
    assert ran.output.count("\n") == 1
    assert MARK not in ran.output


def test_without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    # No server of metadata may be looked for: on a machine of Google's there is one.
    for name, value in (("NO_GCE_CHECK", "true"), ("HOME", "/nowhere")):
        monkeypatch.setenv(name, value)
    for name in ("PUBSUB_EMULATOR_HOST", "GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    ran = KUBELET.call("gcppubsub", {"project": "p", "topic": "orders", "data": "YQ=="})
    assert ran.code == 1
    assert ran.output.startswith("gcppubsub projects/p/topics/orders: no credentials: ")
