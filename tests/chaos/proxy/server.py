"""The fault proxy: a server between a client and the API server that understands what is asked, and breaks it by rule.

It speaks plain HTTP to the client and uses the credentials of its own kubeconfig towards the API server. Every write
that passes has a number; hooks may wait, kill, or lose it, before it is carried out and before its answer is handed on.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from yarl import URL

from dkron_kube.access import Access
from tests.chaos.proxy import answers
from tests.chaos.proxy.call import Call, read
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
    Ruling,
)

FOR_EVER = aiohttp.ClientTimeout(total=None, sock_connect=10)
JSON = "application/json"
_HANDED_ON = ("Accept", "Content-Type", "User-Agent")
_HANDED_BACK = ("Content-Type", "Retry-After", "Warning", "Audit-Id")


class Lost(Exception):
    """Raised by a hook: the connection is cut; before a write, it never arrives."""


@dataclass(frozen=True, slots=True)
class Write:
    """A write that came to the proxy. Numbers begin with 1."""

    number: int
    call: Call


Hook = Callable[[Write], Awaitable[None]]


async def nothing(_: Write) -> None:
    """No hook."""


def any_write(call: Call) -> bool:
    """All are counted."""
    return call.is_write


class Proxy:
    """One way to the API server. `counted` says which calls are writes that get a number and meet the hooks."""

    def __init__(self, access: Access, *, seed: int = 0, counted: Callable[[Call], bool] = any_write) -> None:
        self.before: Hook = nothing
        self.after: Hook = nothing
        self.counted = counted
        self.writes: list[Write] = []
        self.calls: Counter[Call] = Counter()
        self._access = access
        self._seed = seed
        self._ruling = Ruling()
        self._changed = asyncio.Event()
        self._session: aiohttp.ClientSession | None = None
        self._remembered: dict[tuple[str, str], bytes] = {}
        self._under_way: set[asyncio.Task[web.StreamResponse]] = set()
        self.port = 0

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that are in force. New ones reach watches that are open, too."""
        return self._ruling.rules

    @rules.setter
    def rules(self, rules: Iterable[Rule]) -> None:
        self._ruling = Ruling(rules, seed=self._seed)
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    @property
    def hits(self) -> list[int]:
        """How often each rule has struck."""
        return list(self._ruling.hits)

    def remember(self) -> None:
        """Forget how lists were answered, and remember from now on: it is what `Replay` repeats."""
        self._remembered.clear()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["Proxy"]:
        """Listen on the loopback."""
        async with self._access.open_session() as self._session:
            runner = web.ServerRunner(
                web.Server(self._serve, access_log=None, handler_cancellation=True), shutdown_timeout=0.1
            )
            await runner.setup()
            try:
                site = web.TCPSite(runner, "127.0.0.1", 0)
                await site.start()
                self.port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
                yield self
            finally:
                await runner.cleanup()
                for task in self._under_way:
                    task.cancel()
                await asyncio.gather(*self._under_way, return_exceptions=True)

    def write_kubeconfig(self, path: Path) -> Path:
        """A kubeconfig that leads here."""
        place = {"name": "proxy", "cluster": {"server": f"http://127.0.0.1:{self.port}"}}
        context = {"cluster": "proxy", "user": "proxy", "namespace": self._access.namespace}
        document = {
            "apiVersion": "v1", "kind": "Config", "current-context": "proxy", "clusters": [place],
            "users": [{"name": "proxy", "user": {}}], "contexts": [{"name": "proxy", "context": context}],
        }  # fmt: skip
        path.write_text(json.dumps(document), encoding="utf-8")
        return path

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        call = read(request.method, request.rel_url.path, request.rel_url.query)
        self.calls[call] += 1
        try:
            body = await request.read()
            if not call.is_write:
                return await self._answer(request, call, body)
            # A write that has arrived is carried out, even if its client has died meanwhile.
            task = asyncio.create_task(self._answer(request, call, body))
            self._under_way.add(task)
            task.add_done_callback(self._done)
            return await asyncio.shield(task)
        except (Lost, aiohttp.ClientError, ConnectionError, TimeoutError):
            # The client sees a broken network, whichever side broke it.
            if request.transport is not None:
                request.transport.abort()
            return web.Response()

    def _done(self, task: "asyncio.Task[web.StreamResponse]") -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            # The client may be gone, and nothing else needs the answer.
            task.exception()

    async def _answer(self, request: web.BaseRequest, call: Call, body: bytes) -> web.StreamResponse:
        write = self._number(call, body)
        last: Fault | None = None
        for fault in self._ruling.on(call):
            if isinstance(fault, Delay):
                await asyncio.sleep(fault.seconds)
            last = fault
        if write is not None:
            await self.before(write)
        if isinstance(last, DropBefore):
            raise Lost
        if isinstance(last, Answer):
            headers = {} if last.retry_after is None else {"Retry-After": str(last.retry_after)}
            return _whole(answers.refusal(last, call), status=last.status, headers=headers)
        if isinstance(last, Replay) and (old := self._remembered.get(_question(request))):
            return _whole(old)
        return await self._hand_on(request, call, body=body, write=write, lost=isinstance(last, DropAfter))

    def _number(self, call: Call, body: bytes) -> Write | None:
        if not self.counted(call):
            return None
        named = replace(call, name=_name_in(body)) if call.verb == "create" else call
        write = Write(len(self.writes) + 1, named)
        self.writes.append(write)
        return write

    async def _hand_on(
        self, request: web.BaseRequest, call: Call, *, body: bytes, write: Write | None, lost: bool
    ) -> web.StreamResponse:
        assert self._session is not None
        headers = {name: request.headers[name] for name in _HANDED_ON if name in request.headers}
        async with self._session.request(
            request.method,
            URL(self._access.server.rstrip("/") + request.raw_path, encoded=True),
            data=body or None,
            headers={**headers, "Accept-Encoding": "identity"},
            timeout=FOR_EVER,
            allow_redirects=False,
        ) as response:
            if call.verb == "watch" and response.ok:
                return await self._stream(request, call, response)
            content = await response.read()
        if write is not None:
            await self.after(write)
        if lost:
            raise Lost
        if call.verb == "list" and response.ok and b'"continue":"' not in content[:1000]:
            self._remembered.setdefault(_question(request), content)
        kept = {name: response.headers[name] for name in _HANDED_BACK if name in response.headers}
        return web.Response(body=content, status=response.status, headers=kept)

    async def _stream(
        self, request: web.BaseRequest, call: Call, response: aiohttp.ClientResponse
    ) -> web.StreamResponse:
        out = web.StreamResponse(headers={"Content-Type": response.headers.get("Content-Type", JSON)})
        out.enable_chunked_encoding()
        await out.prepare(request)
        pieces = response.content.iter_any()
        piece = asyncio.ensure_future(anext(pieces, b""))
        try:
            while True:
                changed = self._changed
                fault = self._ruling.on_stream(call)
                if fault is not None:
                    if await self._break(fault, out, changed):
                        return out
                    continue
                while not changed.is_set():
                    await _either(piece, changed)
                    if changed.is_set():
                        break
                    if not piece.result():
                        return out
                    await out.write(piece.result())
                    piece = asyncio.ensure_future(anext(pieces, b""))
        finally:
            piece.cancel()
            with suppress(asyncio.CancelledError, aiohttp.ClientError):
                await piece

    async def _break(self, fault: Fault, out: web.StreamResponse, changed: asyncio.Event) -> bool:
        """Befall an open watch; whether that is its end."""
        match fault:
            case ExpireWatch():
                await out.write(answers.expired())
                return True
            case CutWatch(seconds):
                await asyncio.sleep(seconds)
                raise Lost
            case FreezeWatch():
                await changed.wait()
        return False


async def _either(piece: "asyncio.Future[bytes]", changed: asyncio.Event) -> None:
    """Wait until there is a piece, or the rules have changed."""
    waiter = asyncio.ensure_future(changed.wait())
    waiting: set[asyncio.Future[Any]] = {piece, waiter}
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiter.cancel()


def _name_in(body: bytes) -> str:
    """The name of an object that is to be created: only its body says it."""
    try:
        return str(json.loads(body)["metadata"]["name"])
    except (ValueError, LookupError, TypeError):
        return ""


def _question(request: web.BaseRequest) -> tuple[str, str]:
    """What is asked for, without how much of it at once, and how old it may be."""
    query = {key: value for key, value in request.rel_url.query.items() if key in ("labelSelector", "fieldSelector")}
    return f"{request.rel_url.path}?{sorted(query.items())}", request.headers.get("Accept", "")


def _whole(content: bytes, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(body=content, status=status, headers={"Content-Type": JSON, **(headers or {})})
