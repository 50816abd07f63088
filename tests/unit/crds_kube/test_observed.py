"""Reports of a client about its requests, and of a session about its watches."""

import asyncio
from dataclasses import replace

import aiohttp
import pytest
from aiohttp import web

from dkron_kube.client import Call
from dkron_kube.errors import NotFound, Unavailable
from dkron_kube.paths import JOBS, PODS
from tests.support.kube_server import client_of, refusal, served, serving

NOWHERE = "http://127.0.0.1:1"


async def answer(request: web.Request) -> web.Response:
    if request.path.endswith("/log"):
        return web.Response(body=b"hello")
    if request.query.get("resourceVersion") == "0" or request.path.endswith("/gone"):
        return refusal(404, "NotFound")
    return web.json_response({"items": [], "metadata": {}})


async def test_each_request_is_observed_with_its_answer_and_duration() -> None:
    told: list[tuple[Call, float]] = []
    async with served(answer, observe=lambda call, seconds: told.append((call, seconds))) as client:
        assert [item async for item in client.list(JOBS, "default")] == []
        with pytest.raises(NotFound):
            await client.get(JOBS, "default", "gone")
        await client.log_tail(PODS, "default", "pod", container="job", size=10)
    expected = [Call("list", "jobs", 200), Call("get", "jobs", 404), Call("get", "pods/log", 200)]
    assert [call for call, _ in told] == expected == list(client.calls)
    assert all(0 < seconds < 10 for _, seconds in told)


async def test_unanswered_request_is_observed_too() -> None:
    told: list[Call] = []
    client = client_of(NOWHERE, observe=lambda call, _: told.append(call))
    with pytest.raises(Unavailable):
        await client.get(JOBS, "default", "x")
    await client.close()
    assert told == [Call("get", "jobs", 0)]


async def test_client_apart_shares_no_connection() -> None:
    peers: dict[str, set[object]] = {"busy": set(), "apart": set()}
    full = asyncio.Barrier(5)

    async def wait_for_all(request: web.Request) -> web.Response:
        assert request.transport is not None
        peers[request.path.rpartition("/")[2]].add(request.transport.get_extra_info("peername"))
        await full.wait()
        return web.json_response({})

    async with served(wait_for_all) as client:
        apart = client.apart()
        for _ in range(2):
            busy = (client.get(JOBS, "default", "busy") for _ in range(4))
            await asyncio.gather(*busy, apart.get(JOBS, "default", "apart"))
        await apart.close()
        assert (len(peers["busy"]), len(peers["apart"])) == (4, 1)
        assert sum(client.calls.values()) == 10, "both count together"


async def test_session_observes_whether_each_watch_started() -> None:
    told: list[tuple[str, bool]] = []

    def watched(path: str, *, begun: bool) -> None:
        told.append((path, begun))

    async with serving(answer) as server:
        client = client_of(str(server.make_url("")).rstrip("/"))
        async with client.access.open_session(watched=watched) as session:
            for query in ({"watch": "true"}, {"watch": "true", "resourceVersion": "0"}, {}):
                async with session.get(JOBS.path("default"), params=query):
                    pass
        await client.close()
    assert told == [(JOBS.path("default"), True), (JOBS.path("default"), False)]
    async with replace(client.access, server=NOWHERE).open_session(watched=watched) as session:
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get(JOBS.path(), params={"watch": "true"})
    assert told[2:] == [(JOBS.path(), False)]
