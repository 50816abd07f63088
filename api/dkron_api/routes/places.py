"""The places of runs that wait, in queues of Kueue and in the lines of pools. They are read when a client asks for
executions that wait, and not watched: most jobs name neither.
"""

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
    """Return the job with the places of its runs that wait, as far as the service may read these."""
    job = await tenant_of(request).queues.placed(job)
    return job.with_places(await _pools(request)) if waits_for_pools(job.raw) else job


async def with_places_in(request: web.Request, items: Sequence[Found]) -> list[Found]:
    """Return executions of all jobs with the places of those that wait for pools."""
    index = tenant_of(request).job_index
    named = (index.get(name) for name in {each.job.name for each in items if each.line is not None})
    waiting = [job for job in named if job is not None and waits_for_pools(job.raw)]
    if not waiting:
        return list(items)
    pools = await _pools(request)
    lines = {job.name: line_of(job.with_places(pools)) for job in waiting}
    return [
        each if each.line is None else replace(each, line=lines.get(each.job.name, {}).get(each.run.job, each.line))
        for each in items
    ]


async def _pools(request: web.Request) -> list[Object]:
    """Return the pools of the namespace and of the operator's, where there may be pools of several namespaces."""
    namespaces = dict.fromkeys((namespace_of(request), request.app[SETTINGS].cluster_namespace))
    found = await asyncio.gather(*(_pools_in(request, namespace) for namespace in namespaces))
    return [pool for pools in found for pool in pools]


async def _pools_in(request: web.Request, namespace: str) -> Iterable[Object]:
    try:
        async with asyncio.timeout(PATIENCE):
            return await request.app[OBJECTS].list(POOL, namespace)
    except (ApiError, KubeError, TimeoutError):
        # The definitions are older, the service may not read pools here, or the API server does not answer.
        return ()
