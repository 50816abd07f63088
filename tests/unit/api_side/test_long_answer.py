"""Lists of any length: in pieces, and the same bytes as in one."""

import gzip
import os

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from dkron_api.cache.listed import Listed
from dkron_api.edge.answers import LONG, in_turns, list_answer, listed_answer
from dkron_api.edge.gate import Gate
from dkron_api.edge.keys import GATE, SETTINGS
from dkron_api.settings import Settings
from dkron_api.translate import gojson
from dkron_api.translate.pieces import PIECE, compact

SHORT = [gojson.encode({"name": f"job-{number}", "tags": {"a": "ü"}, "none": None}) for number in range(3)]
MANY = [gojson.encode({"name": f"job-{number}", "list": [1, 2], "empty": {}}) for number in range(5000)]

ANY_LENGTH = pytest.mark.parametrize(
    "items", [pytest.param([], id="none"), pytest.param(SHORT, id="few"), pytest.param(MANY, id="many")]
)


def application() -> web.Application:
    app = web.Application()
    app[SETTINGS] = Settings()
    app[GATE] = Gate(requests=8, streams=8, rate=0.0, clock=lambda: 0.0)
    return app


async def asked(
    items: list[bytes], query: str = "", accept: str = "identity", *, ready: bool = False
) -> tuple[dict[str, str], bytes]:
    async def handler(request: web.Request) -> web.StreamResponse:
        headers = {"X-Total-Count": str(len(items))}
        if ready:
            return await listed_answer(request, Listed(items), headers=headers)
        return await list_answer(request, in_turns(items), headers=headers)

    app = application()
    app.router.add_get("/", handler)
    async with TestClient(TestServer(app), auto_decompress=False) as client:
        answer = await client.get("/" + query, headers={"Accept-Encoding": accept})
        return dict(answer.headers), await answer.read()


@pytest.mark.parametrize("ready", [False, True])
@ANY_LENGTH
async def test_list_is_one_array_ready_or_not(items: list[bytes], ready: bool) -> None:
    headers, body = await asked(items, ready=ready)
    assert body == b"[" + b",".join(items) + b"]"
    # The length of a long list that is not ready is known at its end only.
    assert headers.get("Content-Length") == (str(len(body)) if ready or len(body) < LONG else None)
    assert headers["X-Total-Count"] == str(len(items))
    assert headers["Content-Type"] == "application/json; charset=utf-8"


@ANY_LENGTH
async def test_an_indented_list_is_indented_as_a_whole(items: list[bytes]) -> None:
    _, body = await asked(items, "?pretty")
    assert body == gojson.indent(b"[" + b",".join(items) + b"]")


@pytest.mark.parametrize("size", [1, PIECE - 3, PIECE, PIECE * 2, 1_000_000])
async def test_list_of_large_items_is_sent_in_bounded_pieces(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    items, written = [b"1", b"2" * size, b"3", b"4" * size, b"5" * LONG], list[int]()
    write = web.StreamResponse.write

    async def counted(response: web.StreamResponse, data: bytes) -> None:
        written.append(len(data))
        await write(response, data)

    monkeypatch.setattr(web.StreamResponse, "write", counted)
    for query in ("", "?pretty"):
        _, body = await asked(items, query)
        whole = b"[" + b",".join(items) + b"]"
        assert body == (gojson.indent(whole) if query else whole)
    assert min(written) > 0
    assert max(written) <= PIECE


def test_many_small_items_go_out_together() -> None:
    assert len(list(compact(MANY))) < 4 * sum(map(len, MANY)) / PIECE + 2


@pytest.mark.parametrize("ready", [False, True])
async def test_long_list_is_compressed_on_demand(ready: bool) -> None:
    assert sum(map(len, MANY)) > LONG
    headers, body = await asked(MANY, accept="gzip", ready=ready)
    assert headers["Content-Encoding"] == "gzip"
    assert headers["Vary"] == "Accept-Encoding"
    assert headers.get("Content-Length") == (str(len(body)) if ready else None)
    assert gzip.decompress(body) == b"[" + b",".join(MANY) + b"]"


async def test_list_that_does_not_shrink_is_sent_in_pieces() -> None:
    items = [b'"%b"' % os.urandom(PIECE).hex().encode()]
    headers, body = await asked(items, accept="gzip", ready=True)
    assert headers["Content-Length"] == str(len(body))
    assert len(body) > LONG
    assert gzip.decompress(body) == b"[" + items[0] + b"]"
