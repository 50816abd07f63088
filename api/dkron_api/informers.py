"""Informers of the API: one watch for each kind, as long as the program runs."""

import asyncio
import gc
import logging
from collections.abc import AsyncIterator
from functools import partial

from aiohttp import web

from dkron_api.auth.token_secrets import SECRET_TYPE
from dkron_api.edge.keys import (
    CLUSTERS,
    KUBE,
    LEASE_FEED,
    NODES,
    POLICIES,
    PRERENDERER,
    SETTINGS,
    SUPERVISOR,
    TENANTS,
    TOKENS,
)  # fmt: skip
from dkron_api.settings import AuthMode
from dkron_crds.lease import INSTALLATION
from dkron_crds.packed import packed_object
from dkron_kube import paths
from dkron_kube.watch import follow

log = logging.getLogger(__name__)


async def informers(app: web.Application) -> AsyncIterator[None]:
    """Start the watches, and end them with the application."""
    settings, kube, start = app[SETTINGS], app[KUBE], app[SUPERVISOR].start
    home = settings.cluster_namespace
    watches = [
        (paths.DKRON_CLUSTERS, partial(follow, kube, paths.DKRON_CLUSTERS, home, app[CLUSTERS], name=INSTALLATION)),
        (paths.LEASES, partial(follow, kube, paths.LEASES, home, app[LEASE_FEED], name=INSTALLATION)),
        (paths.DKRON_POLICIES, partial(follow, kube, paths.DKRON_POLICIES, home, app[POLICIES])),
        (paths.NODES, partial(follow, kube, paths.NODES, None, app[NODES])),
    ]
    if AuthMode.DKRON in settings.auth:
        tokens = partial(follow, kube, paths.SECRETS, home, app[TOKENS], fields=f"type={SECRET_TYPE}")
        watches.append((paths.SECRETS, tokens))
    tasks = [start(f"watch of {resource.plural}", watch) for resource, watch in watches]
    for number, job_watch in enumerate(app[TENANTS].watches):
        # /health tells everybody which part has ended, so it does not name a further namespace.
        what = f"watch of dkronjobs, number {number} of --namespaces" if number else "watch of dkronjobs"
        watch = partial(follow, kube, paths.DKRON_JOBS, job_watch.namespace, job_watch.sink, keep=packed_object)
        tasks.append(start(what, watch))
    tasks.append(start("announcement", partial(_announce, app), may_end=True))
    tasks.append(start("rendering", app[PRERENDERER].run))
    yield
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _announce(app: web.Application) -> None:
    tenants = app[TENANTS]
    await tenants.wait()
    # The jobs live long: keep full garbage collections from scanning each of them again and again.
    gc.collect()
    gc.freeze()
    jobs = sum(len(tenant.job_index) for tenant in tenants)
    log.info("ready with %d jobs", jobs, extra={"namespace": app[SETTINGS].namespace})
