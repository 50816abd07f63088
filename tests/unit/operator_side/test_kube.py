"""The thin client against a tiny server on loopback, its errors, and how a cluster is found."""

import asyncio
import json
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from dkron_kube import access
from dkron_kube.access import Access, AccessError
from dkron_kube.client import Call, KubeClient
from dkron_kube.errors import (
    AlreadyExists,
    Conflict,
    Expired,
    KubeError,
    NotFound,
    Rejected,
    Unavailable,
    from_status,
)
from dkron_kube.paths import DKRON_JOBS, JOBS, PODS, Resource

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def failure(status: int, reason: str = "", message: str = "m", **headers: str) -> web.Response:
    body = {"kind": "Status", "status": "Failure", "message": message, "reason": reason, "code": status}
    return web.json_response(body, status=status, headers=headers)


@asynccontextmanager
async def client(handler: Handler, *, token: str | None = None, timeout: float = 10) -> AsyncIterator[KubeClient]:  # noqa: ASYNC109
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with TestServer(app, host="127.0.0.1") as server:
        found = connect(str(server.make_url("/")).rstrip("/"), token=token, timeout=timeout)
        try:
            yield found
        finally:
            await found.close()


def connect(server: str, *, token: str | None = None, timeout: float = 10) -> KubeClient:
    async def authorization() -> str | None:
        return token

    where = Access(server=server, namespace="default", tls=True, authorization=authorization)
    return KubeClient(where, timeout=timeout)


# --- errors --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "reason", "kind"),
    [
        pytest.param(400, "BadRequest", Rejected, id="a bad request would fail again"),
        pytest.param(401, "Unauthorized", Unavailable, id="credentials rotate, so try again"),
        pytest.param(403, "Forbidden", Rejected, id="not allowed"),
        pytest.param(404, "NotFound", NotFound, id="not there"),
        pytest.param(405, "MethodNotAllowed", Rejected, id="no such verb"),
        pytest.param(409, "AlreadyExists", AlreadyExists, id="the name is taken"),
        pytest.param(409, "Conflict", Conflict, id="somebody wrote first"),
        pytest.param(409, "", Conflict, id="a conflict without a reason"),
        pytest.param(410, "Expired", Expired, id="too old"),
        pytest.param(422, "Invalid", Rejected, id="invalid"),
        pytest.param(429, "TooManyRequests", Unavailable, id="too many requests"),
        pytest.param(500, "InternalError", Unavailable, id="an error within"),
        pytest.param(503, "ServiceUnavailable", Unavailable, id="not ready"),
        pytest.param(504, "Timeout", Unavailable, id="too slow"),
    ],
)
def test_an_answer_becomes_what_a_caller_can_do(status: int, reason: str, kind: type[KubeError]) -> None:
    error = from_status(status, {"message": "the sentence", "reason": reason})
    assert type(error) is kind
    assert (str(error), error.status, error.reason) == ("the sentence", status, reason)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        pytest.param(None, None, id="nothing said"),
        pytest.param("7", 7.0, id="seconds"),
        pytest.param("Wed, 21 Oct 2026 07:28:00 GMT", None, id="a date is not used"),
        pytest.param("-1", None, id="nonsense"),
    ],
)
def test_the_time_to_wait_is_taken_from_the_header(header: str | None, seconds: float | None) -> None:
    error = from_status(429, {}, header)
    assert isinstance(error, Unavailable)
    assert error.retry_after == seconds


@pytest.mark.parametrize(
    ("body", "says"),
    [
        pytest.param({}, "HTTP 502", id="an empty object"),
        pytest.param("", "HTTP 502", id="nothing"),
        pytest.param("  <html>bad gateway</html>\n", "<html>bad gateway</html>", id="the page of a proxy"),
        pytest.param("x" * 9000, "x" * 500, id="a long page"),
    ],
)
def test_an_answer_without_a_sentence_still_says_something(body: Mapping[str, Any] | str, says: str) -> None:
    assert str(from_status(502, body)) == says


# --- paths ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("resource", "where", "path"),
    [
        pytest.param(DKRON_JOBS, (), "/apis/dkron.io/v1alpha1/dkronjobs", id="all"),
        pytest.param(JOBS, ("ns",), "/apis/batch/v1/namespaces/ns/jobs", id="of a namespace"),
        pytest.param(PODS, ("ns", "p", "log"), "/api/v1/namespaces/ns/pods/p/log", id="of the core group"),
    ],
)
def test_paths(resource: Resource, where: tuple[str, ...], path: str) -> None:
    assert resource.path(*where) == path


