"""The keys of the executors: what is refused, in which words, and what a value means."""

from typing import Any

import pytest

from dkron_executors.keys import MODELS, keys_of
from dkron_executors.keys.model import KeyProblem

MINIMAL: dict[str, dict[str, str]] = {
    "gcppubsub": {"project": "my-project", "topic": "my-topic", "attributes": '{"a": "b"}'},
    "grpc": {"url": "localhost:50051/shop.v1.Orders/Place"},
    "http": {"method": "GET", "url": "https://example.org/"},
    "kafka": {"brokerAddress": "kafka:9092", "topic": "orders"},
    "nats": {"url": "nats://nats:4222", "subject": "orders.created"},
    "rabbitmq": {"url": "amqp://rabbitmq", "queue.name": "orders"},
}
"""The least that each executor needs."""

TOGETHER = (
    {"tlsCertificateFile": "/c", "tlsCertificateKeyFile": "/k"},
    {"saslUsername": "u", "saslPassword": "p", "saslMechanism": "sha256"},
    {"userName": "u", "password": "p"},
)
"""Keys that need one another."""


def read(executor: str, **config: str) -> Any:
    return keys_of(executor).read({**MINIMAL[executor], **config})


def refusal(executor: str, config: dict[str, str]) -> str:
    with pytest.raises(KeyProblem) as caught:
        keys_of(executor).check({**MINIMAL[executor], **config})
    return str(caught.value)


def test_there_is_an_example_of_each() -> None:
    assert set(MINIMAL) == set(MODELS)


@pytest.mark.parametrize("executor", MODELS)
class TestEach:
    def test_takes_the_least(self, executor: str) -> None:
        keys_of(executor).check(MINIMAL[executor])

    def test_calls_itself_by_its_name(self, executor: str) -> None:
        assert keys_of(executor).executor() == executor

    def test_missing_key_is_named(self, executor: str) -> None:
        for key in MINIMAL[executor].keys() - {"attributes"}:
            assert refusal(executor, {key: ""}).startswith(f"{key}: missing; ")

    def test_names_a_key_that_it_does_not_know(self, executor: str) -> None:
        assert refusal(executor, {"colour": "red"}).startswith(
            f'executorConfig: "colour" is not a key of {executor}; use '
        )

    def test_describes_every_key(self, executor: str) -> None:
        fields = keys_of(executor).model_fields
        assert [name for name, field in fields.items() if not field.description] == []

    def test_takes_a_secret_for_every_key(self, executor: str) -> None:
        for key in keys_of(executor).names():
            others = next((group for group in TOGETHER if key in group), {})
            keys_of(executor).check({**MINIMAL[executor], **others, key: "secretRef:my-secret/the.key"})

    def test_dangling_reference_is_reported_with_its_key(self, executor: str) -> None:
        for key in keys_of(executor).names():
            assert refusal(executor, {key: "secretRef:my-secret"}).startswith(f"{key}: it has to be secretRef:<name")


