"""kopf's streams fail, and begin again: which failures end the program, how long it waits, and that nothing is left."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

import aiohttp
import kopf
import pytest
from aiohttp import web
from kopf._cogs.clients import api, watching
from kopf._cogs.structs.references import Resource

from dkron_kube.access import Access
from dkron_kube.errors import Unavailable
from dkron_kube.paths import DKRON_JOBS, JOBS, LEASES
from dkron_kube.paths import Resource as KubeResource
from dkron_kube.reading import BoundedReading
from dkron_operator.cache.store import Store
from dkron_operator.kit.clock import Clock
from dkron_operator.lifecycle import NotInstalled
from dkron_operator.watch.handlers import Handlers, settings
from dkron_operator.watch.kopf_streams import KopfStreams
from dkron_operator.watch.liveness import WatchLiveness
from tests.support.builders import claim, wire_job, wire_run
from tests.support.kube_server import opened, served, serving


class Refused(Exception):
    """As kopf's own."""

    def __init__(self, status: int) -> None:
        super().__init__("no")
        self.status = status


class Ended(Exception):
    """The test is over."""


async def nowhere() -> None:
    return None


def made(
    gone: Callable[[], Awaitable[None]] = nowhere,
    *,
    filled: dict[str, str] | None = None,
    listed: Callable[[], None] = lambda: None,
) -> KopfStreams:
    access = Access(server="http://127.0.0.1:1", namespace="", tls=True, authorization=nowhere)
    handlers = Handlers(Store(), requeue=lambda _: None)
    return KopfStreams(
        handlers, access, WatchLiveness((DKRON_JOBS, JOBS), (None,), Clock()),
        identity="me", namespaces=(), filled=filled or {}, listed=listed, gone=gone,
    )  # fmt: skip


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that are made, which take no time; after the fifth the test is over."""
    found: list[float] = []

    async def pause(seconds: float) -> None:
        found.append(seconds)
        if len(found) == 5:
            raise Ended

    monkeypatch.setattr(asyncio, "sleep", pause)
    return found


def fails(monkeypatch: pytest.MonkeyPatch, *failures: Exception) -> None:
    """Have kopf's streams fail in this order, and the last way for ever."""
    left = list(failures)

    async def fail() -> NoReturn:
        raise left.pop(0) if len(left) > 1 else left[0]

    async def spawn_tasks(**_: Any) -> list[asyncio.Task[Any]]:
        return [asyncio.ensure_future(fail()), asyncio.ensure_future(asyncio.Event().wait())]

    monkeypatch.setattr(kopf, "spawn_tasks", spawn_tasks)