# --- calls ---------------------------------------------------------------------------------------------------------


async def test_calls_go_out_as_the_api_server_expects_them() -> None:
    seen: list[tuple[str, str, str | None, str | None, Any]] = []

    async def record(request: web.Request) -> web.Response:
        text = await request.text()
        kind, token = request.headers.get("Content-Type"), request.headers.get("Authorization")
        seen.append((request.method, request.path_qs, kind, token, json.loads(text) if text else None))
        return web.json_response({"metadata": {}})

    async with client(record, token="Bearer t") as kube:  # noqa: S106
        await kube.get(JOBS, "ns", "j")
        await kube.create(JOBS, "ns", {"a": "ü"})
        await kube.create(JOBS, "ns", {}, dry_run=True)
        await kube.patch(JOBS, "ns", "j", {"b": None})
        await kube.patch_status(JOBS, "ns", "j", {"c": 1})
        await kube.delete(JOBS, "ns", "j", uid="u")
        assert kube.calls[Call("create", "jobs", 200)] == 2
    base, merge, plain = "/apis/batch/v1/namespaces/ns/jobs", "application/merge-patch+json", "application/json"
    assert {token for _, _, _, token, _ in seen} == {"Bearer t"}
    assert [(method, path, kind, body) for method, path, kind, _, body in seen] == [
        ("GET", f"{base}/j", None, None),
        ("POST", f"{base}?fieldValidation=Strict", plain, {"a": "ü"}),
        ("POST", f"{base}?fieldValidation=Strict&dryRun=All", plain, {}),
        ("PATCH", f"{base}/j", merge, {"b": None}),
        ("PATCH", f"{base}/j/status", merge, {"c": 1}),
        ("DELETE", f"{base}/j", plain, {"propagationPolicy": "Background", "preconditions": {"uid": "u"}}),
    ]


async def test_an_error_is_raised_with_the_servers_sentence_and_counted() -> None:
    async def refuse(_: web.Request) -> web.Response:
        return failure(409, "AlreadyExists", 'jobs "x" already exists')

    async with client(refuse) as kube:
        with pytest.raises(AlreadyExists, match='jobs "x" already exists'):
            await kube.create(JOBS, "ns", {})
        assert dict(kube.calls) == {Call("create", "jobs", 409): 1}


async def test_a_busy_server_says_how_long_to_wait() -> None:
    async def busy(_: web.Request) -> web.Response:
        return failure(429, "TooManyRequests", **{"Retry-After": "3"})

    async with client(busy) as kube:
        with pytest.raises(Unavailable) as caught:
            await kube.get(JOBS, "ns", "j")
    assert caught.value.retry_after == 3.0


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"<html>gateway</html>", id="the page of a proxy"),
        pytest.param(b'{"items": [', id="an answer that ends early"),
        pytest.param(b'{"a": "\xff"}', id="what is not text"),
    ],
)
async def test_an_answer_that_makes_no_sense_is_none(answer: bytes) -> None:
    async def babble(_: web.Request) -> web.Response:
        return web.Response(body=answer)

    async with client(babble) as kube:
        with pytest.raises(Unavailable):
            await kube.get(JOBS, "ns", "j")


async def test_a_connection_that_is_refused_is_unavailable() -> None:
    kube = connect(f"http://127.0.0.1:{unused_port()}")
    try:
        with pytest.raises(Unavailable, match="no answer from the API server"):
            await kube.get(JOBS, "ns", "j")
        with pytest.raises(Unavailable, match="no answer from the API server"):
            await kube.log_tail(PODS, "ns", "p", container="job", size=1)
        assert kube.calls[Call("get", "jobs", 0)] == 1
    finally:
        await kube.close()


async def test_a_server_that_says_nothing_is_unavailable_after_the_timeout() -> None:
    silence = asyncio.Event()

    async def wait(_: web.Request) -> web.Response:
        await silence.wait()
        return web.Response()

    async with client(wait, timeout=0.05) as kube:
        with pytest.raises(Unavailable):
            await kube.get(JOBS, "ns", "j")
        silence.set()


