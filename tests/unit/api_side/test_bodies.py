"""Bodies that do not arrive: 408 after a while, wherever they stop, and no other request is kept out meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import pytest

from dkron_api.edge.gate import Gate
from dkron_api.edge.keys import CLUSTERS, GATE, POLICIES
from dkron_api.edge.places import Places
from dkron_api.routes import jobs, policies, reports, requests, restore
from tests.support.api_app import Api, running_api

SOON = 0.2
"""Seconds that a body may take here."""
FORM = "Content-Type: multipart/form-data; boundary=b\r\n"
FILE = '--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
OTHER = '--b\r\nContent-Disposition: form-data; name="other"\r\n\r\n'
LENGTH = "Content-Length: 1000\r\n"
CHUNKED = "Transfer-Encoding: chunked\r\n"


@pytest.fixture
async def api(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Api]:
    monkeypatch.setattr(requests, "PATIENCE", SOON)
    async with running_api(jobs.ROUTES, restore.ROUTES, policies.ROUTES, reports.ROUTES) as running:
        running.know_jobs()
        for key in (CLUSTERS, POLICIES):
            running.know(key)
        yield running


@asynccontextmanager
async def sent(api: Api, text: str) -> AsyncIterator[asyncio.StreamReader]:
    """A connection on which this was sent, and nothing follows."""
    port = api.client.port
    assert port is not None
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(text.encode())
        await writer.drain()
        yield reader
    finally:
        writer.close()
        await writer.wait_closed()


def post(path: str, headers: str, body: str = "") -> str:
    return f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n{body}"


STOPPED = (
    pytest.param(post("/v1/jobs", LENGTH), id="a job that does not begin"),
    pytest.param(post("/v1/jobs", LENGTH, '{"name":"a"'), id="a job that does not end"),
    pytest.param(post("/v1/jobs", CHUNKED, "5\r\n{"), id="a chunk that does not end"),
    pytest.param(post("/v1/acl/policies/a", LENGTH, "{"), id="a policy"),
    pytest.param(post("/v1/schedule/preview", LENGTH, "{"), id="a schedule to try"),
    pytest.param(post("/v1/restore", FORM + LENGTH), id="a form that does not begin"),
    pytest.param(post("/v1/restore", FORM + LENGTH, "--b\r\nContent-Dis"), id="headers of a part"),
    pytest.param(post("/v1/restore", FORM + LENGTH, OTHER + "text"), id="another part"),
    pytest.param(post("/v1/restore", FORM + LENGTH, FILE + "[{"), id="a backup that does not end"),
)


@pytest.mark.parametrize("text", STOPPED)
async def test_a_body_that_stops_is_408(api: Api, text: str) -> None:
    async with sent(api, text) as reader:
        answer = (await asyncio.wait_for(reader.readuntil(b" seconds"), 10)).decode()
    assert answer.startswith("HTTP/1.1 408 "), answer
    assert answer.endswith("\r\n\r\nthe body did not arrive within 0 seconds"), answer


async def test_a_backup_that_drips_is_408(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "PATIENCE", 60)
    monkeypatch.setattr(requests, "FORM_PATIENCE", SOON)
    async with sent(api, post("/v1/restore", FORM + LENGTH, FILE + "[{")) as reader:
        answer = (await asyncio.wait_for(reader.readuntil(b" seconds"), 10)).decode()
    assert answer.startswith("HTTP/1.1 408 "), answer


@pytest.mark.parametrize("text", STOPPED)
async def test_pending_body_takes_no_place_of_another_request(
    api: Api, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr(requests, "PATIENCE", 60)
    gate = api.app[GATE]
    async with sent(api, text):
        await _until(lambda: _waiting(gate) == 1)
        assert gate.working == 0
        answer = await api.client.get("/v1/jobs")
        assert answer.status == 200
    await _until(lambda: _waiting(gate) == 0)


async def test_the_oldest_body_gives_way_to_the_next(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "PATIENCE", 60)
    gate = api.app[GATE]
    gate.uploads = Places(2, "uploads", of_caller=2, rolling=True)
    preview = post("/v1/schedule/preview", LENGTH, "{")
    async with AsyncExitStack() as stack:
        readers = []
        for most in (1, 2, 2):
            readers.append(await stack.enter_async_context(sent(api, preview)))
            await _until(partial(_uploading, gate, most))
        answer = (await asyncio.wait_for(readers[0].readuntil(b"without pauses"), 10)).decode()
        assert answer.startswith("HTTP/1.1 503 "), answer
        assert "Retry-After" in answer
        assert gate.uploads.taken == 2
    await _until(lambda: gate.uploads.taken == gate.working == 0)


def _uploading(gate: Gate, count: int) -> bool:
    return gate.uploads.taken == count


def _waiting(gate: Gate) -> int:
    return gate.uploads.taken + gate.restores.taken


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0)
