"""Assembles the service: its components, and everything that starts and stops with it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

from aiohttp import web

from dkron_api.archive.namespaces import Namespaces
from dkron_api.archive.reads import Archive, Opened
from dkron_api.auth.dkron import TokenIndex
from dkron_api.auth.schemes import guard
from dkron_api.auth.token_secrets import read_secret
from dkron_api.cache.health_index import Slices
from dkron_api.cache.job_index import Prerenderer
from dkron_api.cache.object_cache import ObjectCache, plain
from dkron_api.edge import audit
from dkron_api.edge.access import AccessLog
from dkron_api.edge.admission import GUARD
from dkron_api.edge.aiohttp_fixes import bound_paths
from dkron_api.edge.gate import Gate
from dkron_api.edge.keys import (
    ACCESS,
    ARCHIVE,
    AUDIT,
    CLOCK,
    CLUSTERS,
    GATE,
    KUBE,
    LEASES,
    NODES,
    OBJECTS,
    POLICIES,
    PRERENDERER,
    SETTINGS,
    SLICES,
    STOPPING,
    SUPERVISOR,
    TENANTS,
    TOKENS,
)  # fmt: skip
from dkron_api.edge.middleware import edge, sign
from dkron_api.edge.traced import tracing
from dkron_api.edge.urls import below_prefix
from dkron_api.informers import informers
from dkron_api.jobs.objects import Objects
from dkron_api.routes import (
    backfills,
    charts,
    cluster,
    events,
    execution_lists,
    executions,
    health,
    jobs,
    log,
    openapi,
    pauses,
    policies,
    reports,
    restore,
    revisions,
    runs,
    ui,
    whoami,
)
from dkron_api.settings import EVERY, Settings
from dkron_api.stream.feed import Leadership
from dkron_api.tenants.tenants import EveryTenant, TenantFactory, Tenants
from dkron_kube.client import KubeClient
from dkron_runtime.supervision import Supervisor
from dkron_runtime.tracing.spans import Tracer


def now_utc() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


def make_app(
    settings: Settings,
    kube: KubeClient,
    *,
    archive: Opened | None = None,
    clock: Callable[[], datetime] = now_utc,
    tracer: Tracer | None = None,
) -> web.Application:
    """Return the service for `settings.namespace` and `settings.namespaces`. It closes `kube` and the archive when it
    ends."""
    middlewares = [edge] if tracer is None else [tracing(tracer), edge]
    app = web.Application(middlewares=middlewares, client_max_size=settings.max_body)
    bound_paths(app)
    app[SETTINGS], app[KUBE], app[CLOCK] = settings, kube, clock
    app[STOPPING] = asyncio.Event()
    app[SUPERVISOR] = Supervisor()
    app[PRERENDERER] = Prerenderer()
    app[SLICES] = Slices()
    app[TENANTS] = tenants = make_tenants(settings, TenantFactory(kube, clock, app[PRERENDERER], app[SLICES]))
    app[GATE] = Gate(
        requests=settings.max_requests,
        streams=settings.max_streams,
        share=settings.max_streams_per_caller,
        rate=settings.rate,
        clock=time.monotonic,
    )
    app[ACCESS] = AccessLog(settings.log_format, together=True) if settings.access_log else None
    app[AUDIT] = AccessLog(settings.log_format, audit.LOGGER)
    app[CLUSTERS] = ObjectCache("dkronclusters", plain)
    app[LEASES] = ObjectCache("leases", plain, changed=Leadership(tenants.lead, clock).changed)
    app[NODES] = ObjectCache("nodes", plain)
    app[POLICIES] = ObjectCache("dkronpolicies", plain)
    app[OBJECTS] = Objects(kube, time.monotonic)
    app[ARCHIVE] = None if archive is None else Archive(archive, Namespaces(kube, time.monotonic).created)
    tokens = TokenIndex()
    app[TOKENS] = ObjectCache("tokens", read_secret, changed=tokens.changed)
    app[GUARD] = guard(settings, kube, tokens=tokens, secrets=app[TOKENS], policies=app[POLICIES], clock=clock)
    app.router.add_routes(routes(settings))
    app.on_response_prepare.append(sign)
    app.on_shutdown.append(restore.give_up)
    app.on_shutdown.append(events.send_away)
    app.cleanup_ctx.append(_client)
    app.cleanup_ctx.append(informers)
    return app


def routes(settings: Settings) -> list[web.RouteDef]:
    """Return all routes of the service."""
    of_jobs = (jobs, runs, executions, execution_lists, charts, revisions, restore, reports, log, events)
    parts = (*of_jobs, backfills, pauses, cluster, policies, whoami, health, openapi)
    every = (*(route for part in parts for route in part.ROUTES), *ui.routes(settings))
    further = below_prefix(every) if settings.namespaces else ()
    return [*every, *further]


def make_tenants(settings: Settings, factory: TenantFactory) -> Tenants:
    """Return the tenants that these settings ask for."""
    if EVERY in settings.namespaces:
        return EveryTenant(factory, settings.namespace)
    return Tenants(factory, settings.namespace, settings.namespaces)


async def _client(app: web.Application) -> AsyncIterator[None]:
    yield
    await app[KUBE].close()
    archive = app[ARCHIVE]
    if archive is not None:
        await archive.close()
