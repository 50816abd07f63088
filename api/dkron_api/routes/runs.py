"""POST /v1/jobs/{job} and /run: run a job on request, and respond at once or when the run is over (Dkron behaviour
§1.6). /v1/runs, an addition to Dkron's API: DkronRuns, which request one run of a job each.

Without a body and an Idempotency-Key, a request is an annotation of the job, as kubectl would write it. With one of
them it is a DkronRun, see `run_orders`.
"""

import asyncio
import secrets
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from http import HTTPStatus
from typing import Any

from aiohttp import web

from dkron_api.edge.admission import GRANT, NEED, may_read, open_answer, requester
from dkron_api.edge.answers import json_answer
from dkron_api.edge.keys import CLOCK, OBJECTS, SETTINGS
from dkron_api.edge.places import Place
from dkron_api.edge.traced import TRACE
from dkron_api.edge.urls import flag, namespace_of, public_path, tenant_of
from dkron_api.jobs.objects import RUN, run_of
from dkron_api.jobs.run_waiter import RunWait
from dkron_api.refusal import ApiError
from dkron_api.routes.objects import deleting, list_page, showing
from dkron_api.routes.requests import job_of, terms_of
from dkron_api.routes.run_orders import place, read_order, require_able, require_values
from dkron_api.translate.prefer import read_preference
from dkron_api.translate.record import Job, Object
from dkron_api.translate.requested_run import show_listed, show_run
from dkron_api.translate.run import Progress, Run, coming, finds_no_node, progress, refusal

EXECUTION = "X-Execution-Id"
"""Header with the id under which the requested run is shown from the answer on."""


def request_of(request: web.Request) -> Run:
    """Return a new request for a run."""
    return Run(
        id=f"rest-{secrets.token_hex(8)}",
        at=request.app[CLOCK](),
        by=requester(request),
        force=flag(request, "force"),
        trace=request.get(TRACE),
    )


async def run_job(request: web.Request) -> web.StreamResponse:
    """Request a run: 202 with the job as it was, or, if the client waits, 200 with the job when everything is over."""
    job = job_of(request)
    order = await read_order(request)
    if order is None:
        require_able(job, request)
        require_values(job, {})
    preference = read_preference(request.headers.getall("Prefer", ()))
    # The query decides, else the header, else the installation's default.
    by_default = preference.wait or request.app[SETTINGS].run_waits
    waiting = flag(request, "wait") if "wait" in request.query else by_default
    applied = preference.applied(waiting=waiting)
    headers = {"Location": public_path(request, str(request.rel_url)), "Vary": "Prefer"}
    headers |= {"Preference-Applied": applied} if applied else {}
    before = tenant_of(request).job_index.json(job.name)
    with open_answer(request) if waiting else nullcontext() as held:
        found = None if order is None else await place(request, job, order)
        run = request_of(request) if found is None else run_of(found, by=requester(request))
        headers[EXECUTION] = coming(job, run, request.app[CLOCK]()).id
        if held is not None:
            return await _wait(request, job, run, found, held=held, seconds=preference.seconds, headers=headers)
        await _ask(request, job, run, found)
    told = before if await may_read(request, job.name) else _name_of(job)
    return json_answer(request, told, status=HTTPStatus.ACCEPTED, headers=headers)


async def _ask(request: web.Request, job: Job, run: Run, found: Object | None) -> Job:
    """Request the run from the operator, unless a DkronRun does that. Return the job as it is known then."""
    tenant = tenant_of(request)
    if found is None:
        known = await tenant.writes.annotate(job, dict([run.annotation]), terms_of(request))
    else:
        known = tenant.job_index.get(job.name) or job
    tenant.asked.record(known, run)
    return known


def _name_of(job: Job) -> Object:
    return {"name": job.name}


async def _wait(
    request: web.Request,
    job: Job,
    run: Run,
    found: Object | None,
    *,
    held: Place,
    seconds: int | None,
    headers: Mapping[str, str],
) -> web.StreamResponse:
    longest = request.app[SETTINGS].max_wait
    limit = longest if seconds is None else min(longest, seconds)
    tenant = tenant_of(request)
    with tenant.run_waiter.watch(job, run) as watching:
        asked = await _ask(request, job, run, found)
        if found is not None:
            # It may have ended before the wait began.
            watching.look(None, asked)
        last, status = asked, HTTPStatus.ACCEPTED
        async with held.while_kept(), request[GRANT].as_long_as_allowed(request.get(NEED)):
            with suppress(TimeoutError):
                last, status = await asyncio.wait_for(_ended(request, watching, asked, found), limit), HTTPStatus.OK
    if progress(last, run) is Progress.REFUSED:
        code = HTTPStatus.NOT_FOUND if finds_no_node(last, run) else HTTPStatus.CONFLICT
        raise ApiError(code, refusal(last, run) or "the operator refused the run")
    told = tenant.job_index.render(last) if await may_read(request, job.name) else _name_of(job)
    return json_answer(request, told, status=status, headers=headers)


async def _ended(request: web.Request, watching: RunWait, job: Job, found: Object | None) -> Job:
    """Return the job when the run is over. Raises `ApiError`, 409, if the operator refuses a DkronRun."""
    if found is None:
        return await watching.ended
    tenant = tenant_of(request)
    over = asyncio.ensure_future(tenant.runs.over(found))
    try:
        waits: list[asyncio.Future[Any]] = [over, watching.ended]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        if watching.ended.done():
            return watching.ended.result()
        over.result()
        if watching.is_known:
            # The DkronRun was deleted while its run goes on, or runs that follow from it do.
            return await watching.ended
        return tenant.job_index.get(job.name) or job
    finally:
        over.cancel()
        await asyncio.gather(over, return_exceptions=True)


async def list_runs(request: web.Request) -> web.StreamResponse:
    """GET /v1/runs: the newest first, without their attempts."""
    found = await request.app[OBJECTS].list(RUN, namespace_of(request))
    return await list_page(request, found, show_listed)


ROUTES = (
    web.post("/v1/jobs/{job}", run_job),
    web.post("/v1/jobs/{job}/run", run_job),
    web.get("/v1/runs", list_runs, allow_head=False),
    web.get("/v1/runs/{name}", showing(RUN, show_run), allow_head=False),
    # It withdraws a run that was not decided; attempts that are active go on.
    web.delete("/v1/runs/{name}", deleting(RUN, show_run)),
)
