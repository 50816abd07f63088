"""POST /v1/jobs/{job}/executions/{id}/stop: stop an execution. An addition to Dkron's API.

The operator stops it when it reads the annotation written here.
"""

import asyncio
from http import HTTPStatus

from aiohttp import web

from dkron_api.edge.admission import may_read, open_answer, requester
from dkron_api.edge.answers import json_answer
from dkron_api.edge.keys import CLOCK, STOPPING
from dkron_api.edge.urls import tenant_of
from dkron_api.refusal import LATER, ApiError
from dkron_api.routes.executions import coming_of
from dkron_api.routes.requests import job_of, terms_of
from dkron_api.translate.execution import attempt, shown
from dkron_api.translate.record import Job
from dkron_crds.base import rfc3339
from dkron_crds.job import Active, Execution
from dkron_crds.schedule.errors import quoted
from dkron_crds.stops import stop_annotation

PATIENCE, PAUSE = 10.0, 0.1
"""Seconds to wait for a requested run to begin, and between two checks."""


async def stop_execution(request: web.Request) -> web.StreamResponse:
    """Request a stop: 202 with the current execution. A repeated request keeps the first one's requester."""
    job, found = await _begun(request)
    if isinstance(found, Execution):
        text = f'the execution "{found.id}" already ended at {rfc3339(found.finished_at)}'
        raise ApiError(HTTPStatus.CONFLICT, text)
    key, text = stop_annotation(found.job, request.app[CLOCK](), by=requester(request))
    if key not in job.annotations:
        await tenant_of(request).writes.annotate(job, {key: text}, terms_of(request))
    told = shown(job, found) if await may_read(request, job.name) else {"id": found.id, "job_name": job.name}
    return json_answer(request, told, status=HTTPStatus.ACCEPTED)


async def _begun(request: web.Request) -> tuple[Job, Execution | Active]:
    """Return the attempt named in the path, after waiting for a requested one to begin. Raises `ApiError`."""
    wanted = request.match_info["execution"]
    clock = asyncio.get_running_loop().time
    deadline = clock() + PATIENCE
    while True:
        job = job_of(request)
        found = attempt(job, wanted)
        if found is not None:
            return job, found
        if not any(run.id == wanted for run in coming_of(request, job)):
            text = f"the job {quoted(job.name)} has no execution {quoted(wanted)} (any more)"
            raise ApiError(HTTPStatus.NOT_FOUND, text)
        if clock() >= deadline or request.app[STOPPING].is_set():
            text = f"the execution {quoted(wanted)} is requested but has not started; retry"
            raise ApiError(HTTPStatus.CONFLICT, text, {"Retry-After": LATER})
        with open_answer(request):
            await asyncio.sleep(PAUSE)


ROUTES = (web.post("/v1/jobs/{job}/executions/{execution}/stop", stop_execution),)
