"""/health, /metrics and /debug/vars: for probes, Prometheus and debugging (Dkron behaviour §1.9)."""

import asyncio
import gc
import os
import resource
import sys
from pathlib import Path
from typing import Any

from aiohttp import web
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from dkron_api import metrics
from dkron_api.cache.object_cache import ObjectCache
from dkron_api.edge.answers import JSON
from dkron_api.edge.keys import CLUSTERS, GATE, KUBE, LEASES, NODES, POLICIES, SETTINGS, SUPERVISOR, TENANTS, TOKENS
from dkron_api.routes.cluster import leader
from dkron_api.settings import AuthMode
from dkron_api.translate import gojson
from dkron_api.translate.status import CacheState, debug_vars, health, liveness

KIB = 1024
STATM = Path("/proc/self/statm")


async def show_health(request: web.Request) -> web.StreamResponse:
    """GET /health: whether the cache is current enough to answer from it."""
    app, tenants = request.app, request.app[TENANTS]
    object_cache = tenants.own.job_index.object_cache
    leading = leader(app)
    ended = tuple(app[SUPERVISOR].troubles)
    cache = CacheState(
        ready=object_cache.ready and tenants.answered, age=object_cache.age(), trouble=object_cache.trouble, ended=ended
    )
    status, body = health(cache, leader=leading is not None and leading.identity == app[SETTINGS].node_name)
    return web.Response(status=status, body=gojson.encode(body), headers={"Content-Type": JSON})


async def show_life(request: web.Request) -> web.StreamResponse:
    """GET /livez: whether the event loop and the tasks of this process live, whatever the API server does."""
    status, body = liveness(request.app[SUPERVISOR].troubles)
    return web.Response(status=status, body=gojson.encode(body), headers={"Content-Type": JSON})


async def show_metrics(request: web.Request) -> web.StreamResponse:
    """GET /metrics."""
    app, served = request.app, request.app[TENANTS]
    tenants = tuple(served)
    caches: list[ObjectCache[Any]] = [app[CLUSTERS], app[LEASES], app[NODES], app[POLICIES]]
    if AuthMode.DKRON in app[SETTINGS].auth:
        caches.append(app[TOKENS])
    state = metrics.ProcessState(
        jobs=[
            # The series of the own namespace have no label for it, as in Dkron.
            count
            for tenant in tenants
            for count in metrics.counts(tenant.job_index, "" if tenant is served.own else tenant.namespace)
        ],
        caches=[
            metrics.cache_of(*(tenant.job_index.object_cache for tenant in tenants)),
            *map(metrics.cache_of, caches),
        ],
        calls=dict(app[KUBE].calls),
        in_flight=app[GATE].working,
        open_answers=app[GATE].streams.taken,
        listeners=sum(len(tenant.event_log) for tenant in tenants),
    )
    text = await asyncio.to_thread(metrics.page, state)
    return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})


async def show_variables(request: web.Request) -> web.StreamResponse:
    """GET /debug/vars."""
    app, job_index = request.app, request.app[TENANTS].own.job_index
    body = debug_vars(
        cmdline=sys.argv,
        jobs=job_index,
        memory=_memory(),
        node=app[SETTINGS].node_name,
        led=leader(app) is not None,
    )
    return web.Response(body=gojson.encode(body), headers={"Content-Type": JSON})


def _memory() -> dict[str, int]:
    """Return the memory of the process, and the number of its garbage collections."""
    memory = {
        "collections": sum(generation["collections"] for generation in gc.get_stats()),
        "peak_resident_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB,
    }
    if STATM.exists():
        pages = int(STATM.read_text("ascii").split()[1])
        memory["resident_bytes"] = pages * os.sysconf("SC_PAGE_SIZE")
    return memory


ROUTES = (
    web.get("/health", show_health, allow_head=False),
    web.get("/livez", show_life, allow_head=False),
    web.get("/metrics", show_metrics, allow_head=False),
    web.get("/debug/vars", show_variables, allow_head=False),
)
