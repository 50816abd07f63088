"""A client that may not write sends nothing that would change anything."""

import pytest
from aiohttp import web

from dkron_kube.errors import NotLeader
from dkron_kube.paths import DKRON_JOBS, JOBS, LEASES
from tests.support.kube_server import served


async def test_call_that_is_not_admitted_is_not_sent() -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(f"{request.method} {request.path}")
        return web.json_response({"items": [], "metadata": {"resourceVersion": "1"}})

    async with served(answer) as free:
        client = free.guarded(lambda: False)
        for write in (
            client.create(JOBS, "a", {}),
            client.create(JOBS, "a", {}, dry_run=True),
            client.patch(DKRON_JOBS, "a", "b", {}),
            client.patch_status(DKRON_JOBS, "a", "b", {}),
            client.json_patch(DKRON_JOBS, "a", "b", []),
            client.delete(JOBS, "a", "b", uid="u"),
        ):
            with pytest.raises(NotLeader, match="may not write at the moment"):
                await write
        assert (asked, client.calls) == ([], {})
        await client.get(JOBS, "a", "b")
        assert [item async for item in client.list(JOBS, "a")] == []
        await free.patch(LEASES, "a", "dkron", {})
    assert [line.partition(" ")[0] for line in asked] == ["GET", "GET", "PATCH"]
