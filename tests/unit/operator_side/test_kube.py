"""The thin client against a tiny server on loopback: calls, lists and logs, and how a cluster is found."""

import asyncio
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp import web

from dkron_kube import access
from dkron_kube.access import AccessError
from dkron_kube.client import Call, KubeClient
from dkron_kube.errors import Expired, Unavailable
from dkron_kube.paging import FIRST
from dkron_kube.paths import JOBS, PODS
from tests.support.kube_server import always, opened, refusal, served

REQUEST = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 9}}

# --- calls ---------------------------------------------------------------------------------------------------------


async def test_calls_go_out_as_the_api_server_expects_them() -> None:
    seen: list[tuple[str, str, str | None, Any]] = []

    async def record(request: web.Request) -> web.Response:
        text = await request.text()
        assert request.headers["Authorization"] == "Bearer t"
        seen.append((request.method, request.path_qs, request.headers.get("Content-Type"), text and json.loads(text)))
        return web.json_response({"metadata": {}})

    async def token() -> str:
        return "Bearer t"

    async with served(record, authorization=token) as kube:
        await kube.get(JOBS, "ns", "j")
        await kube.create(JOBS, "ns", {"a": "ü"})
        await kube.create(JOBS, "ns", {}, dry_run=True)
        await kube.patch(JOBS, "ns", "j", {"b": None})
        await kube.patch_status(JOBS, "ns", "j", {"c": 1})
        await kube.delete(JOBS, "ns", "j", uid="u")
        await kube.request_token("ns", "a", seconds=9)
        assert kube.calls[Call("create", "jobs", 200)] == 2
    base, merge, plain = "/apis/batch/v1/namespaces/ns/jobs", "application/merge-patch+json", "application/json"
    assert seen == [
        ("GET", f"{base}/j", None, ""),
        ("POST", f"{base}?fieldValidation=Strict", plain, {"a": "ü"}),
        ("POST", f"{base}?fieldValidation=Strict&dryRun=All", plain, {}),
        ("PATCH", f"{base}/j", merge, {"b": None}),
        ("PATCH", f"{base}/j/status", merge, {"c": 1}),
        ("DELETE", f"{base}/j", plain, {"propagationPolicy": "Background", "preconditions": {"uid": "u"}}),
        ("POST", "/api/v1/namespaces/ns/serviceaccounts/a/token", plain, REQUEST),
    ]


async def test_busy_server_sets_the_retry_delay() -> None:
    async with served(always(lambda: web.json_response({}, status=429, headers={"Retry-After": "3"}))) as kube:
        with pytest.raises(Unavailable) as caught:
            await kube.get(JOBS, "ns", "j")
    assert caught.value.retry_after == 3.0


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"<html>gateway</html>", id="the page of a proxy"),
        pytest.param(b'{"items": [', id="an answer that ends early"),
        pytest.param(b'{"a": "\xff"}', id="what is not text"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"null", id="null"),
    ],
)
async def test_an_answer_that_makes_no_sense_is_unavailable(answer: bytes) -> None:
    async with served(always(lambda: web.Response(body=answer, content_type="application/json"))) as kube:
        with pytest.raises(Unavailable, match="no answer from the API server"):
            await kube.get(JOBS, "ns", "j")


async def test_silent_server_is_unavailable_after_the_timeout() -> None:
    async def wait(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        return web.Response()

    async with served(wait, seconds=0.05) as kube:
        with pytest.raises(Unavailable):
            await kube.get(JOBS, "ns", "j")


# --- lists ---------------------------------------------------------------------------------------------------------


def page(names: list[str] | None, token: str = "") -> web.Response:
    items = None if names is None else [{"metadata": {"name": name}} for name in names]
    return web.json_response({"items": items, "metadata": {"continue": token}})


async def listed(kube: KubeClient, **options: Any) -> list[str]:
    return [item["metadata"]["name"] async for item in kube.list(JOBS, None, **options)]


async def test_a_list_is_read_page_by_page() -> None:
    asked: list[dict[str, str]] = []

    async def pages(request: web.Request) -> web.Response:
        asked.append(dict(request.query))
        return {"": page(["a", "b"], "1"), "1": page(["c"], "2"), "2": page(["d"])}[request.query.get("continue", "")]

    async with served(pages) as kube:
        assert await listed(kube, label_selector="a=b") == ["a", "b", "c", "d"]
    assert [query.get("continue") for query in asked] == [None, "1", "2"]
    assert [query["limit"] for query in asked] == [str(FIRST), "500", "500"]
    assert {query["labelSelector"] for query in asked} == {"a=b"}


async def test_metadata_list_accepts_null_items() -> None:
    accepted: list[str] = []

    async def empty(request: web.Request) -> web.Response:
        accepted.append(request.headers["Accept"])
        return page(None)

    async with served(empty) as kube:
        assert await listed(kube, metadata_only=True) == []
    assert accepted == ["application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"]


async def test_continue_token_that_expires_keeps_earlier_pages() -> None:
    async def expire(request: web.Request) -> web.Response:
        return refusal(410, "Expired") if "continue" in request.query else page(["a"], "1")

    async with served(expire) as kube:
        items = kube.list(JOBS, None)
        assert (await anext(items))["metadata"]["name"] == "a"
        with pytest.raises(Expired):
            await anext(items)


# --- logs ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("log", "size", "tail"),
    [
        pytest.param(b"", 4, b"", id="empty"),
        pytest.param(b"abc", 4, b"abc", id="shorter"),
        pytest.param(b"abcd", 4, b"abcd", id="as long"),
        pytest.param(b"abcdefgh", 4, b"defgh", id="longer: one byte more tells that there was more"),
    ],
)
async def test_the_tail_of_a_log(log: bytes, size: int, tail: bytes) -> None:
    queries: list[dict[str, str]] = []

    async def answer(request: web.Request) -> web.Response:
        queries.append(dict(request.query))
        return web.Response(body=log)

    async with served(answer) as kube:
        assert await kube.log_tail(PODS, "ns", "p", container="job", size=size) == tail
    assert queries == [{"container": "job", "tailLines": str(size + 1)}]


