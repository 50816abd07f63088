"""/v1/stats: how many executions ended each day (Dkron behaviour §1.8)."""

from aiohttp import web

from dkron_api.answer import json_answer
from dkron_api.keys import CATALOG, CLOCK
from dkron_api.routes.installation import known_cluster
from dkron_api.routes.requests import require_ready
from dkron_api.translate.record import lenient
from dkron_api.translate.stats import days_wanted, stats
from dkron_crds.cluster import ClusterStatus
from dkron_crds.totals import daily_totals


async def show_stats(request: web.Request) -> web.StreamResponse:
    """GET /v1/stats."""
    require_ready(request)
    cluster = known_cluster(request.app) or {}
    sums = lenient(ClusterStatus, cluster.get("status") or {})
    # Every object counts, also one whose Dkron name an older one has.
    living = (job.days for job in request.app[CATALOG].mirror)
    totals = daily_totals(sums.days, sums.departed, living)
    today = request.app[CLOCK]().date()
    return json_answer(request, stats(totals, today=today, days=days_wanted(request.query.get("days"))))


ROUTES = (web.get("/v1/stats", show_stats, allow_head=False),)
