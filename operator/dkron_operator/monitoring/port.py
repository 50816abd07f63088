"""The operator's own HTTP port: GET /healthz, /readyz and /metrics, for probes, Prometheus and curl."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

SHUTDOWN = 1.0
"""Seconds for answers that are under way when the port is closed."""


class PortTaken(Exception):
    """Nobody can listen there. `str()` is a sentence for the person who started us."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """Where to listen, port 0 is nowhere; `per_job`: the page has series for single jobs, too."""

    host: str = "127.0.0.1"
    port: int = 0
    per_job: bool = False


NOWHERE = Exposure()


@dataclass(frozen=True, slots=True)
class Answers:
    """What is answered: why the process is not alive, or not ready (nothing if it is), and the page of metrics."""

    unhealthy: Callable[[], str]
    unready: Callable[[], str]
    page: Callable[[], Awaitable[bytes]]


@contextlib.asynccontextmanager
async def listening(where: Exposure, answers: Answers) -> AsyncIterator[None]:
    """Answer there while the context lasts. Raises `PortTaken`."""
    if not where.port:
        yield
        return
    runner = web.AppRunner(application(answers), access_log=None, shutdown_timeout=SHUTDOWN)
    await runner.setup()
    try:
        await _listen(runner, where)
        yield
    finally:
        await runner.cleanup()


def application(answers: Answers) -> web.Application:
    """The three pages."""

    async def healthz(_: web.Request) -> web.Response:
        return _verdict(answers.unhealthy())

    async def readyz(_: web.Request) -> web.Response:
        return _verdict(answers.unready())

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=await answers.page(), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    app = web.Application()
    app.add_routes(
        [web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)],
    )
    return app


async def _listen(runner: web.AppRunner, where: Exposure) -> None:
    try:
        await web.TCPSite(runner, where.host, where.port).start()
    except OSError as exc:
        why = exc.strerror or str(exc)
        raise PortTaken(
            f"cannot listen on --monitoring-host {where.host}, --monitoring-port {where.port}: {why}"
        ) from exc


def _verdict(wrong: str) -> web.Response:
    return web.Response(status=503 if wrong else 200, text=f"{wrong or 'ok'}\n")