async def test_refused_watch_is_retried_with_backoff(
    monkeypatch: pytest.MonkeyPatch, pauses: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    fails(monkeypatch, Refused(403))
    with caplog.at_level(logging.WARNING), pytest.raises(Ended):
        await made().run()
    assert pauses == [1, 2, 4, 8, 15]
    assert caplog.messages[0] == "the watches failed: no (HTTP 403); restarting them in 1 s"


async def test_kinds_that_are_gone_end_the_program(monkeypatch: pytest.MonkeyPatch, pauses: list[float]) -> None:
    async def gone() -> None:
        raise NotInstalled("it is gone")

    fails(monkeypatch, Refused(500), Refused(404))
    with pytest.raises(NotInstalled):
        await made(gone).run()
    assert pauses == [1]


async def test_whether_kinds_are_gone_need_not_be_known(monkeypatch: pytest.MonkeyPatch, pauses: list[float]) -> None:
    async def unknown() -> None:
        raise Unavailable("no answer")

    fails(monkeypatch, Refused(404))
    with pytest.raises(Ended):
        await made(unknown).run()
    assert len(pauses) == 5


async def test_an_end_in_order_is_an_end(monkeypatch: pytest.MonkeyPatch, pauses: list[float]) -> None:
    async def spawn_tasks(**_: Any) -> list[asyncio.Task[Any]]:
        return [asyncio.ensure_future(asyncio.Event().wait()), asyncio.ensure_future(nowhere())]

    monkeypatch.setattr(kopf, "spawn_tasks", spawn_tasks)
    await made().run()
    assert not pauses


async def test_a_stream_that_kopf_cannot_stop_is_no_news(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It fails in a callback if the stream has had no answer yet."""
    loop = asyncio.get_running_loop()

    async def stream(stopper: asyncio.Future[None]) -> None:
        async for _ in api.stream("/", settings=settings(), stopper=stopper, logger=logging.getLogger()):
            pass

    async def spawn_tasks(**_: Any) -> list[asyncio.Task[Any]]:
        stopper: asyncio.Future[None] = loop.create_future()
        loop.call_later(0.01, stopper.set_result, None)
        loop.call_later(0.02, fail_by_ourselves)
        return [asyncio.ensure_future(stream(stopper)), asyncio.ensure_future(asyncio.sleep(0.03))]

    def fail_by_ourselves() -> None:
        raise Refused(500)

    monkeypatch.setattr(api, "request", lambda **_: asyncio.Event().wait())
    monkeypatch.setattr(kopf, "spawn_tasks", spawn_tasks)
    with caplog.at_level(logging.ERROR):
        await made().run()
    told = [record.exc_info for record in caplog.records]
    assert [type(told_of[1]) for told_of in told if told_of] == [Refused], caplog.text


def test_unclosable_stream_at_the_end_is_not_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def ended(_: KopfStreams) -> None:
        """The streams have ended in order."""

    async def ours() -> AsyncIterator[None]:
        yield

    async def at_the_end() -> None:
        await made().run()
        kind = Resource("dkron.io", "v1alpha1", "dkronjobs")
        theirs = watching.infinite_watch(settings=settings(), resource=kind, namespace=None)
        for stream in (theirs, ours()):
            trouble = {"message": "cannot close", "exception": RuntimeError("no"), "asyncgen": stream}
            asyncio.get_running_loop().call_exception_handler(trouble)

    monkeypatch.setattr(KopfStreams, "_watch", ended)
    with caplog.at_level(logging.ERROR):
        asyncio.run(at_the_end())
    (told,) = caplog.messages
    assert "ours" in told


def test_kopf_does_not_kill_a_process_that_goes_on() -> None:
    """It would, ten minutes after its tasks were cancelled."""
    assert settings().process.ultimate_exiting_timeout is None


class Listed(NamedTuple):
    """An answer of the API server, what kopf reads of it, and whether a resync is wanted."""

    path: str = DKRON_JOBS.path()
    watch: bool = False
    status: int = 200
    body: str = "real"
    resyncs: int = 1


LISTS = {
    "of what was read is empty": (Listed(body="7", resyncs=0),),
    "is made again": (Listed(body="7", resyncs=0), Listed()),
    "of what was not read": (Listed(path=JOBS.path()),),
    "that is refused": (Listed(status=403, resyncs=0), Listed(body="7", resyncs=0)),
    "of what is not watched": (Listed(path="/apis/dkron.io/v1alpha1", resyncs=0),),
    "a watch": (Listed(watch=True, resyncs=0), Listed(body="7", resyncs=0)),
}


@pytest.mark.parametrize("course", LISTS.values(), ids=LISTS.keys())
async def test_first_list_of_kopf(course: tuple[Listed, ...]) -> None:
    resyncs: list[str] = []
    streams = made(filled={DKRON_JOBS.path(): "7"}, listed=lambda: resyncs.append("wanted"))

    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"items": ["real"], "metadata": {"resourceVersion": "real"}}, status=wanted.status)

    async with serving(answer) as server, aiohttp.ClientSession(middlewares=(streams._lists,)) as session:
        for wanted in course:
            async with session.get(
                server.make_url(wanted.path), params={"watch": "true"} if wanted.watch else {}
            ) as response:
                read = await response.json()
            items = ["real"] if wanted.body == "real" else []
            assert read == {"items": items, "metadata": {"resourceVersion": wanted.body}}
            assert len(resyncs) == wanted.resyncs
            resyncs.clear()


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a watch: what the store and kopf get of it."""

    of: KubeResource
    event: dict[str, Any]
    stored: int = 0
    to_kopf: bool = True


JOB, ATTEMPT = wire_job(), wire_run(claim())
LINES = [
    pytest.param(Line(DKRON_JOBS, {"type": "ADDED", "object": JOB}, stored=1, to_kopf=False), id="a job is added"),
    pytest.param(Line(DKRON_JOBS, {"type": "MODIFIED", "object": JOB}, stored=1, to_kopf=False), id="a job changes"),
    pytest.param(Line(JOBS, {"type": "MODIFIED", "object": ATTEMPT}, stored=1, to_kopf=False), id="a Job changes"),
    pytest.param(Line(DKRON_JOBS, {"type": "DELETED", "object": JOB}), id="a deletion, after which kopf forgets, too"),
    pytest.param(Line(JOBS, {"type": "BOOKMARK", "object": {"metadata": {}}}), id="a bookmark"),
    pytest.param(Line(JOBS, {"type": "ERROR", "object": {"code": 410}}), id="an error"),
    pytest.param(Line(LEASES, {"type": "ADDED", "object": ATTEMPT}), id="another kind"),
    pytest.param(Line(JOBS, {"type": "ADDED", "object": None}), id="no object"),
]


@pytest.mark.parametrize("line", LINES)
async def test_kopf_gets_what_the_store_does_not_take(line: Line) -> None:
    stored, sent = list[str](), json.dumps(line.event).encode() + b"\n"
    handlers = Handlers(Store(), requeue=stored.append)

    async def answer(request: web.Request) -> web.StreamResponse:
        response = await opened(request)
        await response.write(b"not JSON\n" + sent)
        return response

    async with (
        served(answer) as client,
        client.access.open_session(reading=[BoundedReading(handlers.take)]) as session,
        session.get(line.of.path(), params={"watch": "true"}) as response,
    ):
        read = b"".join([piece async for piece in response.content.iter_chunked(2**16)])
    assert (len(stored), read) == (line.stored, b"not JSON\n" + (sent if line.to_kopf else b""))