REFUSED: dict[str, list[tuple[dict[str, str], str]]] = {
    "http": [
        ({"url": "ftp://example.org"}, 'url: "ftp://example.org" is not an address such as'),
        ({"url": "example.org"}, 'url: "example.org" is not an address'),
        ({"url": "https://"}, 'url: "https://" is not'),
        ({"url": "http://a:70000/"}, 'url: "http://a:70000/" is not'),
        ({"url": "http://a/\r\nX: 1"}, "url: "),
        ({"url": "http://a/b c"}, "url: "),
        ({"url": "http://[::1"}, "url: "),
        ({"url": "http://ü..example/"}, "url: "),
        ({"method": "GET /"}, 'method: "GET /" is not a method'),
        ({"headers": "Accept: x"}, 'headers: "Accept: x" is not JSON'),
        ({"headers": '{"Accept": "x"}'}, "headers: "),
        ({"headers": '["Accept"]'}, 'headers: "Accept" is not "Name: value"'),
        ({"headers": '["A B: x"]'}, 'headers: "A B: x" is not'),
        ({"headers": '["A: x\\r\\nB: y"]'}, 'headers: the value of "A" has a control character'),
        ({"headers": '["A: secretRef:b"]'}, "headers: it has to be secretRef:"),
        ({"timeout": "0"}, 'timeout: "0" is not a number of seconds from 1 to 86400'),
        ({"timeout": "10s"}, "timeout: "),
        ({"timeout": "٣"}, "timeout: "),
        ({"timeout": "9" * 5000}, "timeout: "),
        ({"expectCode": "ok"}, 'expectCode: "ok" is not a list of HTTP status codes'),
        ({"expectCode": "200;201"}, "expectCode: "),
        ({"expectCode": "299-200"}, "expectCode: "),
        ({"expectCode": ","}, "expectCode: "),
        ({"expectBody": "a(b"}, 'expectBody: "a(b" is not a regular expression of RE2: missing ): a(b'),
        ({"expectBody": "(?=a)"}, 'expectBody: "(?=a)" is not a regular expression of RE2'),
        ({"expectBody": "((a{1000}){1000}){1000}"}, "expectBody: "),
        ({"tlsNoVerifyPeer": "yes"}, 'tlsNoVerifyPeer: "yes" is neither "true" nor "false"'),
        ({"tlsCertificateFile": "/c"}, "tlsCertificateKeyFile: missing; tlsCertificateFile requires it"),
        ({"tlsCertificateKeyFile": "/k"}, "tlsCertificateFile: missing; "),
    ],
    "grpc": [
        (
            {"url": "localhost/shop.Orders/Place"},
            'url: "localhost/shop.Orders/Place" is not host:port/package.Service/M',
        ),
        ({"url": "http://localhost:1/shop.Orders/Place"}, "url: "),
        ({"url": "localhost:70000/shop.Orders/Place"}, "url: "),
        ({"url": "localhost:1/shop.Orders.Place"}, "url: "),
        ({"body": "{"}, 'body: "{" is not JSON'),
        ({"headers": '["grpc-timeout: 1"]'}, 'headers: "grpc-timeout" is not a name that gRPC allows'),
        ({"headers": '["x: ü"]'}, 'headers: the value of "x" has non-ASCII characters'),
        ({"headers": '["x-bin: ?"]'}, 'headers: the value of "x-bin" is not base64'),
        ({"expectCode": "17"}, 'expectCode: "17" is not a status code of gRPC, 0 to 16'),
        ({"expectCode": "OK"}, "expectCode: "),
        ({"timeout": "-1"}, "timeout: "),
    ],
    "kafka": [
        ({"brokerAddress": "kafka"}, 'brokerAddress: "kafka" is not host:port, such as kafka:9092'),
        ({"brokerAddress": "kafka:9092,"}, 'brokerAddress: "" is not host:port'),
        ({"topic": "a b"}, 'topic: "a b" is not a topic'),
        ({"topic": "x" * 250}, "topic: "),
        ({"tlsEnable": "1"}, 'tlsEnable: "1" is neither "true" nor "false"'),
        ({"saslMechanism": "plain"}, "saslMechanism: "),
        ({"saslUsername": "u", "saslPassword": "p"}, "saslMechanism: missing; "),
        ({"saslUsername": "u", "saslMechanism": "sha256"}, "saslPassword: missing; "),
        ({"saslPassword": "secretRef:a/b"}, "saslUsername: missing; "),
    ],
    "nats": [
        ({"url": "nats:4222"}, 'url: "nats:4222" is not an address such as nats://nats:4222'),
        ({"url": "nats://a:4222,http://b"}, 'url: "http://b" is not an address'),
        ({"url": "wss://a"}, "url: "),
        ({"subject": "orders.*"}, 'subject: "orders.*" is not a subject'),
        ({"subject": "a b"}, "subject: "),
        ({"subject": "a..b"}, "subject: "),
        ({"password": "p"}, "userName: missing; password requires it"),
    ],
    "rabbitmq": [
        ({"url": "http://rabbitmq"}, 'url: "http://rabbitmq" is not an address such as amqp://'),
        ({"queue.durable": "maybe"}, 'queue.durable: "maybe" is neither'),
        ({"queue.name": "x" * 256}, "queue.name: "),
        ({"message.delivery_mode": "3"}, 'message.delivery_mode: "3" is not a delivery mode'),
        ({"message.base64Body": "?"}, "message.base64Body: not base64"),
        ({"message.body": "a", "message.base64Body": "YQ=="}, "message.base64Body: message.body is set as well"),
    ],
    "gcppubsub": [
        ({"project": "My Project"}, 'project: "My Project" is not the id of a project'),
        ({"topic": "projects/p/topics/t"}, "topic: "),
        ({"attributes": ""}, "data: missing; a message needs data or attributes"),
        ({"attributes": '{"a": 1}'}, "attributes: "),
        ({"attributes": "[]"}, "attributes: "),
        ({"data": "?"}, "data: not base64"),
    ],
}
"""Configs that an executor does not take, and the beginning of each refusal."""


@pytest.mark.parametrize(
    ("executor", "config", "words"), [(name, *row) for name, rows in REFUSED.items() for row in rows]
)
def test_a_config_is_refused_that_makes_no_sense(executor: str, config: dict[str, str], words: str) -> None:
    assert refusal(executor, config).startswith(words)


@pytest.mark.parametrize(
    "url",
    [
        "http://a_b.default.svc:8080/",
        "http://[::1]:80/",
        "https://bücher.example/ü?q=ü#ü",
        "https://user:p%40ss@host.",
        "http://h/%zz?%",
    ],
)
def test_http_takes_an_address(url: str) -> None:
    assert read("http", url=url).url == url


def test_http_reads() -> None:
    keys = read("http", headers='["A: b:c", "D:"]', expectCode=" 200, 204-206 ,", tlsNoVerifyPeer="T", debug="no")
    assert keys.headers == (("A", "b:c"), ("D", ""))
    assert keys.expect_code == ((200, 200), (204, 206))
    assert (keys.tls_no_verify_peer, keys.debug, keys.timeout) == (True, True, 30)
    assert read("http", timeout="", headers="", expectBody="").timeout == 30, "an empty value is none"


def test_secret_header_does_not_hide_faults_of_others() -> None:
    keys_of("http").check({**MINIMAL["http"], "headers": '["Authorization: Bearer secretRef:a/b"]'})
    assert refusal("http", {"headers": '["Authorization: secretRef:a/b", "C"]'}).startswith('headers: "C" is not')


def test_secret_values_are_checked_in_the_pod() -> None:
    keys_of("http").check({**MINIMAL["http"], "timeout": "secretRef:a/b"})
    with pytest.raises(KeyProblem, match=r"^timeout: "):
        read("http", timeout="secretRef:a/b")


@pytest.mark.parametrize(
    ("config", "create"),
    [({}, False), ({"queue.create": ""}, True), ({"queue.create": "true"}, True), ({"queue.create": "false"}, False)],
)
def test_rabbitmq_declares_unless_disabled(config: dict[str, str], *, create: bool) -> None:
    assert read("rabbitmq", **config).queue_create is create


@pytest.mark.parametrize("executor", sorted(MODELS))
def test_a_call_within_a_trace(executor: str) -> None:
    keys = keys_of(executor).read(MINIMAL[executor])
    expected = (("traceparent", "00-x"),) if executor in ("http", "grpc") else None
    assert getattr(keys.within("00-x"), "headers", None) == expected
    assert keys.within("") is keys
