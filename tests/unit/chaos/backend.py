"""A server that stands for the API server: it remembers what reached it, and its watches say what a test says."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from dkron_kube.access import Access
from tests.support.kube_server import serving


@dataclass
class Backend:
    """`arrived` are the requests that came through; `version` is what a list answers with."""

    arrived: list[str] = field(default_factory=list)
    authorizations: set[str] = field(default_factory=set)
    version: int = 1
    events: "asyncio.Queue[str]" = field(default_factory=asyncio.Queue)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.arrived.append(f"{request.method} {request.path_qs}")
        self.authorizations.add(request.headers.get("Authorization", ""))
        if request.query.get("watch"):
            return await self._watch(request)
        body = await request.text()
        return web.json_response({"metadata": {"resourceVersion": str(self.version)}, "items": [], "sent": body})

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        stream = web.StreamResponse()
        await stream.prepare(request)
        while line := await self.events.get():
            await stream.write(json.dumps({"type": "ADDED", "object": line}).encode() + b"\n")
        return stream


@asynccontextmanager
async def backend() -> AsyncIterator[tuple[Backend, Access]]:
    """One that runs, and the way to it."""
    made = Backend()

    async def token() -> str:
        return "Bearer own"

    async with serving(made.answer) as server:
        yield made, Access(server=str(server.make_url("")), namespace="here", tls=True, authorization=token)
