"""Explanations, agenda, failures, a summary, and coming slots: what became of slots, what is due, what fails most, and
how all jobs stand. Additions to Dkron's API, except for /v1/stats: executions that ended on each day (Dkron behaviour
§1.8).
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus

from aiohttp import web

from dkron_api.edge.admission import GRANT
from dkron_api.edge.answers import json_answer
from dkron_api.edge.keys import ARCHIVE, CLOCK, CLUSTERS, SLICES
from dkron_api.edge.urls import base_of, namespace_of, tenant_of
from dkron_api.refusal import ApiError, refusing
from dkron_api.routes.archived import told
from dkron_api.routes.cluster import known_cluster, leader
from dkron_api.routes.execution_lists import readable
from dkron_api.routes.execution_pages import warning
from dkron_api.routes.explain import explain_slots
from dkron_api.routes.requests import body_of, job_of, require_ready
from dkron_api.translate.forecast import MOST_SLOTS, SLOTS, Forecast, Unclear, forecast, preview
from dkron_api.translate.listing import whole
from dkron_api.translate.record import Job, Object, lenient
from dkron_archive.records import Bucket
from dkron_crds.cluster import ClusterStatus
from dkron_crds.lease import INSTALLATION
from dkron_crds.schedule.errors import quoted
from dkron_crds.status import Day
from dkron_crds.totals import daily_totals
from dkron_reports.agenda import MOST, end_of, planning
from dkron_reports.failing import failing, start_of
from dkron_reports.installation import installation

TURN = 50
"""Number of slots after which other requests may run."""
WITHIN, COUNT, CROWDED = "1h", 100, 10
"""Defaults of an agenda: an hour, a number of slots, seconds with at least this many jobs."""
SINCE, WORST = "24h", 20
"""Of which period the failures are told unless it is asked otherwise, and of how many jobs."""


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
    answer = {**found.as_json(nodes), **about}
    if app[ARCHIVE] is not None:
        # It has counted what statuses no longer show.
        answer["last_hour"].pop("kept_since", None)
    return json_answer(request, answer)


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
    not read the DkronCluster, only what the jobs of the namespace still show counts, and what the archive has of the
    namespace. Only the archive tells of days that are over a year old."""
    require_ready(request)
    cluster = known_cluster(request.app) if await may_read_all_totals(request) else None
    today, most = request.app[CLOCK]().date(), MOST_DAYS if request.app[ARCHIVE] is None else MOST_ARCHIVED
    # Every object counts, including one whose Dkron name belongs to an older object.
    jobs = tuple(tenant_of(request).job_index.object_cache)
    days = days_wanted(request.query.get("days"), most=most)
    # With the sums of the DkronCluster, the archive is needed for older days only.
    archived, why = await _archived_days(request, today, days, until=MOST_DAYS if cluster is not None else 0)
    # The sums of ten thousand jobs take a tenth of a second; keep other requests running meanwhile.
    found = await asyncio.to_thread(_totals, cluster, jobs)
    return json_answer(request, stats(fuller(found, archived), today=today, days=days), headers=warning(why))


async def _archived_days(request: web.Request, today: date, days: int, *, until: int) -> tuple[list[Bucket], str]:
    """Return the counts of the archive, up to `until` days ago, and why they are missing."""
    if days <= until:
        return [], ""
    begin, end = (today - timedelta(days=ago - 1) for ago in (days, until))
    namespace, jobs = namespace_of(request), await readable(request, frozenset())
    found, why = await told(
        request,
        lambda reader: reader.timeline(namespace, midnight(begin), midnight(end), timedelta(days=1), jobs=jobs),
    )
    return found or [], why


def _totals(cluster: Object | None, jobs: Sequence[Job]) -> Mapping[date, Day]:
    sums = lenient(ClusterStatus, (cluster or {}).get("status") or {})
    return daily_totals(sums.days, sums.departed, (job.days for job in jobs))


def fuller(totals: Mapping[date, Day], archived: Sequence[Bucket]) -> dict[date, Day]:
    """Return the totals with the counts of the archive where those are larger: it may have been empty on the first of
    its days, and lag on the last."""
    found = dict(totals)
    for each in archived:
        day = each.begin.date()
        known = found.get(day) or Day(date=day, success=0, failed=0)
        success, failed = max(known.success, each.success), max(known.failed, each.failed)
        found[day] = Day(date=day, success=success, failed=failed)
    return found


def midnight(day: date) -> datetime:
    """Return when a day begins, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


DAYS, MOST_DAYS, MOST_ARCHIVED = 30, 365, 3650


def days_wanted(text: str | None, *, most: int = MOST_DAYS) -> int:
    """Return the number of days for `?days=`: 30 if it is not a positive integer, at most `most`."""
    days = whole(text or "", otherwise=DAYS)
    return min(days, most) if days > 0 else DAYS


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
