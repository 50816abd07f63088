"""GET /v1/executions: the executions of all jobs that the caller may read, an addition to Dkron's API. And GET
/v1/jobs/{job}/executions where there is an archive, or a filter: without both, it answers as Dkron does."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from functools import partial
from http import HTTPStatus

from aiohttp import web

from dkron_api.cache.live_executions import key_of
from dkron_api.edge.admission import GRANT, may_read_logs
from dkron_api.edge.answers import in_turns, list_answer
from dkron_api.edge.keys import ARCHIVE, CLOCK, SLICES
from dkron_api.edge.urls import flag, tenant_of
from dkron_api.refusal import ApiError
from dkron_api.routes.execution_pages import CUT, WEIGHT, Pages, filter_of, headers_of, kept_only, size_of, with_outputs
from dkron_api.routes.places import with_places, with_places_in
from dkron_api.routes.requests import require_ready
from dkron_api.translate import gojson
from dkron_api.translate.execution import every, line_of, order_by, stop_of, zone_of
from dkron_api.translate.execution_filter import LIMIT, MOST, NAMES, Place, in_order
from dkron_api.translate.found import Found, Live, Merged, record_bytes, rendered, unplaced_in
from dkron_api.translate.listing import JobQuery, read_query, whole
from dkron_api.translate.record import Job, Object
from dkron_crds.job import Attempt
from dkron_reports.slices import Steps

DEEPEST = 10_000
"""The largest position that `_end` may have: all executions before it are read."""
DETAILS = "details"


async def list_all(request: web.Request) -> web.StreamResponse:
    """GET /v1/executions: newest end first, those that run first of all."""
    require_ready(request)
    wanted, now, tenant = filter_of(request), request.app[CLOCK](), tenant_of(request)
    jobs = await readable(request, wanted.jobs, owner=request.query.get("owner", ""), logs=bool(wanted.text))
    slices, live = request.app[SLICES], tenant.live

    async def shown(floor: Place | None) -> Live:
        return await slices.run(live.page(wanted, jobs=jobs, floor=floor, now=now))

    pages = Pages(request, jobs, shown)
    (page, why), known = await asyncio.gather(pages.page(wanted), pages.total(wanted))
    total = None if why or known is None or wanted.after is not None else known + page.fresh
    size = size_of(request.query, count=len(page.items), otherwise=CUT)
    found = await with_places_in(request, page.items)
    nodes = await tenant.pods.nodes(unplaced_in(found))
    items, reason = await with_outputs(request, found, size, await kept_only(request, found, size, each=True))
    render = partial(rendered, now=now, size=size, nodes=nodes, detailed=flag(request, DETAILS))
    headers = headers_of(page, why=why or reason, total=total)
    return await _answer(request, items, render, headers=headers, count=len(found))


async def _answer(
    request: web.Request,
    items: AsyncIterator[Found],
    render: Callable[[Found], Object],
    *,
    headers: Mapping[str, str],
    count: int,
) -> web.StreamResponse:
    encoded = (gojson.encode(render(each)) async for each in items)
    return await list_answer(request, encoded, headers=headers, held=count * WEIGHT)


async def readable(
    request: web.Request, named: frozenset[str], *, owner: str = "", logs: bool = False
) -> frozenset[str] | None:
    """Return the names of the jobs whose executions the caller may read, of those that it named, if any; None for all.
    A role of Kubernetes with the verb list covers all jobs of the namespace; a policy may leave jobs out. Records have
    no owner: with an `owner`, they are of the jobs that have it now, and that the caller may read themselves. With
    `logs`, the caller may read their logs, too. Raises `ApiError`, 403, if a role does not grant that."""
    grant, index = request[GRANT], tenant_of(request).job_index
    chosen = await request.app[SLICES].run(_owned(index, owner, named)) if owner else named or None
    if grant.caller.management or not grant.caller.policies:
        if logs:
            await grant.require(grant.where.to_read_logs("", each=True))
        return chosen
    found = set()
    async for name in in_turns(sorted(index.names if chosen is None else chosen)):
        may_list = await grant.has(grant.where.to_list_executions(name))
        may_list = may_list and (not logs or await may_read_logs(request, name, each=True))
        if may_list and (not owner or await grant.has(grant.where.to_read(name))):
            found.add(name)
    return frozenset(found)


def _owned(jobs: Iterable[Job], owner: str, named: frozenset[str]) -> Steps[frozenset[str]]:
    """Return the names of the jobs of an owner, in steps: of those that are named, if any."""
    found = set()
    for job in tuple(jobs):
        yield
        if job.raw["spec"].get("owner") == owner and (not named or job.name in named):
            found.add(job.name)
    return frozenset(found)


async def list_of_job(request: web.Request, job: Job, coming: Sequence[Attempt]) -> web.StreamResponse:
    """GET /v1/jobs/{job}/executions with an archive, or with a filter. `_sort` sorts within the answer: pages follow
    the ends."""
    query, now, tenant = request.query, request.app[CLOCK](), tenant_of(request)
    wanted = in_order(filter_of(request), query.get("_order", ""))
    if wanted.text:
        # A search finds what is beyond the records.
        await request[GRANT].require(request[GRANT].where.to_read_logs(job.name))
    nodes = await tenant.pods.nodes([each.job for each in job.status.active if not (each.is_claim or each.node_name)])
    line = line_of(await with_places(request, job))
    known = [
        Found(key_of(job), run, stop=stop_of(job, run), line=line.get(run.job))
        for run in every(job, coming=coming, nodes=nodes)
        if wanted.takes(run, now)
    ]

    live = Live(known, sum(not each.run.ended for each in known))

    async def shown(_: Place | None) -> Live:
        return live

    pages, least = Pages(request, frozenset({job.name}), shown), min(len(known), MOST)
    span = _span(query, read_query(query.items()))
    reading = pages.page(wanted, least=least) if span is None else pages.slice(wanted, *span, least=least)
    (page, why), counted = await asyncio.gather(reading, pages.total(wanted))
    total = _total(request, page, len(known), why=why, counted=counted)
    asked = size_of(query, count=len(page.items), otherwise=max(CUT, record_bytes(job, job.uid)))
    in_this_order = sorted(
        page.items, key=lambda each: order_by(query.get("_sort", ""))(each.run), reverse=not wanted.ascending
    )
    items, reason = await with_outputs(request, in_this_order, asked, await kept_only(request, in_this_order, asked))
    # Outputs in the status are shown whole, unless a client asks for less.
    limit = asked if whole(query.get("output_size_limit", ""), otherwise=-1) >= 0 else -1
    render = partial(rendered, now=now, size=limit, zone=zone_of(job.spec.timezone), detailed=flag(request, DETAILS))
    headers = headers_of(page, why=why or reason, total=None if wanted.after is not None else total)
    return await _answer(request, items, render, headers=headers, count=len(in_this_order))


def is_merged(request: web.Request) -> bool:
    """Whether the list of a job takes more than its status, in Dkron's order."""
    return request.app[ARCHIVE] is not None or any(name in request.query for name in NAMES)


def _total(request: web.Request, page: Merged, known: int, *, why: str, counted: int | None) -> int | None:
    """Return how many executions the list has; None if that is not known."""
    if request.app[ARCHIVE] is None or why:
        return known
    return None if counted is None else counted + page.fresh


def _span(query: Mapping[str, str], asked: JobQuery) -> tuple[int, int] | None:
    """Return the positions that `_start` and `_end` ask for; None without them. Raises `ApiError`, 400."""
    if asked.start is None and asked.end is None:
        return None
    start = max(asked.start or 0, 0)
    end = start + LIMIT if asked.end is None else max(asked.end, 0)
    if "after" in query:
        text = "after is a place in the list, and _start and _end are positions; use one of them"
        raise ApiError(HTTPStatus.BAD_REQUEST, text)
    if end > DEEPEST:
        text = f"_end: {end} is not allowed; use at most {DEEPEST}, or from=, to= and after= to go further back"
        raise ApiError(HTTPStatus.BAD_REQUEST, text)
    return start, end


ROUTES = (web.get("/v1/executions", list_all, allow_head=False),)
