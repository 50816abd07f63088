"""The places of runs that wait for pools: the statuses of DkronPools have them, and are read when a client asks for
executions that wait. They are not watched: most jobs name no pool."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace

from aiohttp import web

from dkron_api.edge.keys import OBJECTS, SETTINGS
from dkron_api.edge.urls import namespace_of, tenant_of
from dkron_api.jobs.objects import POOL
from dkron_api.refusal import ApiError
from dkron_api.translate.execution import line_of
from dkron_api.translate.found import Found
from dkron_api.translate.record import Job, Object
from dkron_kube.errors import KubeError
from dkron_reports.pools import waits_for_pools

PATIENCE = 2.0
"""Seconds that a client waits for the pools of a namespace, without which it gets all the rest."""


async def with_places(request: web.Request, job: Job) -> Job:
    """Return the job with the places of its runs in the lines of pools, as far as the service may read these."""
    return job.with_places(await _pools(request)) if waits_for_pools(job.raw) else job


async def with_places_in(request: web.Request, items: Sequence[Found]) -> list[Found]:
    """Return executions of all jobs with the places of those that wait."""
    index = tenant_of(request).job_index
    lines = {}
    for name in {each.job.name for each in items if each.line is not None}:
        job = index.get(name)
        if job is not None and waits_for_pools(job.raw):
            lines[name] = line_of(await with_places(request, job))
    return [
        each if each.line is None else replace(each, line=lines.get(each.job.name, {}).get(each.run.job, each.line))
        for each in items
    ]


async def _pools(request: web.Request) -> list[Object]:
    """Return the pools of the namespace and of the operator's, where there may be pools of several namespaces."""
    places = dict.fromkeys((namespace_of(request), request.app[SETTINGS].cluster_namespace))
    return [each for namespace in places for each in await _pools_in(request, namespace)]


async def _pools_in(request: web.Request, namespace: str) -> Iterable[Object]:
    try:
        async with asyncio.timeout(PATIENCE):
            return await request.app[OBJECTS].list(POOL, namespace)
    except (ApiError, KubeError, TimeoutError):
        # The definitions are older, the service may not read pools here, or the API server does not answer.
        return ()
