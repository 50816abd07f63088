"""Answers that clients do not read: their bytes are counted until the last one is sent, and bounded."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import cast

import pytest
from aiohttp import web

from dkron_api.edge import aiohttp_fixes
from dkron_api.edge.aiohttp_fixes import Connection
from dkron_api.edge.keys import GATE
from dkron_api.edge.unsent import STREAMS, Unsent
from dkron_api.refusal import ApiError
from dkron_api.routes import execution_lists, jobs, log
from dkron_api.translate.pieces import PIECE
from tests.support.api_app import Api, running_api
from tests.support.builders import wire_job
from tests.support.fake_archive import AWAY, FakeArchive, archived

ROUTES = (execution_lists.ROUTES, jobs.ROUTES, log.ROUTES)
SECONDS = 30.0
RUNS = 33
LIST = f"/v1/executions?output_size_limit=256000&limit={RUNS}"
PART = 6 * 256_000 + PIECE
"""Bytes that a list holds at most: an execution that is rendered, each control character as six bytes, and the rest."""


@pytest.fixture
def archive() -> FakeArchive:
    found = FakeArchive()
    found.put(*(archived(-number) for number in range(1, RUNS + 1)), output="\x01" * 256_000)
    return found


@pytest.fixture
async def api(archive: FakeArchive) -> AsyncIterator[Api]:
    async with running_api(*ROUTES, archive=archive) as running:
        running.know_jobs(wire_job())
        yield running


@asynccontextmanager
async def listening(api: Api) -> AsyncIterator[int]:
    """The port of the connections that the service makes: real sockets."""
    loop, server = asyncio.get_running_loop(), cast("web.AppRunner", api.client.server.runner).server
    listener = await loop.create_server(lambda: Connection(server, loop=loop, access_log=None), "127.0.0.1", 0)  # type: ignore[arg-type]
    try:
        async with asyncio.timeout(SECONDS):
            yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()


async def ask(port: int, path: str) -> socket.socket:
    """Send a request, and read nothing."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, ("127.0.0.1", port))
    await loop.sock_sendall(client, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    return client


async def read(client: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """Read the whole answer."""
    reader, writer = await asyncio.open_connection(sock=client)
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        headers = dict(line.split(": ", 1) for line in head[1:] if line)
        body = await reader.read()
    finally:
        writer.close()
    return int(head[0].split()[1]), headers, body


async def read_all(client: socket.socket) -> None:
    """Read an answer to its end. Raises an error if it is cut off."""
    _, headers, body = await read(client)
    if not body.endswith(b"\r\n0\r\n\r\n") and len(body) < int(headers.get("Content-Length", len(body) + 1)):
        raise ConnectionError("it was cut off")


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - nothing announces a state of the transport
        await asyncio.sleep(0.01)


def unsent(api: Api) -> Unsent:
    return api.app[GATE].unsent


async def test_unread_lists_take_little_memory(api: Api) -> None:
    async with listening(api) as port:
        clients = [await ask(port, LIST) for _ in range(10)]
        await until(lambda: api.app[GATE].streaming == len(clients))
        await until(lambda: unsent(api).size > len(clients) * 6 * 250_000)
        assert unsent(api).size < len(clients) * PART
        status, headers, body = await read(await ask(port, "/v1/executions?limit=1"))
        assert (status, headers["X-Total-Count"], len(json.loads(body))) == (200, str(RUNS), 1)
        for client in clients:
            client.close()
        await until(lambda: unsent(api).size == 0)


async def test_list_rendered_while_sent_is_whole(api: Api) -> None:
    async with listening(api) as port:
        answer = await api.client.session.get(f"http://127.0.0.1:{port}{LIST}&pretty")
        assert (answer.status, answer.headers["X-Total-Count"], answer.content_length) == (200, str(RUNS), None)
        size = 8 * 1024 * 1024 // RUNS
        assert [len(each["output"]) for each in await answer.json()] == [size] * RUNS


async def test_caller_has_few_lists_in_sending(api: Api) -> None:
    async with listening(api) as port:
        clients = [await ask(port, LIST) for _ in range(STREAMS)]
        await until(lambda: api.app[GATE].streaming == STREAMS)
        status, headers, body = await read(await ask(port, LIST))
        assert (status, headers["Retry-After"]) == (503, "10")
        assert body == b"this caller already has 16 long answers in sending; read some, or retry later"
        clients.pop().close()
        await until(lambda: api.app[GATE].streaming < STREAMS)
        assert (await read(await ask(port, LIST)))[0] == 200
        for client in clients:
            client.close()


@pytest.mark.parametrize("path", [LIST, "/v1/jobs/backup/executions/{}/log"])
async def test_client_that_reads_nothing_is_sent_away(
    api: Api, archive: FakeArchive, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aiohttp_fixes, "STALL", 0.2)
    known = archived(-50)
    archive.put(known, output="x" * 16_000_000)
    async with listening(api) as port:
        client = await ask(port, path.format(known.id))
        await until(lambda: unsent(api).size > 6 * 250_000)
        await until(lambda: unsent(api).size == 0)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await read_all(client)


async def test_unread_versions_of_the_list_of_jobs_are_bounded(api: Api) -> None:
    """The list that is cached counts for no client: only the versions before it do, which nothing but answers keeps."""
    share = 10 * 1024 * 1024
    api.app[GATE].unsent = Unsent(total=2 * share, share=share)
    clients: list[socket.socket] = []
    api.know_jobs(*(wire_job(name=f"job-{n}", uid=f"uid-{n}", command="x" * 50_000) for n in range(160)))
    async with listening(api) as port:
        for version in range(2, 10):
            api.own.job_index.upsert(wire_job(name="job-0", uid="uid-0", version=version))
            assert unsent(api).size == pytest.approx(8_000_000 if clients else 0, rel=0.02)
            for _ in range(2):
                clients.append(await ask(port, "/v1/jobs"))
                await asyncio.get_running_loop().sock_recv(clients[-1], 1)
        for client in clients:
            client.close()
        await until(lambda: unsent(api).size == 0)


async def test_archive_that_fails_midway_ends_the_list(api: Api, archive: FakeArchive) -> None:
    async with listening(api) as port:
        client = await ask(port, LIST)
        await until(lambda: unsent(api).size > 0)
        archive.trouble = AWAY
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await read_all(client)


@dataclass(frozen=True)
class Held:
    """Answers in sending as (caller, bytes), oldest first, and which of them are broken off by the last one."""

    answers: list[tuple[str, int]]
    broken: list[int]
    grows: int = 0
    """Bytes that the first one then has."""


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Held([("a", 30), ("b", 30), ("a", 20)], []), id="room for all"),
        pytest.param(Held([("a", 10), ("a", 40), ("a", 20)], [0]), id="the caller's own oldest"),
        pytest.param(Held([("b", 40), ("a", 20), ("a", 25), ("c", 20)], [1]), id="the oldest of the fullest caller"),
        pytest.param(Held([("a", 70)], []), id="one that is longer than a share"),
        pytest.param(Held([("a", 60), ("b", 60), ("c", 60)], [0, 1]), id="the last one stays"),
        pytest.param(Held([("a", 10), ("a", 20)], [0], grows=50), id="the oldest that grows"),
    ],
)
def test_oldest_unread_answer_gives_way(case: Held) -> None:
    unsent, broken = Unsent(total=100, share=60), list[int]()
    with ExitStack() as stack:
        answers = [
            stack.enter_context(unsent.answer(owner, partial(broken.append, number), size))
            for number, (owner, size) in enumerate(case.answers)
        ]
        if case.grows:
            unsent.hold(answers[0], case.grows)
        assert broken == case.broken
        assert unsent.size == sum(size for number, (_, size) in enumerate(case.answers) if number not in broken)
    assert unsent.size == 0


def test_caller_with_unread_answers_waits() -> None:
    unsent = Unsent(total=100 * 1024, share=60 * 1024)
    unsent.require_room("a", 70 * 1024)
    with unsent.answer("a", lambda: None, 50 * 1024):
        unsent.require_room("b", 70 * 1024)
        with pytest.raises(ApiError, match="this caller has not read 50 KiB of answers"):
            unsent.require_room("a", 20 * 1024)
