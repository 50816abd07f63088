"""Patches by tests, the name of the writer, and answers that are taken in pieces."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port

from dkron_kube.answers import PIECE
from dkron_kube.client import Call, KubeClient
from dkron_kube.errors import Expired, KubeError, NotFound, Rejected, Unavailable
from dkron_kube.paths import DKRON_JOBS, LEASES, NODES, PODS, Resource
from tests.support.kube_server import always, client_of, opened, refusal, served


@pytest.mark.parametrize(
    ("resource", "where", "path"),
    [
        pytest.param(DKRON_JOBS, (), "/apis/dkron.io/v1alpha1/dkronjobs", id="all"),
        pytest.param(LEASES, ("n", "d"), "/apis/coordination.k8s.io/v1/namespaces/n/leases/d", id="of a namespace"),
        pytest.param(PODS, ("n", "p", "log"), "/api/v1/namespaces/n/pods/p/log", id="of the core group"),
        pytest.param(NODES, (), "/api/v1/nodes", id="without a namespace"),
    ],
)
def test_paths(resource: Resource, where: tuple[str, ...], path: str) -> None:
    assert resource.path(*where) == path


# --- writes --------------------------------------------------------------------------------------------------------


async def test_a_json_patch_goes_out_as_a_list_of_operations() -> None:
    seen: list[Any] = []

    async def record(request: web.Request) -> web.Response:
        seen.append((request.method, request.path_qs, request.content_type, await request.json()))
        return web.json_response({"metadata": {"resourceVersion": "2"}})

    operations = [{"op": "test", "path": "/metadata/uid", "value": "u"}, {"op": "remove", "path": "/spec/owner"}]
    async with served(record) as kube:
        answer = await kube.json_patch(DKRON_JOBS, "ns", "a", operations)
        assert kube.calls == {Call("patch", "dkronjobs", 200): 1}
    assert answer == {"metadata": {"resourceVersion": "2"}}
    path = "/apis/dkron.io/v1alpha1/namespaces/ns/dkronjobs/a"
    assert seen == [("PATCH", path, "application/json-patch+json", operations)]


async def written_and_read(kube: KubeClient) -> None:
    await kube.create(DKRON_JOBS, "ns", {})
    await kube.create(DKRON_JOBS, "ns", {}, dry_run=True)
    await kube.patch(DKRON_JOBS, "ns", "a", {})
    await kube.patch_status(DKRON_JOBS, "ns", "a", {})
    await kube.json_patch(DKRON_JOBS, "ns", "a", [])
    await kube.delete(DKRON_JOBS, "ns", "a", uid="u")
    await kube.get(DKRON_JOBS, "ns", "a")
    assert [item async for item in kube.list(DKRON_JOBS, "ns")] == []


@pytest.mark.parametrize(
    ("manager", "named"),
    [pytest.param("dkron-api", {"POST", "PATCH"}, id="who has a name"), pytest.param(None, set(), id="who has none")],
)
async def test_field_manager_is_sent_with_writes_only(manager: str | None, named: set[str]) -> None:
    found: dict[str, set[str | None]] = {}

    async def record(request: web.Request) -> web.Response:
        found.setdefault(request.method, set()).add(request.query.get("fieldManager"))
        return web.json_response({"metadata": {}, "items": []})

    async with served(record, field_manager=manager) as kube:
        await written_and_read(kube)
    assert found == {method: {manager if method in named else None} for method in ("POST", "PATCH", "DELETE", "GET")}


# --- streams -------------------------------------------------------------------------------------------------------

Read = Callable[[KubeClient], Awaitable[bytes]]


async def read_watch(kube: KubeClient) -> bytes:
    async with kube.watch(DKRON_JOBS, "ns", query={"resourceVersion": "5"}, silence=5) as pieces:
        return await joined(pieces)


async def read_log(kube: KubeClient) -> bytes:
    return await joined(kube.follow_log(PODS, "ns", "p", container="job", follow=False))


async def read_live_log(kube: KubeClient) -> bytes:
    return await joined(kube.follow_log(PODS, "ns", "p", container="job", follow=True))


async def read_tail(kube: KubeClient) -> bytes:
    return await kube.log_tail(PODS, "ns", "p", container="job", size=9)


async def get(kube: KubeClient) -> bytes:
    return repr(await kube.get(PODS, "ns", "p")).encode()


async def read_list(kube: KubeClient) -> bytes:
    return repr([item async for item in kube.list(PODS, "ns")]).encode()


async def joined(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


STREAMS = [
    pytest.param(read_watch, id="a watch"),
    pytest.param(read_log, id="a log"),
    pytest.param(read_live_log, id="a live log"),
    pytest.param(read_tail, id="the tail of a log"),
    pytest.param(get, id="an object"),
]
each_read = pytest.mark.parametrize("read", [*STREAMS, pytest.param(read_list, id="a list")])


async def test_streams_are_requested_as_the_api_server_expects() -> None:
    asked: list[str] = []

    async def record(request: web.Request) -> web.Response:
        asked.append(request.path_qs)
        return web.Response(body=b"x" * 100)

    async with served(record) as kube:
        assert len(await read_watch(kube)) == 100
        await read_live_log(kube)
        query = {"tailLines": "7", "timestamps": "true"}
        await joined(kube.follow_log(PODS, "ns", "p", container="job", follow=False, query=query))
        assert kube.calls == {Call("watch", "dkronjobs", 200): 1, Call("get", "pods/log", 200): 2}
    log = "/api/v1/namespaces/ns/pods/p/log?container=job"
    assert asked == [
        "/apis/dkron.io/v1alpha1/namespaces/ns/dkronjobs?watch=true&resourceVersion=5",
        f"{log}&follow=true",
        f"{log}&follow=false&tailLines=7&timestamps=true",
    ]


@each_read
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        pytest.param(400, Rejected, id="a container that waits to start"),
        pytest.param(403, Rejected, id="not allowed"),
        pytest.param(404, NotFound, id="not there"),
        pytest.param(410, Expired, id="too old"),
        pytest.param(429, Unavailable, id="busy"),
        pytest.param(500, Unavailable, id="an error within"),
    ],
)
async def test_refused_stream_says_why(read: Read, *, status: int, kind: type[KubeError]) -> None:
    message = 'container "job" in pod "p" is waiting to start'
    async with served(always(lambda: refusal(status, message=message))) as kube:
        with pytest.raises(kind, match="is waiting to start") as caught:
            await read(kube)
        assert sum(kube.calls.values()) == 1
        assert {call.status for call in kube.calls} == {status}
    assert type(caught.value) is kind


@each_read
async def test_a_stream_without_an_answer_is_unavailable(read: Read) -> None:
    kube = client_of(f"http://127.0.0.1:{unused_port()}")
    with pytest.raises(Unavailable, match="no answer from the API server"):
        await read(kube)
    assert {call.status for call in kube.calls} == {0}
    await kube.close()


@each_read
async def test_broken_stream_raises_unavailable_after_its_data(read: Read) -> None:
    async def hang_up(request: web.Request) -> web.StreamResponse:
        response = await opened(request)
        await response.write(b"half")
        assert request.transport is not None
        request.transport.close()
        return response

    async with served(hang_up) as kube:
        with pytest.raises(Unavailable):
            await read(kube)


async def test_a_watch_that_is_silent_for_too_long_breaks() -> None:
    async def whisper(request: web.Request) -> web.StreamResponse:
        response = await opened(request)
        await response.write(b"one")
        await asyncio.Event().wait()
        return response

    async with served(whisper) as kube, kube.watch(DKRON_JOBS, "ns", query={}, silence=0.05) as pieces:
        assert await anext(pieces) == b"one"
        with pytest.raises(Unavailable):
            await anext(pieces)


async def test_live_log_may_stay_silent_beyond_the_call_timeout() -> None:
    async def think(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.3)
        response = await opened(request)
        await asyncio.sleep(0.3)
        await response.write(b"at last")
        return response

    async with served(think, seconds=0.1) as kube:
        assert await read_live_log(kube) == b"at last"
        with pytest.raises(Unavailable):
            await read_log(kube)


async def test_no_more_of_a_log_is_read_than_is_taken() -> None:
    sent = 0

    async def pour(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = await opened(request)
        while True:
            await response.write(b"x" * PIECE)
            sent += PIECE

    async with served(pour) as kube, aclosing(kube.follow_log(PODS, "ns", "p", container="job", follow=True)) as log:
        assert len(await anext(log)) <= PIECE
        before = -1
        while sent != before:
            before = sent
            # The server is in the same loop: when it has had so many turns and has sent nothing, it cannot.
            for _ in range(100):
                await asyncio.sleep(0)
        stuck = sent
        taken = 0
        while taken <= stuck:
            taken += len(await anext(log))
    assert sent > stuck
    assert stuck < 64 * 1024 * 1024


async def test_leaving_a_log_early_closes_the_connection() -> None:
    left = asyncio.Event()

    async def pour(request: web.Request) -> web.StreamResponse:
        response = await opened(request)
        try:
            while True:
                await response.write(b"x" * PIECE)
        finally:
            left.set()

    async with served(pour) as kube:
        async with aclosing(kube.follow_log(PODS, "ns", "p", container="job", follow=True)) as log:
            await anext(log)
            assert not left.is_set()
        async with asyncio.timeout(10):
            await left.wait()


async def test_reader_errors_are_not_mistaken_for_stream_errors() -> None:
    async with served(always(lambda: web.Response(body=b"x"))) as kube:
        stream = kube.watch(DKRON_JOBS, "ns", query={}, silence=5)
        assert await anext(await stream.__aenter__()) == b"x"
        assert not await stream.__aexit__(TimeoutError, TimeoutError("my own"), None)
