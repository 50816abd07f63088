"""The application's components, as keys for the handlers. `TENANTS` has the components of each namespace."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

from aiohttp import web

from dkron_api.archive.reads import Archive
from dkron_api.auth.token_secrets import Token
from dkron_api.cache.health_index import Slices
from dkron_api.cache.job_index import Prerenderer
from dkron_api.cache.object_cache import ObjectCache
from dkron_api.edge.access import AccessLog
from dkron_api.edge.gate import Gate
from dkron_api.jobs.objects import Objects as StoredObjects
from dkron_api.settings import Settings
from dkron_api.tenants.tenants import Tenants
from dkron_kube.client import KubeClient
from dkron_runtime.supervision import Supervisor

Objects = ObjectCache[dict[str, Any]]

SETTINGS = web.AppKey("SETTINGS", Settings)
KUBE = web.AppKey("KUBE", KubeClient)
TENANTS = web.AppKey("TENANTS", Tenants)
"""All that is kept for each namespace; see `edge.tenancy`."""
PRERENDERER = web.AppKey("PRERENDERER", Prerenderer)
SLICES = web.AppKey("SLICES", Slices)
SUPERVISOR = web.AppKey("SUPERVISOR", Supervisor)
"""Keeps the long-lived tasks of the service running."""
STOPPING = web.AppKey("STOPPING", asyncio.Event)
"""Set when the service should stop: handlers of long lists then skip the rest."""
ACCESS: web.AppKey[AccessLog | None] = web.AppKey("ACCESS")
AUDIT = web.AppKey("AUDIT", AccessLog)
GATE = web.AppKey("GATE", Gate)
CLUSTERS: web.AppKey[Objects] = web.AppKey("CLUSTERS")
LEASES: web.AppKey[Objects] = web.AppKey("LEASES")
NODES: web.AppKey[Objects] = web.AppKey("NODES")
TOKENS: web.AppKey[ObjectCache[Token]] = web.AppKey("TOKENS")
POLICIES: web.AppKey[Objects] = web.AppKey("POLICIES")
OBJECTS = web.AppKey("OBJECTS", StoredObjects)
"""DkronRuns, backfills and pauses of all namespaces."""
ARCHIVE: web.AppKey[Archive | None] = web.AppKey("ARCHIVE")
"""None without `--archive`."""
CLOCK: web.AppKey[Callable[[], datetime]] = web.AppKey("CLOCK")
"""The wall clock: aware, in UTC."""
