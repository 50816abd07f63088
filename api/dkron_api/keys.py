"""What the handlers find in the application."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

from aiohttp import web

from dkron_api.asked import Asked
from dkron_api.catalog import Catalog
from dkron_api.edge.access import AccessLog
from dkron_api.edge.gate import Gate
from dkron_api.mirror import Mirror
from dkron_api.pods import Pods
from dkron_api.settings import Settings
from dkron_api.waiting import Vigils
from dkron_api.writes import Writes
from dkron_crds.kube.client import KubeClient
from dkron_crds.kube.watch import Sink
from dkron_crds.program.supervision import Supervisor

Objects = Mirror[dict[str, Any]]

SETTINGS = web.AppKey("SETTINGS", Settings)
KUBE = web.AppKey("KUBE", KubeClient)
CATALOG = web.AppKey("CATALOG", Catalog)
FEED: web.AppKey[Sink] = web.AppKey("FEED")
"""Where the watch of the DkronJobs leads."""
SUPERVISOR = web.AppKey("SUPERVISOR", Supervisor)
"""Keeps alive what the service does all its life."""
VIGILS = web.AppKey("VIGILS", Vigils)
ASKED = web.AppKey("ASKED", Asked)
PODS = web.AppKey("PODS", Pods)
WRITES = web.AppKey("WRITES", Writes)
STOPPING = web.AppKey("STOPPING", asyncio.Event)
"""Set when the service is to stop: who works on long lists leaves the rest."""
LEASE_FEED: web.AppKey[Sink] = web.AppKey("LEASE_FEED")
"""Where the watch of the Lease leads."""
ACCESS: web.AppKey[AccessLog | None] = web.AppKey("ACCESS")
GATE = web.AppKey("GATE", Gate)
CLUSTERS: web.AppKey[Objects] = web.AppKey("CLUSTERS")
LEASES: web.AppKey[Objects] = web.AppKey("LEASES")
NODES: web.AppKey[Objects] = web.AppKey("NODES")
POLICIES: web.AppKey[Objects] = web.AppKey("POLICIES")
CLOCK: web.AppKey[Callable[[], datetime]] = web.AppKey("CLOCK")
"""The wall clock: aware, in UTC."""
