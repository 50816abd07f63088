"""An API in the test's own process: handlers with a cache that the test fills, and a fake API server behind them.

For what one group of routes does; the whole program is tried in tests/cluster.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from dkron_api.app import make_tenants
from dkron_api.archive.reads import Archive, Opened
from dkron_api.auth.guard import Guard
from dkron_api.cache.health_index import Slices
from dkron_api.cache.job_index import Prerenderer
from dkron_api.cache.object_cache import ObjectCache, plain
from dkron_api.edge import audit
from dkron_api.edge.access import AccessLog
from dkron_api.edge.admission import GUARD
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
    SETTINGS,
    SLICES,
    STOPPING,
    SUPERVISOR,
    TENANTS,
)  # fmt: skip
from dkron_api.edge.middleware import edge, sign
from dkron_api.jobs.objects import Objects
from dkron_api.settings import Settings
from dkron_api.tenants.tenants import Tenant, TenantFactory
from dkron_kube.client import KubeClient
from dkron_runtime.supervision import Supervisor
from tests.support.builders import NAMESPACE, NOON
from tests.support.fake_archive import long_ago
from tests.support.fake_kube import FakeKube
from tests.support.world import Object

NODE_NAME = "replica-a"
Client = TestClient[web.Request, web.Application]


@dataclass(slots=True)
class Api:
    """A running API. Objects in `kube` are not in the cache before a test puts them there."""

    kube: FakeKube
    app: web.Application
    client: Client

    def know(self, key: web.AppKey[ObjectCache[Object]], *objects: Object) -> None:
        """The cache has seen a complete list of this kind."""
        self.app[key].replace(list(objects), version=1)

    def know_jobs(self, *jobs: Object) -> None:
        """The cache has seen all jobs."""
        known = self.own.job_index.object_cache
        known.replace(list(jobs), version=1)
        known.watch.listed()

    @property
    def own(self) -> Tenant:
        """The namespace that is served without a prefix."""
        return self.app[TENANTS].own


@asynccontextmanager
async def running_api(
    *routes: Iterable[web.RouteDef],
    guard: Guard | None = None,
    kube: FakeKube | None = None,
    archive: Opened | None = None,
    **settings: Any,
) -> AsyncIterator[Api]:
    """An API of these routes at noon, with nothing in its cache yet."""
    app, kube = web.Application(middlewares=[edge]), kube or FakeKube()
    chosen = {"namespace": NAMESPACE, "cluster_namespace": NAMESPACE, "node_name": NODE_NAME, "access_log": False}
    app[SETTINGS] = Settings.model_construct(**Settings.model_construct().model_dump() | chosen | settings)
    app[KUBE], app[CLOCK] = cast("KubeClient", kube), lambda: NOON
    app[SLICES] = Slices()
    factory = TenantFactory(app[KUBE], lambda: NOON, Prerenderer(), app[SLICES])
    app[TENANTS] = make_tenants(app[SETTINGS], factory)
    app[GUARD] = guard or Guard(())
    for key, kind in ((CLUSTERS, "dkronclusters"), (LEASES, "leases"), (NODES, "nodes"), (POLICIES, "dkronpolicies")):
        app[key] = ObjectCache(kind, plain)
    app[OBJECTS] = Objects(app[KUBE], time.monotonic)
    app[ARCHIVE] = None if archive is None else Archive(archive, long_ago)
    app[STOPPING] = asyncio.Event()
    app[ACCESS] = AccessLog(app[SETTINGS].log_format) if app[SETTINGS].access_log else None
    app[AUDIT] = AccessLog(app[SETTINGS].log_format, audit.LOGGER)
    app[SUPERVISOR] = Supervisor()
    rate, share = app[SETTINGS].rate, app[SETTINGS].max_streams_per_caller
    app[GATE] = Gate(requests=100, streams=100, rate=rate, share=share, clock=lambda: 0.0)
    app.on_response_prepare.append(sign)
    for group in routes:
        app.router.add_routes(group)
    async with TestClient(TestServer(app)) as client:
        yield Api(kube, app, client)


def object_of(name: str, *, version: int = 1, **fields: Any) -> Object:
    """Any object as a watch brings it."""
    metadata = {"name": name, "namespace": NAMESPACE, "uid": f"uid-of-{name}", "resourceVersion": str(version)}
    metadata |= fields.pop("metadata", {})
    return {"metadata": metadata, **fields}
