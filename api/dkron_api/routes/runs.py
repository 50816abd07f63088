"""POST /v1/jobs/{job} and /run: run a job on request, and respond at once or when the run is over (Dkron behaviour
§1.6)."""

import asyncio
import secrets
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus

from aiohttp import web

from dkron_api.answer import json_answer
from dkron_api.edge.admission import GRANT, NEED, open_answer, requester
from dkron_api.edge.flags import flag
from dkron_api.edge.keys import CLOCK, SETTINGS
from dkron_api.edge.root import public_path
from dkron_api.edge.tenancy import tenant_of
from dkron_api.edge.traced import TRACE
from dkron_api.refusal import ApiError
from dkron_api.routes.installation import without_node
from dkron_api.routes.requests import job_of, terms_of
from dkron_api.translate.prefer import Preference, read_preference
from dkron_api.translate.record import Job
from dkron_api.translate.run import Progress, Run, finds_no_node, progress, refusal
from dkron_api.translate.standing import pause_of, problem
from dkron_crds.schedule.errors import quoted


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
    _require_able(job, request)
    preference = read_preference(request.headers.getall("Prefer", ()))
    waiting = _waits(request, preference)
    applied = preference.applied(waiting=waiting)
    headers = {"Location": public_path(request, str(request.rel_url)), "Vary": "Prefer"}
    headers |= {"Preference-Applied": applied} if applied else {}
    before, run = tenant_of(request).job_index.json(job.name), request_of(request)
    if not waiting:
        await ask(request, job, run)
        return json_answer(request, before, status=HTTPStatus.ACCEPTED, headers=headers)
    with open_answer(request):
        return await _wait(request, job, run, seconds=preference.seconds, headers=headers)


async def ask(request: web.Request, job: Job, run: Run) -> Job:
    """Request the run from the operator. Return the job with the request."""
    tenant = tenant_of(request)
    asked = await tenant.writes.annotate(job, dict([run.annotation]), terms_of(request))
    tenant.asked.note(asked, run)
    return asked


def _waits(request: web.Request, preference: Preference) -> bool:
    """Whether to respond when the run is over: by the query, else the header, else the installation's default."""
    if "wait" in request.query:
        return flag(request, "wait")
    return preference.wait or (request.app[SETTINGS].run_waits and not preference.at_once)


async def _wait(
    request: web.Request, job: Job, run: Run, *, seconds: int | None, headers: Mapping[str, str]
) -> web.StreamResponse:
    longest = request.app[SETTINGS].max_wait
    limit = longest if seconds is None else min(longest, seconds)
    tenant = tenant_of(request)
    with tenant.run_waiter.watch(job, run) as watching:
        asked = await ask(request, job, run)
        last, status = asked, HTTPStatus.ACCEPTED
        async with request[GRANT].as_long_as_allowed(request.get(NEED)):
            with suppress(TimeoutError):
                last, status = await asyncio.wait_for(watching.ended, limit), HTTPStatus.OK
    if progress(last, run) is Progress.REFUSED:
        code = HTTPStatus.NOT_FOUND if finds_no_node(last, run) else HTTPStatus.CONFLICT
        raise ApiError(code, refusal(last, run))
    return json_answer(request, tenant.job_index.render(last), status=status, headers=headers)


def _require_able(job: Job, request: web.Request) -> None:
    spec = job.raw["spec"]
    if spec.get("disabled") and not job.parents:
        raise ApiError(HTTPStatus.NOT_FOUND, f'the job "{job.name}" is disabled; toggle it first')
    trouble = problem(job) or ("" if flag(request, "force") else pause_of(job))
    if trouble:
        raise ApiError(HTTPStatus.CONFLICT, trouble)
    nowhere = without_node(request.app, spec.get("tags") or {})
    if nowhere:
        raise ApiError(HTTPStatus.NOT_FOUND, f"the job {quoted(job.name)} cannot run: {nowhere}")
    if spec.get("concurrency") == "forbid" and job.busy and not flag(request, "force"):
        text = f'the job "{job.name}" is running, and its concurrency is forbid; add ?force=true to run it anyway'
        raise ApiError(HTTPStatus.CONFLICT, text)


ROUTES = (web.post("/v1/jobs/{job}", run_job), web.post("/v1/jobs/{job}/run", run_job))