async def test_a_connection_that_breaks_is_unavailable() -> None:
    async def hang_up(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    async with client(hang_up) as kube:
        with pytest.raises(Unavailable):
            await kube.create(JOBS, "ns", {})


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

    async with client(pages) as kube:
        assert await listed(kube, label_selector="a=b") == ["a", "b", "c", "d"]
    assert [query.get("continue") for query in asked] == [None, "1", "2"]
    assert {query["limit"] for query in asked} == {"500"}
    assert {query["labelSelector"] for query in asked} == {"a=b"}


async def test_a_list_of_metadata_asks_for_nothing_else_and_takes_null_for_empty() -> None:
    accepted: list[str] = []

    async def empty(request: web.Request) -> web.Response:
        accepted.append(request.headers["Accept"])
        return page(None)

    async with client(empty) as kube:
        assert await listed(kube, metadata_only=True) == []
    assert accepted == ["application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"]


async def test_pages_that_took_too_long_are_expired_after_what_was_read() -> None:
    async def expire(request: web.Request) -> web.Response:
        return failure(410, "Expired") if "continue" in request.query else page(["a"], "1")

    async with client(expire) as kube:
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

    async with client(answer) as kube:
        assert await kube.log_tail(PODS, "ns", "p", container="job", size=size) == tail
    assert queries == [{"container": "job", "tailLines": str(size + 1)}]


async def test_a_log_of_one_endless_line_takes_little_memory() -> None:
    piece, pieces, size = b"x" * 65536, 400, 1024

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(pieces):
            await response.write(piece)
        await response.write(b"the end")
        return response

    async with client(stream) as kube:
        tracemalloc.start()
        tail = await kube.log_tail(PODS, "ns", "p", container="job", size=size)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert tail.endswith(b"xthe end")
    assert len(tail) == size + 1
    assert peak < len(piece) * pieces / 4


async def test_a_log_that_is_not_there_says_why() -> None:
    async def gone(_: web.Request) -> web.Response:
        return failure(404, "NotFound", 'pods "p" not found')

    async with client(gone) as kube:
        with pytest.raises(NotFound, match='pods "p" not found'):
            await kube.log_tail(PODS, "ns", "p", container="job", size=1)


# --- access --------------------------------------------------------------------------------------------------------

KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: {current}
clusters: [{{name: c, cluster: {{server: "http://127.0.0.1:1"}}}}]
users: [{{name: u, user: {{token: secret}}}}]
contexts:
- {{name: here, context: {{cluster: c, user: u, namespace: team}}}}
- {{name: bare, context: {{cluster: c, user: u}}}}
"""


@pytest.fixture(autouse=True)
def outside_of_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)


def kubeconfig(path: Path, current: str = "here") -> Path:
    path.write_text(KUBECONFIG.format(current=current), encoding="utf-8")
    return path


async def test_a_kubeconfig_tells_where_the_server_is_and_who_we_are(tmp_path: Path) -> None:
    found = await access.load(kubeconfig(tmp_path / "config"))
    assert (found.server, found.namespace) == ("http://127.0.0.1:1", "team")
    assert await found.authorization() == "Bearer secret"


async def test_another_context_may_be_named_and_default_is_the_namespace_of_none(tmp_path: Path) -> None:
    assert (await access.load(kubeconfig(tmp_path / "config"), "bare")).namespace == "default"


def missing(path: Path) -> None:
    """Nothing is there."""
    path.unlink(missing_ok=True)


def empty(path: Path) -> None:
    path.write_text("", encoding="utf-8")


def no_yaml(path: Path) -> None:
    path.write_text("{: [", encoding="utf-8")


def other_yaml(path: Path) -> None:
    path.write_text("- just\n- a list\n", encoding="utf-8")


def unknown_context(path: Path) -> None:
    kubeconfig(path, current="there")


@pytest.mark.parametrize("make", [missing, empty, no_yaml, other_yaml, unknown_context])
async def test_a_kubeconfig_that_is_of_no_use_is_told_in_one_sentence(
    make: Callable[[Path], None], tmp_path: Path
) -> None:
    path = tmp_path / "config"
    make(path)
    with pytest.raises(AccessError) as caught:
        await access.load(path)
    assert str(caught.value).startswith(f"cannot use kubeconfig {path}: ")
    assert "\n" not in str(caught.value)


async def test_a_context_that_does_not_exist_is_told_in_one_sentence(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "config")
    with pytest.raises(AccessError, match="there"):
        await access.load(path, "there")


async def test_a_pod_without_a_service_account_is_told_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "1")
    with pytest.raises(AccessError, match="cannot use the service account of the pod: "):
        await access.load()