async def test_a_log_of_one_endless_line_takes_little_memory() -> None:
    piece, pieces, size = b"x" * 65536, 400, 1024

    async def stream(request: web.Request) -> web.StreamResponse:
        response = await opened(request)
        for _ in range(pieces):
            await response.write(piece)
        await response.write(b"the end")
        return response

    async with served(stream) as kube:
        tracemalloc.start()
        tail = await kube.log_tail(PODS, "ns", "p", container="job", size=size)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert tail == b"x" * (size + 1 - len(b"the end")) + b"the end"
    assert peak < len(piece) * pieces / 4


# --- access --------------------------------------------------------------------------------------------------------

KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: {current}
clusters: [{{name: c, cluster: {{server: "http://127.0.0.1:1"}}}}]
users: [{{name: u, user: {{token: {token}}}}}]
contexts:
- {{name: here, context: {{cluster: c, user: u, namespace: team}}}}
- {{name: bare, context: {{cluster: c, user: u}}}}
"""


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Of a user outside of a cluster."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    return written(tmp_path / "config")


def written(path: Path, current: str = "here", token: str = "one") -> Path:  # noqa: S107
    path.write_text(KUBECONFIG.format(current=current, token=token), encoding="utf-8")
    return path


async def test_kubeconfig_names_the_server_and_our_namespace(config: Path) -> None:
    found = await access.load(config)
    assert (found.server, found.namespace) == ("http://127.0.0.1:1", "team")
    assert (await access.load(config, "bare")).namespace == "default"


async def test_credentials_are_reread_and_may_be_missing_briefly(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "TOKEN_LIFE", 0.0)
    found = await access.load(config)
    assert await found.authorization() == "Bearer one"
    content("}{")(config)
    with pytest.raises(AccessError, match="cannot renew the credentials: "):
        await found.authorization()
    written(config, token="two")  # noqa: S106
    assert await found.authorization() == "Bearer two"


def content(text: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(Path.unlink, id="missing"),
        pytest.param(content(""), id="empty"),
        pytest.param(content("{: ["), id="no YAML"),
        pytest.param(content("- just\n- a list\n"), id="other YAML"),
        pytest.param(lambda path: written(path, current="there"), id="an unknown context"),
    ],
)
async def test_unusable_kubeconfig_is_reported_in_one_sentence(spoil: Callable[[Path], object], config: Path) -> None:
    spoil(config)
    with pytest.raises(AccessError) as caught:
        await access.load(config)
    assert str(caught.value).startswith(f"cannot use kubeconfig {config}: ")
    assert "\n" not in str(caught.value)


async def test_pod_without_a_service_account_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "1")
    with pytest.raises(AccessError, match="cannot use the service account of the pod: "):
        await access.load()


async def test_a_token_of_another_writer_is_waited_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in (("HOST", "::1"), ("PORT", "1")):
        monkeypatch.setenv(f"KUBERNETES_SERVICE_{name}", value)
    for constant in ("NAMESPACE_FILE", "CA_FILE"):
        monkeypatch.setattr(access, constant, tmp_path / constant)
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "CA_FILE"))
    (tmp_path / "NAMESPACE_FILE").write_text("ns\n", encoding="utf-8")
    file = tmp_path / "token"
    monkeypatch.setattr(access, "PATIENCE", 0.0)
    found = await access.load(token_file=file)
    monkeypatch.setattr(access, "TOKEN_LIFE", 0.0)
    assert (found.server, found.namespace) == ("https://[::1]:1", "ns")
    with pytest.raises(AccessError, match="/token has no token yet: the operator in this pod writes it"):
        await found.authorization()
    monkeypatch.setattr(access, "PATIENCE", 60.0)
    waiting = asyncio.ensure_future(found.authorization())
    await asyncio.sleep(0)
    assert not waiting.done()
    for text in ("first", "second"):
        file.write_text(text, encoding="utf-8")
        assert await (waiting if text == "first" else found.authorization()) == f"Bearer {text}"
