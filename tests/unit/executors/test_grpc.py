"""The grpc executor at a real server, as its pod would call it (Dkron behaviour §6.3)."""

import socket
from collections.abc import Iterator

import pytest

from tests.support.grpc_server import SERVICE, Rpc, grpc_server
from tests.support.kubelet import Kubelet, Ran
from tests.support.printed import MARK


@pytest.fixture(scope="module")
def server() -> Iterator[Rpc]:
    with grpc_server() as rpc:
        yield rpc


@pytest.fixture
def rpc(server: Rpc) -> Rpc:
    server.asked.clear()
    return server


def call(url: str, **config: str) -> Ran:
    return Kubelet({"api": {"token": MARK}}).call("grpc", {"url": url, **config})


@pytest.mark.parametrize("method", ["Place", "List", "Upload", "Talk"])
def test_a_message_from_json(rpc: Rpc, method: str) -> None:
    assert call(f"{rpc.address}/{SERVICE}/{method}", body='{"id": "$(A) ü"}') == Ran(0, "")
    ((asked, message, _),) = rpc.asked
    assert (asked, message.id) == (method, "$(A) ü")


def test_metadata(rpc: Rpc) -> None:
    headers = '["X-Token: secretRef:api/token", "x-raw-bin: AP8="]'
    assert call(f"{rpc.address}/{SERVICE}/Place", headers=headers).code == 0
    ((_, _, metadata),) = rpc.asked
    assert (metadata["x-token"], metadata["x-raw-bin"]) == (MARK, b"\x00\xff")


@pytest.mark.parametrize(
    ("config", "output"),
    [
        pytest.param({"body": '{"code": 5}', "expectCode": "5"}, "", id="another code can be the expected one"),
        pytest.param({"body": '{"code": 5}'}, "{url}: the status is 5 NOT_FOUND (refused ", id="another code"),
        pytest.param(
            {"body": '{"code": 7}', "headers": '["x-token: secretRef:api/token"]'},
            "{url}: the status is 7 PERMISSION_DENIED (refused ***), expectCode is 0\n",
            id="a server that repeats a secret",
        ),
        pytest.param({"expectCode": "5"}, "{url}: the status is 0 OK, expectCode is 5\n", id="a success too many"),
        pytest.param(
            {"body": '{"size": 1}'},
            'body: not a shop.v1.Order: Message type "shop.v1.Order" has no field named "size"',
            id="a field that the message does not have",
        ),
    ],
)
def test_grpc_answer_means(rpc: Rpc, config: dict[str, str], *, output: str) -> None:
    url = f"{rpc.address}/{SERVICE}/Place"
    ran = call(url, **config)
    assert ran.output.startswith(output.replace("{url}", url))
    assert ran.code == ran.output.count("\n") == bool(output)


@pytest.mark.parametrize("path", [f"{SERVICE}/Lose", "shop.v1.Nothing/Place"])
def test_a_method_that_is_not_there(rpc: Rpc, path: str) -> None:
    assert call(f"{rpc.address}/{path}") == Ran(1, f"{rpc.address}/{path}: the server has no such method\n")


def test_newer_reflection_suffices() -> None:
    with grpc_server(reflected="v1") as rpc:
        assert call(f"{rpc.address}/{SERVICE}/Place", body='{"id": "1"}') == Ran(0, "")
    assert len(rpc.asked) == 1


def test_a_server_without_reflection() -> None:
    with grpc_server(reflected="") as rpc:
        ran = call(f"{rpc.address}/{SERVICE}/Place")
    assert ran.code == 1
    assert "the server does not support reflection" in ran.output


def test_without_a_server() -> None:
    ran = call(f"localhost:9/{SERVICE}/Place", timeout="5")
    assert ran.code == 1
    assert ran.output.startswith(f"localhost:9/{SERVICE}/Place: 14 UNAVAILABLE: ")


def test_silent_server_times_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"127.0.0.1:{silent.getsockname()[1]}/{SERVICE}/Place"
        assert call(url, timeout="1") == Ran(1, f"{url}: no answer within 1 s\n")
