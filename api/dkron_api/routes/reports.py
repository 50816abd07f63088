"""Explanations, agenda, failures, a summary, and coming slots: what became of slots, what is due, what fails most, and
how all jobs stand. Additions to Dkron's API, except for /v1/stats: executions that ended on each day (Dkron behaviour
§1.8).
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from http import HTTPStatus
from typing import Any

from aiohttp import web

from dkron_api.edge.admission import GRANT
from dkron_api.edge.answers import json_answer
from dkron_api.edge.keys import CLOCK, CLUSTERS, SLICES
from dkron_api.edge.urls import base_of, tenant_of
from dkron_api.refusal import ApiError, refusing
from dkron_api.routes.cluster import known_cluster, leader
from dkron_api.routes.pauses import visible_pauses
from dkron_api.routes.requests import body_of, job_of, require_ready
from dkron_api.translate.forecast import MOST_SLOTS, SLOTS, Forecast, Unclear, forecast, preview
from dkron_api.translate.listing import whole
from dkron_api.translate.record import Job, Object, lenient
from dkron_crds.cluster import ClusterStatus
from dkron_crds.lease import INSTALLATION
from dkron_crds.schedule.errors import quoted
from dkron_crds.status import Day
from dkron_crds.totals import daily_totals
from dkron_kube.errors import KubeError
from dkron_reports.agenda import MOST, end_of, planning
from dkron_reports.explain import explaining, read_question
from dkron_reports.failing import failing, start_of
from dkron_reports.installation import installation
from dkron_reports.job import from_object
from dkron_reports.pause_times import needs_pauses

TURN = 50
"""Number of slots after which other requests may run."""
WITHIN, COUNT, CROWDED = "1h", 100, 10
"""Defaults of an agenda: an hour, a number of slots, seconds with at least this many jobs."""
SINCE, WORST = "24h", 20
"""Of which period the failures are told unless it is asked otherwise, and of how many jobs."""


async def explain_slots(request: web.Request) -> web.StreamResponse:
    """Explain the slots of a job, `?from` … `?to`, or the one `?at` a moment."""
    job, now, query = job_of(request), request.app[CLOCK](), request.query
    with refusing(ValueError):
        question = read_question(at=query.get("at"), start=query.get("from"), end=query.get("to"), now=now)
    told = from_object(job.raw)
    pauses = await _pauses(request) if needs_pauses(told) else []
    found = await request.app[SLICES].run(explaining(told, question, now=now, pauses=pauses))
    return json_answer(request, found.as_json())


async def show_agenda(request: web.Request) -> web.StreamResponse:
    """Return the slots `?within` a time, over all jobs of the namespace."""
    require_ready(request)
    now, query = request.app[CLOCK](), request.query
    with refusing(ValueError):
        end = end_of(query.get("within", WITHIN), now, option="within")
    most = _whole(query.get("count"), "count", default=COUNT, least=0)
    least = _whole(query.get("crowded"), "crowded", default=CROWDED, least=2)
    health_index = await tenant_of(request).health_index.all()
    first = ((each.job, each.first(now)) for each in health_index)
    found = await request.app[SLICES].run(planning(first, now=now, end=end, most=most, least=least))
    return json_answer(request, found.as_json())


async def show_failing(request: web.Request) -> web.StreamResponse:
    """Return which jobs of the namespace failed most `?since` a time ago, by their finished runs."""
    require_ready(request)
    now, query = request.app[CLOCK](), request.query
    with refusing(ValueError):
        start = start_of(query.get("since", SINCE), now, option="since")
    most = _whole(query.get("count"), "count", default=WORST, least=1)
    jobs = (each.job for each in await tenant_of(request).health_index.all())
    found = await request.app[SLICES].run(failing(jobs, start=start, now=now, most=most))
    return json_answer(request, found)


async def show_summary(request: web.Request) -> web.StreamResponse:
    """Return how all jobs of the namespace stand. The sums in the DkronCluster are of all namespaces. So below the
    prefix, and for callers who may not read the DkronCluster, only what the jobs of the namespace still show counts as
    days."""
    require_ready(request)
    app, sees_all = request.app, await may_read_all_totals(request)
    cluster = known_cluster(app) if sees_all else app[CLUSTERS].by_name(INSTALLATION)
    tenant = tenant_of(request)
    found = await tenant.health_index.summary()
    nodes = await tenant.pods.nodes(found.unplaced)
    leading = leader(app)
    name = "" if leading is None else leading.identity
    about = installation(cluster, living=found.days, leader=name, today=app[CLOCK]().date(), sums=sees_all)
    return json_answer(request, {**found.as_json(nodes), **about})


async def _pauses(request: web.Request) -> list[Object]:
    """Return the pauses that may have held a job; none if the service may not read them now."""
    try:
        return await visible_pauses(request)
    except KubeError:
        return []


def _whole(text: str | None, name: str, *, default: int, least: int, most: int = MOST) -> int:
    """Return a number of a query. Raises `ApiError`, 400."""
    if text is None:
        return default
    if not text.isascii() or not text.isdecimal() or not least <= int(text[:9]) <= most:
        allowed = f"a whole number from {least} to {most}"
        raise ApiError(HTTPStatus.BAD_REQUEST, f"{name}: {quoted(text)} is not allowed; use {allowed}")
    return int(text)


async def next_slots(request: web.Request) -> web.StreamResponse:
    """Return the next slots of a job, `?count` of them."""
    job = job_of(request)
    count = _whole(request.query.get("count"), "count", default=SLOTS, least=1, most=MOST_SLOTS)
    return await _answer(request, forecast(job, now=request.app[CLOCK](), count=count))


async def try_schedule(request: web.Request) -> web.StreamResponse:
    """Return the slots that a schedule would have. Needs neither a job nor the cluster."""
    body = await body_of(request)
    with refusing(Unclear):
        told = preview(body, now=request.app[CLOCK]())
    return await _answer(request, told)


async def _answer(request: web.Request, told: Forecast) -> web.StreamResponse:
    found = []
    for slot in told.slots:
        found.append(slot)
        if len(found) % TURN == 0:
            await asyncio.sleep(0)
    return json_answer(request, {"next": found, "words": told.words, "clock_changes": told.clock_changes})


async def may_read_all_totals(request: web.Request) -> bool:
    """Return whether the answer may have the sums over the jobs of all namespaces, which the DkronCluster shows."""
    grant = request[GRANT]
    return not base_of(request) and await grant.has(grant.where.to_read_all_totals())


async def show_stats(request: web.Request) -> web.StreamResponse:
    """GET /v1/stats. The sums in the DkronCluster are of all namespaces. So below the prefix, and for callers who may
    not read the DkronCluster, only what the jobs of the namespace still show counts."""
    require_ready(request)
    cluster = known_cluster(request.app) if await may_read_all_totals(request) else None
    today = request.app[CLOCK]().date()
    # Every object counts, including one whose Dkron name belongs to an older object.
    jobs = tuple(tenant_of(request).job_index.object_cache)
    days = days_wanted(request.query.get("days"))
    # The sums of ten thousand jobs take a tenth of a second; keep other requests running meanwhile.
    return json_answer(request, await asyncio.to_thread(_stats, cluster, jobs, today=today, days=days))


def _stats(cluster: Object | None, jobs: Sequence[Job], *, today: date, days: int) -> dict[str, Any]:
    sums = lenient(ClusterStatus, (cluster or {}).get("status") or {})
    totals = daily_totals(sums.days, sums.departed, (job.days for job in jobs))
    return stats(totals, today=today, days=days)


DAYS, MOST_DAYS = 30, 365


def days_wanted(text: str | None) -> int:
    """Return the number of days for `?days=`: 30 if it is not a positive integer, at most 365."""
    days = whole(text or "", otherwise=DAYS)
    return min(days, MOST_DAYS) if days > 0 else DAYS


def stats(totals: Mapping[date, Day], *, today: date, days: int) -> Object:
    """Return as many entries as `days`, oldest first, today (UTC) last, with zeros for days without executions."""
    dates = (today - timedelta(days=ago) for ago in reversed(range(days)))
    counted = ((each, totals.get(each) or Day(date=each, success=0, failed=0)) for each in dates)
    entries = [
        {"date": f"{each.isoformat()}T00:00:00Z", "success_count": day.success, "failed_count": day.failed}
        for each, day in counted
    ]
    return {"stats": entries}


ROUTES = (
    web.get("/v1/jobs/{job}/explain", explain_slots, allow_head=False),
    web.get("/v1/agenda", show_agenda, allow_head=False),
    web.get("/v1/failing", show_failing, allow_head=False),
    web.get("/v1/summary", show_summary, allow_head=False),
    web.get("/v1/jobs/{job}/next", next_slots, allow_head=False),
    web.post("/v1/schedule/preview", try_schedule),
    web.get("/v1/stats", show_stats, allow_head=False),
)
