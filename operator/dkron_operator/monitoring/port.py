"""The operator's own HTTP port: GET /healthz, /readyz and /metrics, for probes, Prometheus and curl."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

SHUTDOWN = 1.0
"""Seconds for requests under way when the port is closed."""


class PortTaken(Exception):
    """The operator cannot listen there. `str()` is a sentence for the user who started it."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """Where to listen."""

    host: str = "127.0.0.1"
    port: int = 0
    """0 means that nothing listens."""

    per_job: bool = False
    """Export series for single jobs, too."""


NOWHERE = Exposure()


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers of the port."""

    unhealthy: Callable[[], str]
    """Why the process is not alive; empty if it is."""

    unready: Callable[[], str]
    """Why the process is not ready; empty if it is."""

    page: Callable[[], Awaitable[bytes]]
    """The page of metrics."""


@contextlib.asynccontextmanager
async def listening(where: Exposure, answers: Answers) -> AsyncIterator[None]:
    """Serve while the context lasts. Raises `PortTaken`."""
    if not where.port:
        yield
        return
    runner = web.AppRunner(application(answers), access_log=None, shutdown_timeout=SHUTDOWN)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, where.host, where.port).start()
        except OSError as exc:
            place = f"--monitoring-host {where.host or '(all)'}, --monitoring-port {where.port}"
            raise PortTaken(f"cannot listen on {place}: {exc.strerror or exc}") from exc
        yield
    finally:
        await runner.cleanup()


def application(answers: Answers) -> web.Application:
    """The application with the three pages."""

    async def healthz(_: web.Request) -> web.Response:
        return _verdict(answers.unhealthy())

    async def readyz(_: web.Request) -> web.Response:
        return _verdict(answers.unready())

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=await answers.page(), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    return app


def _verdict(wrong: str) -> web.Response:
    return web.Response(status=503 if wrong else 200, text=f"{wrong or 'ok'}\n")
