"""GET /v1/jobs/{job}/explain, /v1/agenda, /v1/failing and /v1/summary: what became of slots, what is due, what fails
most, and how all jobs stand. Additions to Dkron's API."""

from http import HTTPStatus

from aiohttp import web

from dkron_api.answer import json_answer
from dkron_api.edge.keys import CLOCK, CLUSTERS, SLICES
from dkron_api.edge.tenancy import tenant_of
from dkron_api.refusal import ApiError
from dkron_api.routes.installation import known_cluster, leader
from dkron_api.routes.pauses import pauses_seen
from dkron_api.routes.requests import job_of, require_ready
from dkron_api.routes.stats import sees_all_totals
from dkron_api.translate.record import Object
from dkron_crds.lease import INSTALLATION
from dkron_crds.schedule.errors import quoted
from dkron_kube.errors import KubeError
from dkron_reports.agenda import MOST, end_of, planning
from dkron_reports.explain import explaining, read_question
from dkron_reports.failing import failing, start_of
from dkron_reports.installation import installation
from dkron_reports.job import from_object
from dkron_reports.pause_times import needs_pauses

WITHIN, COUNT, CROWDED = "1h", 100, 10
"""Defaults of an agenda: an hour, a number of slots, seconds with at least this many jobs."""
SINCE, WORST = "24h", 20
"""Of which period the failures are told unless it is asked otherwise, and of how many jobs."""


async def explain_slots(request: web.Request) -> web.StreamResponse:
    """Explain the slots of a job, `?from` … `?to`, or the one `?at` a moment."""
    job, now, query = job_of(request), request.app[CLOCK](), request.query
    try:
        question = read_question(at=query.get("at"), start=query.get("from"), end=query.get("to"), now=now)
    except ValueError as error:
        raise ApiError(HTTPStatus.BAD_REQUEST, str(error)) from None
    told = from_object(job.raw)
    pauses = await _pauses(request) if needs_pauses(told) else []
    found = await request.app[SLICES].run(explaining(told, question, now=now, pauses=pauses))
    return json_answer(request, found.as_json())


async def show_agenda(request: web.Request) -> web.StreamResponse:
    """Return the slots `?within` a time, over all jobs of the namespace."""
    require_ready(request)
    now, query = request.app[CLOCK](), request.query
    try:
        end = end_of(query.get("within", WITHIN), now, option="within")
    except ValueError as error:
        raise ApiError(HTTPStatus.BAD_REQUEST, str(error)) from None
    most = _whole(query.get("count"), "count", default=COUNT, least=0)
    least = _whole(query.get("crowded"), "crowded", default=CROWDED, least=2)
    standings = await tenant_of(request).standings.all()
    first = ((each.job, each.first(now)) for each in standings)
    found = await request.app[SLICES].run(planning(first, now=now, end=end, most=most, least=least))
    return json_answer(request, found.as_json())


async def show_failing(request: web.Request) -> web.StreamResponse:
    """Return which jobs of the namespace failed most `?since` a time ago, by their finished runs."""
    require_ready(request)
    now, query = request.app[CLOCK](), request.query
    try:
        start = start_of(query.get("since", SINCE), now, option="since")
    except ValueError as error:
        raise ApiError(HTTPStatus.BAD_REQUEST, str(error)) from None
    most = _whole(query.get("count"), "count", default=WORST, least=1)
    jobs = (each.job for each in await tenant_of(request).standings.all())
    found = await request.app[SLICES].run(failing(jobs, start=start, now=now, most=most))
    return json_answer(request, found)


async def show_summary(request: web.Request) -> web.StreamResponse:
    """Return how all jobs of the namespace stand. The sums in the DkronCluster are of all namespaces. So below the
    prefix, and for callers who may not read the DkronCluster, only what the jobs of the namespace still show counts as
    days."""
    require_ready(request)
    app, sees_all = request.app, await sees_all_totals(request)
    cluster = known_cluster(app) if sees_all else app[CLUSTERS].by_name(INSTALLATION)
    tenant = tenant_of(request)
    found = await tenant.standings.summary()
    nodes = await tenant.pods.nodes(found.unplaced)
    leading = leader(app)
    name = "" if leading is None else leading.identity
    about = installation(cluster, living=found.days, leader=name, today=app[CLOCK]().date(), sums=sees_all)
    return json_answer(request, {**found.as_json(nodes), **about})


async def _pauses(request: web.Request) -> list[Object]:
    """Return the pauses that may have held a job; none if the service may not read them now."""
    try:
        return await pauses_seen(request)
    except KubeError:
        return []


def _whole(text: str | None, name: str, *, default: int, least: int) -> int:
    """Return a number of a query. Raises `ApiError`, 400."""
    if text is None:
        return default
    if not text.isascii() or not text.isdecimal() or not least <= int(text[:9]) <= MOST:
        allowed = f"a whole number from {least} to {MOST}"
        raise ApiError(HTTPStatus.BAD_REQUEST, f"{name}: {quoted(text)} is not allowed; use {allowed}")
    return int(text)


ROUTES = (
    web.get("/v1/jobs/{job}/explain", explain_slots, allow_head=False),
    web.get("/v1/agenda", show_agenda, allow_head=False),
    web.get("/v1/failing", show_failing, allow_head=False),
    web.get("/v1/summary", show_summary, allow_head=False),
)
