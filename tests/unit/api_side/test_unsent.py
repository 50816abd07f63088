"""Answers that clients do not read: their bytes are counted until the last one is sent, and bounded."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import cast

import pytest
from aiohttp import web

from dkron_api.auth.caller import Owner
from dkron_api.cache.listed import Listed
from dkron_api.edge import aiohttp_fixes
from dkron_api.edge.aiohttp_fixes import Connection
from dkron_api.edge.keys import GATE
from dkron_api.edge.unsent import STREAMS, STREAMS_OF_GROUP, Unsent
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


def streams(api: Api) -> int:
    return sum(share.streams for share in unsent(api)._groups.values())


async def test_unread_lists_take_little_memory(api: Api) -> None:
    async with listening(api) as port:
        clients = [await ask(port, LIST) for _ in range(10)]
        await until(lambda: streams(api) == len(clients))
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
    path = f"/v1/executions?output_size_limit=64000&limit={RUNS}"
    async with listening(api) as port:
        clients = [await ask(port, path) for _ in range(STREAMS)]
        await until(lambda: streams(api) == STREAMS)
        status, headers, body = await read(await ask(port, path))
        assert (status, headers["Retry-After"]) == (503, "10")
        assert body == b"this caller already has 16 long answers in sending; read some, or retry later"
        clients.pop().close()
        await until(lambda: streams(api) < STREAMS)
        assert (await read(await ask(port, path)))[0] == 200
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
    api.app[GATE].unsent = Unsent(total=40 * 1024 * 1024)
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
    """Answers in sending as (namespace/caller, bytes), oldest first, and which of them are broken off by the last one:
    of 160 bytes, a namespace has 40, and each of its callers 20."""

    answers: list[tuple[str, int]]
    broken: list[int]
    grows: int = 0
    """Bytes that the first one then has."""


def of(name: str) -> Owner:
    group, _, caller = name.partition("/")
    return Owner(f"namespace {group}" if caller else f"caller {group}", caller or group)


CROWD = [(f"a/{number}", 3) for number in range(100)]
"""Answers of a hundred accounts of one namespace."""


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Held([("a/x", 20), ("a/y", 20), ("b/x", 20)], []), id="room for all"),
        pytest.param(Held([("a/y", 5), ("a/x", 5), ("a/x", 10), ("a/x", 8)], [1]), id="the caller's own oldest"),
        pytest.param(Held([("a/x", 15), ("b/x", 9), ("a/y", 15), ("a/z", 15)], [0]), id="the oldest of a namespace"),
        pytest.param(Held([("oidc", 15), ("oidc", 20)], []), id="a caller without a namespace has a whole share"),
        pytest.param(Held([("a/x", 150)], []), id="one that is longer than a share"),
        pytest.param(Held([("a/x", 150), ("a/y", 0)], []), id="an answer without bytes beside a longer one"),
        pytest.param(Held([("a/x", 200)], []), id="one that is longer than the total"),
        pytest.param(Held([("a/x", 90), ("b/x", 60), ("c/x", 20)], [0]), id="the fullest namespace at the total"),
        pytest.param(Held([("b/x", 20), ("c/x", 50), ("a/x", 100)], [2]), id="none for the sake of one that has more"),
        pytest.param(Held([("b/x", 20), ("a/x", 10), ("a/y", 10)], [0], grows=150), id="one that grows to the most"),
        pytest.param(Held([("a/x", 10), ("a/x", 10)], [0], grows=30), id="the oldest that grows"),
        pytest.param(Held([("b/x", 120), *CROWD], list(range(1, 88))), id="a hundred accounts of a namespace"),
    ],
)
def test_oldest_unread_answer_gives_way(case: Held) -> None:
    unsent, broken = Unsent(total=160), list[int]()
    with ExitStack() as stack:
        answers = [
            stack.enter_context(unsent.answer(of(owner), partial(broken.append, number), size))
            for number, (owner, size) in enumerate(case.answers)
        ]
        if case.grows:
            unsent.hold(answers[0], case.grows)
        assert broken == case.broken
        assert unsent.size == sum(each.size for each in answers if not each.ended)
    assert (unsent.size, unsent._callers, unsent._groups) == (0, {}, {})


@dataclass(frozen=True)
class Asked:
    """A caller who has 20 KiB of unread answers asks for more, of 160 KiB as above."""

    owner: str
    size: int
    refused: str = ""


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Asked("b/x", 70), id="another namespace"),
        pytest.param(Asked("a/x", 1, "this caller has not read 20 KiB of answers"), id="the caller"),
        pytest.param(Asked("a/y", 20), id="another account"),
        pytest.param(Asked("a/y", 21, "namespace a has not read 20 KiB of answers"), id="another, beyond the share"),
    ],
)
def test_caller_with_unread_answers_waits(case: Asked) -> None:
    unsent = Unsent(total=160 * 1024)
    with (
        unsent.answer(of("a/x"), lambda: None, 20 * 1024),
        pytest.raises(ApiError, match=case.refused) if case.refused else nullcontext(),
    ):
        unsent.require_room(of(case.owner), case.size * 1024)


def test_accounts_of_a_namespace_have_few_lists_in_sending() -> None:
    unsent = Unsent()
    with ExitStack() as stack:
        for number in range(STREAMS_OF_GROUP):
            stack.enter_context(unsent.stream(of(f"a/{number // STREAMS}"), lambda: None, 0))
        for number, who in enumerate(("this caller", "namespace a")):
            with pytest.raises(ApiError, match=f"{who} already has"):
                stack.enter_context(unsent.stream(of(f"a/{number * STREAMS_OF_GROUP}"), lambda: None, 0))
        stack.enter_context(unsent.stream(of("b/x"), lambda: None, 0))
    assert (unsent._callers, unsent._groups) == ({}, {})


def test_outdated_list_counts_once() -> None:
    listed, sizes = Listed([b"x" * 8]), dict[str, int]()
    with ExitStack() as second:
        with ExitStack() as first:
            first.enter_context(listed.sending(partial(sizes.__setitem__, "first")))
            second.enter_context(listed.sending(partial(sizes.__setitem__, "second")))
            assert sizes == {}, "the list of all clients counts for none"
            listed.outdate()
            assert sizes == {"first": 10}
        assert sizes == {"first": 10, "second": 10}, "the next one has it now"
