"""Informers of the API: one watch for each kind, as long as the program runs."""

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

from aiohttp import web

from dkron_api.auth.token_secrets import SECRET_TYPE
from dkron_api.cache.object_cache import ObjectCache
from dkron_api.edge.keys import (
    CLUSTERS,
    KUBE,
    LEASES,
    NODES,
    POLICIES,
    PRERENDERER,
    SETTINGS,
    SUPERVISOR,
    TENANTS,
    TOKENS,
)  # fmt: skip
from dkron_api.settings import AuthMode
from dkron_api.translate.beginning import read_beginning
from dkron_api.translate.record import Beginning
from dkron_crds.job_metadata import SELECTOR
from dkron_crds.lease import INSTALLATION
from dkron_crds.packed import packed_object
from dkron_kube import paths
from dkron_kube.client import Object
from dkron_kube.informer import Callbacks, Informer, WatchState
from dkron_kube.watch import Cache, Selection

log = logging.getLogger(__name__)

BEGUN = Selection(fields="status.successful=0", labels=SELECTOR, metadata_only=True)
"""The Jobs of attempts that have not succeeded."""
LATE = "an execution is shown some seconds after it has begun"
"""For the log, while Jobs cannot be watched."""


async def informers(app: web.Application) -> AsyncIterator[None]:
    """Start the watches, and end them with the application."""
    settings, kube, start = app[SETTINGS], app[KUBE], app[SUPERVISOR].start
    home = settings.cluster_namespace
    one = f"metadata.name={INSTALLATION}"
    watches: list[tuple[paths.Resource, str | None, ObjectCache[Any], str]] = [
        (paths.DKRON_CLUSTERS, home, app[CLUSTERS], one),
        (paths.LEASES, home, app[LEASES], one),
        (paths.DKRON_POLICIES, home, app[POLICIES], ""),
        (paths.NODES, None, app[NODES], ""),
    ]
    if AuthMode.DKRON in settings.auth:
        tokens = settings.token_namespace or home
        watches.append((paths.SECRETS, tokens, app[TOKENS], f"type={SECRET_TYPE}"))
    tasks = []
    for resource, namespace, cache, fields in watches:
        informer = Informer(
            kube, resource, namespace, _callbacks(cache), state=cache.watch, selection=Selection(fields=fields)
        )
        tasks.append(start(f"watch of {resource.plural}", informer.run))
    for number, job_watch in enumerate(app[TENANTS].watches):
        # /health tells everybody which part has ended, so it does not name a further namespace.
        what = f"watch of dkronjobs, number {number} of --namespaces" if number else "watch of dkronjobs"
        feeding = _callbacks(job_watch.cache, packed_object)
        informer = Informer(kube, paths.DKRON_JOBS, job_watch.namespace, feeding, state=job_watch.state)
        tasks.append(start(what, informer.run))
        if not settings.watch_jobs:
            continue
        begun = Informer(
            kube,
            paths.JOBS,
            job_watch.namespace,
            _beginnings(app),
            selection=BEGUN,
            state=WatchState("jobs", meanwhile=LATE),
        )
        tasks.append(start(what.replace("dkronjobs", "jobs"), begun.run))
    tasks.append(start("announcement", partial(_announce, app), may_end=True))
    tasks.append(start("rendering", app[PRERENDERER].run))
    yield
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _callbacks(cache: Cache, read: Callable[[Object], Object] = lambda item: item) -> Callbacks[Object]:
    return Callbacks(
        read=read, synced=cache.replace, upsert=cache.upsert, remove=cache.remove, went_back=cache.went_back
    )


def _beginnings(app: web.Application) -> Callbacks[Beginning]:
    """Pass on what the Jobs show. One that goes has ended, and its record follows."""
    begun = app[TENANTS].begun

    def synced(found: list[Beginning], _: int) -> None:
        for beginning in found:
            begun(beginning)

    return Callbacks(read=read_beginning, synced=synced, upsert=begun, remove=lambda _: None)


async def _announce(app: web.Application) -> None:
    tenants = app[TENANTS]
    await tenants.wait()
    # The jobs live long: keep full garbage collections from scanning each of them again and again.
    gc.collect()
    gc.freeze()
    jobs = sum(len(tenant.job_index) for tenant in tenants)
    log.info("ready with %d jobs", jobs, extra={"namespace": app[SETTINGS].namespace})
