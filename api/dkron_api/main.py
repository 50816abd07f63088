"""The command `dkron-api`: settings, logging, and readable errors instead of tracebacks."""

import asyncio
import ipaddress
import logging
import signal
import sys
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, cast

from aiohttp import web

from dkron_api import archive_command, audit_command, token_command
from dkron_api.app import make_app
from dkron_api.archive.reads import SECONDS, Opened
from dkron_api.edge.aiohttp_fixes import Connection, Malformed, serve_below
from dkron_api.edge.keys import KUBE, SUPERVISOR, TENANTS
from dkron_api.edge.tls import HANDSHAKE, Certificate
from dkron_api.settings import AuthMode, Settings, UnusableOption
from dkron_api.translate.record import FIELD_MANAGER
from dkron_kube import access
from dkron_kube.access import AccessError
from dkron_kube.client import KubeClient
from dkron_runtime import logs
from dkron_runtime.command import USAGE, options
from dkron_runtime.installed import Outdated, require_current
from dkron_runtime.loop import faster_loop, run
from dkron_runtime.tracing import start
from dkron_runtime.tracing.kube import KubeSpans
from dkron_runtime.tracing.spans import Tracer

log = logging.getLogger(__name__)

COMMANDS = {"archive": archive_command.main, "audit": audit_command.main, "token": token_command.main}
FAILED = 1
GRACE = 8.0
"""Seconds for running requests when the service is asked to stop, and again after they were told to end. Both
together must fit into the half minute that Kubernetes allows."""
LINE = 65536
"""Maximum bytes of the first line of a request. It must hold the longest job names, percent-encoded."""
IDLE = 75.0
"""Seconds that a connection may stay open without a request, or without the end of its headers."""
BACKLOG = 1024
KUBE_SECONDS = 10.0
"""Seconds within which the API server must answer: clients and their proxies give up after half a minute."""


def main() -> None:
    """Serve until stopped. Exit code 0 after an orderly stop, 1 if it could not continue, 2 for invalid options."""
    command = COMMANDS.get(sys.argv[1]) if len(sys.argv) > 1 else None
    if command is not None:
        sys.exit(command(sys.argv[2:]))
    settings = options("dkron-api", Settings)
    logs.configure(settings.log_format, settings.log_level, filters=[Malformed()])
    with start.tracing("dkron-api") as tracer:
        code = run(_run(settings, tracer), on=faster_loop())
    sys.exit(code)


async def _run(settings: Settings, tracer: Tracer | None) -> int:
    try:
        way = await access.load(settings.kubeconfig, settings.context, token_file=settings.kube_token_file)
        await _serve(_complete(settings, way.namespace), way, tracer)
    except (AccessError, Outdated) as exc:
        log.error("%s", exc)  # noqa: TRY400 - the message is sufficient
        return FAILED
    except UnusableOption as exc:
        log.error("%s", exc)  # noqa: TRY400
        return USAGE
    except OSError as exc:
        log.error("cannot listen on %s port %d: %s", settings.host, settings.port, exc.strerror or exc)  # noqa: TRY400
        return FAILED
    except Exception:
        log.exception("the service stops because of an unexpected error")
        return FAILED
    return 0


def _complete(settings: Settings, namespace: str) -> Settings:
    served = settings.namespace or namespace
    home = settings.cluster_namespace or served
    return settings.model_copy(update={"namespace": served, "cluster_namespace": home})


async def _serve(settings: Settings, way: access.Access, tracer: Tracer | None) -> None:
    observer = None if tracer is None else KubeSpans(tracer, server=way.server)
    kube = KubeClient(way, timeout=KUBE_SECONDS, field_manager=FIELD_MANAGER, observer=observer)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    certificate: Certificate | None = None
    following: asyncio.Task[None] | None = None
    try:
        app = make_app(settings, kube, archive=_archive(settings), tracer=tracer)
        runner = web.AppRunner(app, shutdown_timeout=GRACE)
        # Find out whether the port is available before anything else starts.
        if settings.tls_cert is not None and settings.tls_key is not None:
            certificate = Certificate(settings.tls_cert, settings.tls_key)
        listener = await _listen(settings, runner, certificate)
    except (OSError, UnusableOption):
        await kube.close()
        raise
    try:
        await runner.setup()
        if settings.root_path:
            serve_below(runner, settings.root_path)
        await listener.start_serving()
        _announce(settings, listener)
        if certificate is not None:
            following = app[SUPERVISOR].start("certificate", certificate.follow)
        await _until_stopped(stop, _check(app))
        log.info("stopping")
    finally:
        if following is not None:
            following.cancel()
        listener.close()
        await runner.cleanup()
        log.info("stopped")


def _archive(settings: Settings) -> Opened | None:
    """Open the archive, if there is one. Its database is asked only when a client needs it."""
    if not settings.archive:
        return None
    from dkron_archive.opening import open_archive  # noqa: PLC0415 - loads SQLAlchemy, for those who have an archive

    try:
        return open_archive(settings.archive, timeout=timedelta(seconds=SECONDS), makes=False)
    except ValueError as exc:
        raise UnusableOption(f"--archive: {exc}") from None


async def _check(app: web.Application) -> None:
    """Raise `Outdated` if the API server has older custom resources than this program, once it answers."""
    await app[TENANTS].own.job_index.complete.wait()
    await require_current(app[KUBE])


async def _until_stopped(stop: asyncio.Event, check: Coroutine[None, None, None]) -> None:
    """Wait until asked to stop. An exception from the check ends the wait."""
    stopped, checked = asyncio.create_task(stop.wait()), asyncio.create_task(check)
    try:
        await asyncio.wait({stopped, checked}, return_when=asyncio.FIRST_COMPLETED)
        if checked.done():
            checked.result()
        await stopped
    finally:
        stopped.cancel()
        checked.cancel()


async def _listen(settings: Settings, runner: web.AppRunner, certificate: Certificate | None) -> asyncio.Server:
    loop = asyncio.get_running_loop()

    def connection() -> asyncio.Protocol:
        server = cast("web.Server", runner.server)
        return Connection(server, loop=loop, access_log=None, keepalive_timeout=IDLE, max_line_size=LINE)

    tls: dict[str, Any] = {}
    if certificate is not None:
        tls = {"ssl": certificate.context, "ssl_handshake_timeout": HANDSHAKE}
    return await loop.create_server(
        connection, settings.host, settings.port, backlog=BACKLOG, start_serving=False, **tls
    )


def _announce(settings: Settings, listener: asyncio.Server) -> None:
    host, port = listener.sockets[0].getsockname()[:2]
    scheme = "http" if settings.tls_cert is None else "https"
    url = f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
    log.info("listening on %s", url, extra={"url": url, "namespace": settings.namespace})
    if AuthMode.NONE not in settings.auth:
        log.info("callers authenticate by %s", " or ".join(settings.auth))
    elif _is_loopback(host):
        log.warning("authentication is off: every user of this machine can run any command through this port")
    else:
        log.warning(
            "authentication is off: every client that reaches %s can run any command in %s; see --auth",
            url,
            settings.served(),
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
