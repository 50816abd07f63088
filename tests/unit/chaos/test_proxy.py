"""The fault proxy in front of a small server: what arrives, what is answered, and what is lost."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp
import pytest

from dkron_kube.access import load
from dkron_kube.client import KubeClient
from dkron_kube.errors import Conflict, Expired, KubeError, Rejected, Unavailable
from dkron_kube.paths import DKRON_JOBS, JOBS
from tests.chaos.proxy.rules import (
    Answer,
    CutWatch,
    Delay,
    DropAfter,
    DropBefore,
    ExpireWatch,
    Fault,
    FreezeWatch,
    Replay,
    Rule,
)
from tests.chaos.proxy.server import Lost, Proxy, Write
from tests.chaos.proxy.thread import gateway
from tests.unit.chaos.backend import Backend, backend

JOB = {"metadata": {"name": "a"}}
SOON = 5.0


@dataclass
class Bed:
    """A client, the proxy, and what stands for the API server."""

    client: KubeClient
    proxy: Proxy
    server: Backend

    @property
    def arrived(self) -> int:
        return len(self.server.arrived)


@asynccontextmanager
async def bed(folder: Path, *rules: Rule) -> AsyncIterator[Bed]:
    async with backend() as (server, way), Proxy(way).serving() as proxy:
        proxy.rules = rules
        client = KubeClient(await load(proxy.write_kubeconfig(folder / "kubeconfig")), timeout=SOON)
        try:
            yield Bed(client, proxy, server)
        finally:
            await client.close()


async def test_proxy_forwards_unchanged_and_numbers_writes(tmp_path: Path) -> None:
    async with bed(tmp_path) as it:
        answer = await it.client.create(JOBS, "here", JOB)
        assert json.loads(answer["sent"]) == JOB
        assert it.server.arrived == ["POST /apis/batch/v1/namespaces/here/jobs?fieldValidation=Strict"]
        assert it.server.authorizations == {"Bearer own"}, "with the credentials of the proxy"
        assert it.client.access.namespace == "here"
        await it.client.get(JOBS, "here", "a")
        await it.client.patch_status(DKRON_JOBS, "here", "b", {})
        await it.client.delete(JOBS, "here", "a", uid="1")
        told = [(write.number, str(write.call)) for write in it.proxy.writes]
    assert told == [
        (1, "create jobs a in here"), (2, "patch dkronjobs/status b in here"), (3, "delete jobs a in here")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "error", "arrives"),
    [
        (DropBefore(), Unavailable, False),
        (DropAfter(), Unavailable, True),
        (Answer(409), Conflict, False),
        (Answer(403), Rejected, False),
        (Answer(410), Expired, False),
        (Answer(500), Unavailable, False),
        (Answer(503), Unavailable, False),
        (Answer(429, 7), Unavailable, False),
    ],
)
async def test_client_sees_the_fault(tmp_path: Path, fault: Fault, error: type[KubeError], *, arrives: bool) -> None:
    async with bed(tmp_path, Rule(fault=fault, verb="create", times=1)) as it:
        with pytest.raises(error) as caught:
            await it.client.create(JOBS, "here", JOB)
        assert it.arrived == arrives
        if isinstance(fault, Answer):
            assert caught.value.status == fault.status
            assert getattr(caught.value, "retry_after", None) == fault.retry_after
        await it.client.create(JOBS, "here", JOB)


async def test_delayed_request_arrives_and_a_dead_server_cuts_it(tmp_path: Path) -> None:
    async with bed(tmp_path, Rule(fault=Delay(0.2), verb="create"), Rule(fault=DropAfter(), verb="create")) as it:
        began = asyncio.get_running_loop().time()
        with pytest.raises(Unavailable):
            await it.client.create(JOBS, "here", JOB)
        assert asyncio.get_running_loop().time() - began >= 0.2
        assert it.arrived == 1
        it.proxy.rules = []
        it.proxy._access = replace(it.proxy._access, server="http://127.0.0.1:1")
        with pytest.raises(Unavailable):
            await it.client.create(JOBS, "here", JOB)


async def test_an_old_list_is_repeated(tmp_path: Path) -> None:
    async with bed(tmp_path) as it:

        async def listed() -> str:
            page = await anext(aiter(it.client.pages(JOBS, "here", selector={})))
            return str(page["metadata"]["resourceVersion"])

        assert await listed() == "1"
        it.server.version = 2
        assert await listed() == "2"
        it.proxy.rules = [Rule(fault=Replay(), verb="list", times=1)]
        assert [await listed(), await listed()] == ["1", "2"]
        it.proxy.remember()
        assert await listed() == "2"
        it.proxy.rules = [Rule(fault=Replay())]
        it.server.version = 3
        assert await listed() == "2"


async def test_hooks_see_each_write_before_and_after(tmp_path: Path) -> None:
    async with bed(tmp_path) as it:
        seen: list[tuple[str, int, int]] = []

        def hook(side: str) -> Callable[[Write], object]:
            async def upsert(write: Write) -> None:
                seen.append((side, write.number, it.arrived))

            return upsert

        it.proxy.before, it.proxy.after = hook("before"), hook("after")  # type: ignore[assignment]
        await it.client.create(JOBS, "here", JOB)
        await it.client.get(JOBS, "here", "a")
        await it.client.create(JOBS, "here", JOB)
    assert seen == [("before", 1, 0), ("after", 1, 1), ("before", 2, 2), ("after", 2, 3)]


@pytest.mark.parametrize(("side", "arrives"), [("before", 0), ("after", 1)])
async def test_a_hook_can_lose_a_write(tmp_path: Path, side: str, arrives: int) -> None:
    async def remove(_: Write) -> None:
        raise Lost

    async with bed(tmp_path) as it:
        setattr(it.proxy, side, remove)
        with pytest.raises(Unavailable):
            await it.client.create(JOBS, "here", JOB)
        assert it.arrived == arrives


@asynccontextmanager
async def watching(it: Bed) -> AsyncIterator["asyncio.Queue[bytes]"]:
    """The pieces of a watch; an empty piece is its end, `cut` that it was cut."""
    pieces: asyncio.Queue[bytes] = asyncio.Queue()

    async def follow() -> None:
        try:
            async with aiohttp.ClientSession() as session:
                url = f"http://127.0.0.1:{it.proxy.port}/apis/batch/v1/namespaces/here/jobs?watch=true"
                async with session.get(url) as response:
                    async for piece in response.content.iter_any():
                        await pieces.put(piece)
            await pieces.put(b"")
        except aiohttp.ClientError:
            await pieces.put(b"cut")

    task = asyncio.create_task(follow())
    await it.server.events.put("first")
    assert b"first" in await asyncio.wait_for(pieces.get(), SOON)
    try:
        yield pieces
    finally:
        task.cancel()


async def test_a_watch_that_is_cut(tmp_path: Path) -> None:
    async with bed(tmp_path) as it, watching(it) as pieces:
        it.proxy.rules = [Rule(fault=CutWatch(), verb="watch")]
        assert await asyncio.wait_for(pieces.get(), SOON) == b"cut"


async def test_a_watch_that_expires(tmp_path: Path) -> None:
    async with bed(tmp_path) as it, watching(it) as pieces:
        it.proxy.rules = [Rule(fault=ExpireWatch(), resource="jobs")]
        event = json.loads(await asyncio.wait_for(pieces.get(), SOON))
        assert (event["type"], event["object"]["code"]) == ("ERROR", 410)
        assert await asyncio.wait_for(pieces.get(), SOON) == b""


async def test_frozen_watch_sends_its_backlog_later(tmp_path: Path) -> None:
    async with bed(tmp_path) as it, watching(it) as pieces:
        it.proxy.rules = [Rule(fault=FreezeWatch(), resource="jobs")]
        await it.server.events.put("second")
        await it.server.events.put("third")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(pieces.get(), 0.2)
        it.proxy.rules = []
        held = await asyncio.wait_for(pieces.get(), SOON)
        assert b"second" in held


async def test_other_watches_are_unaffected(tmp_path: Path) -> None:
    async with bed(tmp_path) as it, watching(it) as pieces:
        it.proxy.rules = [Rule(fault=FreezeWatch(), resource="pods"), Rule(fault=CutWatch(), verb="list")]
        await it.server.events.put("second")
        assert b"second" in await asyncio.wait_for(pieces.get(), SOON)
        await it.server.events.put("")
        assert await asyncio.wait_for(pieces.get(), SOON) == b""


def test_beside_a_test_without_a_loop(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    with pytest.raises(Exception, match="missing"), gateway(missing, tmp_path):
        pass
