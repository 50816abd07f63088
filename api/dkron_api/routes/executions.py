"""/v1/jobs/{job}/executions and /v1/busy (Dkron behaviour §1.7, §1.8)."""

from http import HTTPStatus

from aiohttp import web

from dkron_api.answer import json_answer
from dkron_api.keys import CATALOG, WRITES
from dkron_api.refusal import Refusal
from dkron_api.routes.requests import etag, job_of, require_ready
from dkron_api.translate.execution import listed, running, single
from dkron_crds.schedule.errors import quoted

CLEARED = {"executions": [], "successCount": 0, "errorCount": 0, "lastSuccess": None, "lastError": None}
"""What is forgotten. `counted` stays, so that nothing is counted anew; so do the totals of the days."""


async def list_executions(request: web.Request) -> web.StreamResponse:
    """GET: all that are kept, newest first."""
    executions = listed(job_of(request), request.query)
    return json_answer(request, executions, headers={"X-Total-Count": str(len(executions))})


async def show_execution(request: web.Request) -> web.StreamResponse:
    """GET one of them, with all the output that is kept."""
    job = job_of(request)
    execution = single(job, request.match_info["execution"])
    if execution is None:
        text = f"the job {quoted(job.name)} has no execution {quoted(request.match_info['execution'])} (any more)"
        raise Refusal(HTTPStatus.NOT_FOUND, text)
    return json_answer(request, execution)


async def clear_executions(request: web.Request) -> web.StreamResponse:
    """DELETE: forget them and the counters; answers with the job."""
    job = await request.app[WRITES].write_status(job_of(request), CLEARED)
    return json_answer(request, request.app[CATALOG].json(job.name), headers={"ETag": etag(job)})


async def busy(request: web.Request) -> web.StreamResponse:
    """GET /v1/busy: what runs now, the oldest first."""
    require_ready(request)
    catalog = request.app[CATALOG]
    executions = running(catalog)
    return json_answer(request, executions, headers={"X-Total-Count": str(len(executions))})


ROUTES = (
    web.get("/v1/jobs/{job}/executions", list_executions, allow_head=False),
    web.delete("/v1/jobs/{job}/executions", clear_executions),
    web.get("/v1/jobs/{job}/executions/{execution}", show_execution, allow_head=False),
    web.get("/v1/busy", busy, allow_head=False),
    # Where Dkron before 1.0 had the executions of a job; clients of that age still ask there.
    web.get("/v1/executions/{job}", list_executions, allow_head=False),
)
