"""Calls of many jobs in one process: at a real server, so many at once, and so much of each answer."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from dkron_executors.keys.http import Http
from dkron_executors.run.http import call, open_session
from dkron_executors.run.pool import Pool
from tests.support.web_server import Web, web_server


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with web_server() as server:
        yield server


def get(web: Web, path: str) -> Http:
    return Http.read({"method": "GET", "url": f"{web.url}{path}", "expectCode": "200"})


@asynccontextmanager
async def pool_of(**limits: Any) -> AsyncIterator[Pool]:
    pool = Pool(**limits)
    try:
        yield pool
    finally:
        await pool.close()


async def in_place(pool: Pool, keys: Http) -> tuple[bool, bytes]:
    async with pool.place():
        result = await pool.call(keys)
    return result.success, result.output


async def test_many_calls_share_a_pool(web: Web) -> None:
    async with pool_of(limit=3) as pool:
        answers = await asyncio.gather(*(in_place(pool, get(web, f"/status/200/{n}")) for n in range(12)))
    assert answers == [(True, str(n).encode()) for n in range(12)]


async def test_no_more_are_under_way_than_there_are_places() -> None:
    pool, free = Pool(limit=2), asyncio.Event()
    at_once, most = 0, 0

    async def occupy() -> None:
        nonlocal at_once, most
        async with pool.place():
            at_once += 1
            most = max(most, at_once)
            await free.wait()
            at_once -= 1

    tasks = [asyncio.create_task(occupy()) for _ in range(5)]
    await asyncio.sleep(0)
    free.set()
    await asyncio.gather(*tasks)
    await pool.close()
    assert most == 2


async def test_of_a_long_answer_the_beginning_is_read(web: Web) -> None:
    async with pool_of(limit=1, longest=100) as pool:
        assert await in_place(pool, get(web, "/large/100000")) == (True, b"x" * 100)
        assert await in_place(pool, get(web, "/status/200/next")) == (True, b"next"), "the connection is not spoilt"


async def test_a_call_that_is_broken_off_frees_its_place(web: Web) -> None:
    async with pool_of(limit=1) as pool:
        slow = asyncio.create_task(in_place(pool, get(web, "/slow")))
        await asyncio.sleep(0.05)
        slow.cancel()
        assert await in_place(pool, get(web, "/status/200/next")) == (True, b"next")


async def test_a_pod_asks_a_proxy_of_the_environment(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", web.url)
    async with open_session() as session:
        await call(Http.read({"method": "GET", "url": "http://nowhere.invalid/through/the/proxy"}), session=session)
    assert web.asked[-1].path == "http://nowhere.invalid/through/the/proxy"


async def test_netrc_passwords_are_not_sent(web: Web, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    own = tmp_path / "netrc"
    own.write_text("machine localhost login me password secret\n", encoding="ascii")
    monkeypatch.setenv("NETRC", str(own))
    async with pool_of(limit=1) as pool:
        assert await in_place(pool, get(web, "/status/200/fine")) == (True, b"fine")
    assert "Authorization" not in web.asked[-1].headers
