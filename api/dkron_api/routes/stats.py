"""/v1/stats: number of executions that ended on each day (Dkron behaviour §1.8)."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from aiohttp import web

from dkron_api.edge.admission import GRANT
from dkron_api.edge.answers import json_answer
from dkron_api.edge.keys import CLOCK
from dkron_api.edge.urls import base_of, tenant_of
from dkron_api.routes.cluster import known_cluster
from dkron_api.routes.requests import require_ready
from dkron_api.translate.listing import whole
from dkron_api.translate.record import Job, Object, lenient
from dkron_crds.cluster import ClusterStatus
from dkron_crds.status import Day
from dkron_crds.totals import daily_totals


async def sees_all_totals(request: web.Request) -> bool:
    """Return whether the answer may have the sums over the jobs of all namespaces, which the DkronCluster shows."""
    grant = request[GRANT]
    return not base_of(request) and await grant.has(grant.where.to_see_all_totals())


async def show_stats(request: web.Request) -> web.StreamResponse:
    """GET /v1/stats. The sums in the DkronCluster are of all namespaces. So below the prefix, and for callers who may
    not read the DkronCluster, only what the jobs of the namespace still show counts."""
    require_ready(request)
    cluster = known_cluster(request.app) if await sees_all_totals(request) else None
    today = request.app[CLOCK]().date()
    # Every object counts, including one whose Dkron name belongs to an older object.
    jobs = tuple(tenant_of(request).job_index.mirror)
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


def stats(totals: Mapping[date, Day], *, today: date, days: int) -> dict[str, Any]:
    """Return as many entries as `days`, oldest first, today (UTC) last, with zeros for days without executions."""
    dates = (today - timedelta(days=ago) for ago in reversed(range(days)))
    return {"stats": [_entry(day, totals.get(day)) for day in dates]}


def _entry(day: date, counted: Day | None) -> dict[str, Any]:
    success, failed = (0, 0) if counted is None else (counted.success, counted.failed)
    return {"date": f"{day.isoformat()}T00:00:00Z", "success_count": success, "failed_count": failed}


ROUTES = (web.get("/v1/stats", show_stats, allow_head=False),)
