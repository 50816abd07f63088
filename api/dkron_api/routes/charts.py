"""Counts by steps of time, durations and skipped slots: from the archive, and from what the jobs show where there is
none. Additions to Dkron's API.
"""

from datetime import timedelta

from aiohttp import web

from dkron_api.cache.live_executions import ended_of
from dkron_api.edge.answers import json_answer
from dkron_api.edge.keys import CLOCK, SLICES
from dkron_api.edge.urls import namespace_of, tenant_of
from dkron_api.refusal import refusing
from dkron_api.routes.archived import job_or_gone, told
from dkron_api.routes.execution_lists import readable
from dkron_api.routes.execution_pages import warning
from dkron_api.routes.requests import require_ready
from dkron_api.translate.charts import (
    Period,
    durations,
    durations_of,
    floor,
    newest_skips,
    read_period,
    read_step,
    skipped,
    timeline,
)
from dkron_api.translate.execution_filter import Filter, read_jobs
from dkron_archive.records import Query
from dkron_crds.schedule.instants import shifted
from dkron_crds.schedule.timeline import TICK

DAY, MONTH = timedelta(days=1), timedelta(days=30)
"""The periods that are told unless a client asks for others."""


async def show_timeline(request: web.Request) -> web.StreamResponse:
    """GET /v1/timeline: how many executions ended in each step of time, and how many slots did not run."""
    require_ready(request)
    period, jobs = _period(request, DAY), await _jobs(request)
    with refusing(ValueError):
        step = read_step(request.query.get("step"), period)
    namespace, begin = namespace_of(request), floor(period.begin, step)
    buckets, why = await told(request, lambda reader: reader.timeline(namespace, begin, period.end, step, jobs=jobs))
    newest, reason = await told(request, lambda reader: reader.page(Query(namespace, jobs=jobs, limit=1)))
    if buckets is not None and newest is not None and newest.executions:
        # Executions of the jobs that ended after the archive's newest one have not reached it yet.
        begin = max(begin, shifted(newest.executions[0].finished_at, TICK))
    live = tenant_of(request).live.ended(Filter(begin=begin, end=period.end), jobs=jobs)
    beside = await request.app[SLICES].run(live)
    return json_answer(request, timeline(buckets or (), beside, step), headers=warning(why or reason))


async def list_skipped(request: web.Request) -> web.StreamResponse:
    """GET /v1/skipped: the slots that did not run, newest first."""
    require_ready(request)
    period, jobs, namespace = _period(request, DAY), await _jobs(request), namespace_of(request)
    found, why = await told(request, lambda reader: reader.skipped(namespace, period.begin, period.end, jobs=jobs))
    if found is not None:
        return json_answer(request, skipped(found))
    known = [job for job in tenant_of(request).job_index if jobs is None or job.name in jobs]
    return json_answer(request, newest_skips(known, period), headers=warning(why))


async def show_durations(request: web.Request) -> web.StreamResponse:
    """GET /v1/jobs/{job}/durations: how long the successful executions of each day took."""
    job, period, namespace = job_or_gone(request), _period(request, MONTH), namespace_of(request)
    name = request.match_info["job"]
    found, why = await told(request, lambda reader: reader.durations(namespace, name, period.begin, period.end))
    if found is None:
        ended = [] if job is None else ended_of(job, Filter(begin=period.begin, end=period.end))
        found = durations_of(ended)
    return json_answer(request, durations(found), headers=warning(why))


def _period(request: web.Request, back: timedelta) -> Period:
    with refusing(ValueError):
        return read_period(request.query, request.app[CLOCK](), back=back)


async def _jobs(request: web.Request) -> frozenset[str] | None:
    with refusing(ValueError):
        named = read_jobs(request.query.getall("job", ()))
    return await readable(request, named)


ROUTES = (
    web.get("/v1/timeline", show_timeline, allow_head=False),
    web.get("/v1/skipped", list_skipped, allow_head=False),
    web.get("/v1/jobs/{job}/durations", show_durations, allow_head=False),
)
