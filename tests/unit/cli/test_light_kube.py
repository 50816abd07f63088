"""Lists and objects without the full client: what it answers, and which errors it raises."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from dkron_cli.edge.light_kube import LightKube
from dkron_kube.access import Access
from dkron_kube.errors import KubeError, NotFound, Rejected, Unavailable
from dkron_kube.paths import DKRON_JOBS


async def header() -> str:
    return "Bearer t"


@asynccontextmanager
async def served(*answers: tuple[int, str]) -> AsyncIterator[tuple[LightKube, list[web.Request]]]:
    """Yield a client of a server that gives these answers in turn; and what was asked."""
    asked: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request)
        status, text = answers[len(asked) - 1]
        return web.Response(status=status, text=text, headers={"Retry-After": "7"})

    app = web.Application()
    app.router.add_route("*", "/{any:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    kube = LightKube(Access(f"http://127.0.0.1:{runner.addresses[0][1]}", "ns", True, header))
    try:
        yield kube, asked
    finally:
        await kube.close()
        await runner.cleanup()


async def test_pages_of_a_list_are_read_in_turn() -> None:
    pages = ('{"items": [{"a": 1}], "metadata": {"continue": "x y"}}', '{"items": null, "metadata": {}}')
    async with served(*((200, page) for page in pages)) as (kube, asked):
        found = [each async for each in kube.list(DKRON_JOBS, "ns", label_selector="team in (a,b)")]
    assert found == [{"a": 1}]
    assert [dict(each.query) for each in asked] == [
        {"limit": "500", "labelSelector": "team in (a,b)"},
        {"limit": "500", "labelSelector": "team in (a,b)", "continue": "x y"},
    ]
    assert {each.headers["Authorization"] for each in asked} == {"Bearer t"}


@pytest.mark.parametrize(
    ("status", "text", "error", "message"),
    [
        pytest.param(404, '{"message": "not here", "reason": "NotFound"}', NotFound, "not here", id="missing"),
        pytest.param(403, '{"message": "not you"}', Rejected, "not you", id="forbidden"),
        pytest.param(502, "<html>", Unavailable, "<html>", id="proxy"),
        pytest.param(200, "[]", Unavailable, "no answer from the API server: it is not an object", id="other JSON"),
        pytest.param(200, "[" * 100_000, Unavailable, "no answer from the API server: it is not an object", id="deep"),
        pytest.param(200, "{}", Unavailable, "the API server's answer is not a list of dkronjobs", id="no list"),
    ],
)
async def test_errors_match_the_full_client(status: int, text: str, error: type[KubeError], message: str) -> None:
    async with served((status, text)) as (kube, _):
        with pytest.raises(error) as caught:
            [each async for each in kube.list(DKRON_JOBS, "ns")]
    assert str(caught.value) == message


async def test_no_server_is_no_answer() -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    kube = LightKube(Access(f"http://127.0.0.1:{port}", "ns", True, header))
    with pytest.raises(Unavailable, match=r"no answer from the API server: .*refused"):
        await kube.get(DKRON_JOBS, "ns", "a")


async def test_all_else_is_done_by_the_full_client() -> None:
    made: dict[str, Any] = {"metadata": {"name": "a"}}
    async with served((201, '{"kind": "a"}'), (200, '{"kind": "b"}')) as (kube, asked):
        assert await kube.create(DKRON_JOBS, "ns", made) == {"kind": "a"}
        assert await kube.get(DKRON_JOBS, "ns", "a") == {"kind": "b"}
    assert [(each.method, each.query.get("fieldManager")) for each in asked] == [("POST", "dkronctl"), ("GET", None)]
