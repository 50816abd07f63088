"""POST /v1/jobs/{job} and /run: a run on request, at once or until it is over (Dkron behaviour §1.6)."""

import asyncio
import secrets
from http import HTTPStatus

from aiohttp import web

from dkron_api.answer import json_answer
from dkron_api.edge.traced import TRACE
from dkron_api.keys import CATALOG, CLOCK, GATE, SETTINGS, VIGILS, WRITES
from dkron_api.refusal import Refusal
from dkron_api.routes.requests import flag, job_of
from dkron_api.translate.record import Job
from dkron_api.translate.run import Progress, Run, problem, progress, refusal


def request_of(request: web.Request) -> Run:
    """A new request for a run."""
    return Run(
        id=f"rest-{secrets.token_hex(8)}",
        at=request.app[CLOCK](),
        by=f"rest from {request.remote}",
        force=flag(request, "force"),
        trace=request.get(TRACE),
    )


async def run_job(request: web.Request) -> web.StreamResponse:
    """Ask for a run: 202 with the job as it was, or with `?wait=true` 200 with the job when all is over."""
    job = job_of(request)
    _require_able(job, request)
    catalog = request.app[CATALOG]
    before, run = catalog.json(job.name), request_of(request)
    if not flag(request, "wait"):
        await request.app[WRITES].annotate(job, dict([run.annotation]))
        return json_answer(request, before, status=HTTPStatus.ACCEPTED, headers=_location(request))
    with request.app[GATE].stream():
        return await _wait(request, job, run)


async def _wait(request: web.Request, job: Job, run: Run) -> web.StreamResponse:
    limit = request.app[SETTINGS].max_wait
    with request.app[VIGILS].watch(job, run) as watching:
        asked = await request.app[WRITES].annotate(job, dict([run.annotation]))
        try:
            last = await asyncio.wait_for(watching.ended, limit)
        except TimeoutError:
            last = asked
            status = HTTPStatus.ACCEPTED
        else:
            status = HTTPStatus.OK
    if progress(last, run) is Progress.REFUSED:
        raise Refusal(HTTPStatus.CONFLICT, refusal(last, run))
    return json_answer(request, request.app[CATALOG].render(last), status=status, headers=_location(request))


def _require_able(job: Job, request: web.Request) -> None:
    spec = job.raw["spec"]
    if spec.get("disabled") and not job.parents:
        raise Refusal(HTTPStatus.NOT_FOUND, f'the job "{job.name}" is disabled; toggle it first')
    trouble = problem(job)
    if trouble:
        raise Refusal(HTTPStatus.CONFLICT, trouble)
    if spec.get("concurrency") == "forbid" and job.busy and not flag(request, "force"):
        text = f'the job "{job.name}" is running, and its concurrency is forbid; add ?force=true to run it all the same'
        raise Refusal(HTTPStatus.CONFLICT, text)


def _location(request: web.Request) -> dict[str, str]:
    return {"Location": str(request.rel_url)}


async def give_up(app: web.Application) -> None:
    """The server stops: whoever waits gets 202, the run goes on. For `on_shutdown`."""
    app[VIGILS].give_up()


ROUTES = (web.post("/v1/jobs/{job}", run_job), web.post("/v1/jobs/{job}/run", run_job))
