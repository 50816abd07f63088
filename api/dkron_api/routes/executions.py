"""/v1/jobs/{job}/executions and /v1/busy (Dkron behaviour §1.7, §1.8), and the stop of an execution, an addition: the
operator stops it when it reads the annotation written here.
"""

import asyncio
import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from aiohttp import web

from dkron_api.archive.reads import REST
from dkron_api.edge.admission import aside, may_read, may_read_logs, requester
from dkron_api.edge.answers import in_turns, json_answer, list_answer
from dkron_api.edge.keys import ARCHIVE, CLOCK, SETTINGS, SLICES, STOPPING
from dkron_api.edge.urls import flag, tenant_of
from dkron_api.jobs.pods import OUTPUT
from dkron_api.jobs.writer import missing
from dkron_api.refusal import LATER, ApiError, unavailable
from dkron_api.routes.archived import archived_output, archived_run, job_or_gone
from dkron_api.routes.execution_lists import is_merged, list_of_job
from dkron_api.routes.places import with_places
from dkron_api.routes.requests import etag, job_of, require_ready, terms_of
from dkron_api.settings import TRACE_ID
from dkron_api.translate import gojson
from dkron_api.translate.execution import (
    attempt,
    details,
    found,
    line_of,
    listed,
    running,
    shown,
    stop_of,
    unplaced,
)
from dkron_api.translate.found import all_details, last, record_bytes
from dkron_api.translate.pod import ends_by, trace_of
from dkron_api.translate.record import Job
from dkron_api.translate.run import coming
from dkron_archive.ports import ArchiveUnavailable
from dkron_crds.base import rfc3339
from dkron_crds.job import Attempt, AttemptState
from dkron_crds.schedule.errors import quoted
from dkron_crds.stops import stop_annotation
from dkron_reports.slices import Steps

log = logging.getLogger(__name__)

DETAILS = "details"
CLEARED = {"executions": [], "successCount": 0, "errorCount": 0, "lastSuccess": None, "lastError": None}
"""The cleared fields. `counted` stays, so that no Job is counted again; so do the daily totals."""


async def list_executions(request: web.Request) -> web.StreamResponse:
    """GET: all stored executions, newest first."""
    job = job_of(request)
    if is_merged(request):
        return await list_of_job(request, job, coming_of(request, job))
    job = await with_places(request, job)
    nodes = await tenant_of(request).pods.nodes(unplaced(job))
    coming_soon, detailed = coming_of(request, job), flag(request, DETAILS)
    now = request.app[CLOCK]()
    executions = listed(job, request.query, coming=coming_soon, nodes=nodes, detailed=detailed, now=now)
    return json_answer(request, executions, headers={"X-Total-Count": str(len(executions))})


async def show_execution(request: web.Request) -> web.StreamResponse:
    """GET one execution with its whole output: from its pod if possible, otherwise from the archive or the status."""
    job, wanted = job_or_gone(request), request.match_info["execution"]
    run = None if job is None else found(job, wanted, coming=coming_of(request, job))
    if job is None or run is None:
        return await _show_archived(request, job)
    whole = _whole(request, job, run)
    if not flag(request, DETAILS):
        return json_answer(request, await whole)
    shown_whole, more = await asyncio.gather(whole, _details(request, job, run))
    return json_answer(request, shown_whole | {"details": more})


async def _show_archived(request: web.Request, job: Job | None) -> web.StreamResponse:
    wanted = request.match_info["execution"]
    known = await archived_run(request)
    if known is None:
        raise missing(request.match_info["job"]) if job is None else no_execution(job, wanted)
    output = await archived_output(request, *known.identity)
    if output is not None:
        known = known.with_output(output, await _shown_bytes(request, job, known.job.uid))
    more = {"details": all_details(known)} if flag(request, DETAILS) else {}
    return json_answer(request, shown(known.job, known.run) | more)


async def _shown_bytes(request: web.Request, job: Job | None, uid: str) -> int:
    """Return how many bytes of an output of the job with this uid the caller may see: without the right to logs, as
    many as its records keep."""
    return OUTPUT if await may_read_logs(request, request.match_info["job"]) else record_bytes(job, uid)


def no_execution(job: Job, wanted: str) -> ApiError:
    """Return the answer to a request for an execution that the job does not have."""
    text = f"the job {quoted(job.name)} has no execution {quoted(wanted)} (any more)"
    return ApiError(HTTPStatus.NOT_FOUND, text)


async def _details(request: web.Request, job: Job, run: Attempt) -> dict[str, Any]:
    settings, pods = request.app[SETTINGS], tenant_of(request).pods
    stop = stop_of(job, run)
    pod = await pods.look(run.job, uid=run.uid) if settings.trace_url or stop else None
    if pod is None:
        return details(run, stop=stop)
    trace = trace_of(pod) if settings.trace_url else ""
    return details(
        run, trace=trace, trace_url=settings.trace_url.replace(TRACE_ID, trace), stop=stop, until=ends_by(pod)
    )


async def _whole(request: web.Request, job: Job, run: Attempt) -> dict[str, Any]:
    pods = tenant_of(request).pods
    if run.ended:
        # The record has as much as a caller without the right to logs may see.
        may_lack = run.output_truncated or not run.output
        tail = await _tail(request, job, run) if may_lack and await may_read_logs(request, job.name) else None
        if tail is not None:
            run = run.model_copy(update={"output": tail.decode("utf-8", "replace")})
        return shown(job, run)
    if run.state is not AttemptState.RUNNING:
        line = line_of(await with_places(request, job))
        return shown(job, run, place=line.get(run.job), now=request.app[CLOCK]())
    nodes, tail, size = await asyncio.gather(
        pods.nodes([run.job]), pods.output(run.job, uid=run.uid), _shown_bytes(request, job, job.uid)
    )
    placed = run.model_copy(update={"node_name": run.node_name or nodes.get(run.job, "")})
    return shown(job, placed, so_far="" if tail is None else last(tail, size).decode("utf-8", "replace"))


async def _tail(request: web.Request, job: Job, run: Attempt) -> bytes | None:
    """Return the end of a longer output: from the pod, or from the archive; None if neither has it."""
    tail = await tenant_of(request).pods.output(run.job)
    archive = request.app[ARCHIVE]
    if tail is not None or archive is None:
        return tail
    try:
        output = await archive.read(job.namespace, lambda reader: reader.output(job.uid, run.job))
    except ArchiveUnavailable:
        return None
    return None if output is None else output.content[-OUTPUT:]


def coming_of(request: web.Request, job: Job) -> list[Attempt]:
    """Return the requested executions of the job that are yet to begin."""
    now = request.app[CLOCK]()
    return [coming(job, run, now) for run in tenant_of(request).asked.coming(job)]


async def clear_executions(request: web.Request) -> web.StreamResponse:
    """DELETE: clear the executions and the counters. Responds with the job."""
    tenant = tenant_of(request)
    job = await tenant.writes.write_status(job_of(request), CLEARED, terms_of(request))
    await _clear_archive(request, job)
    return json_answer(request, tenant.job_index.json(job.name), headers={"ETag": etag(job)})


async def _clear_archive(request: web.Request, job: Job) -> None:
    """Delete what the archive has of the job. Raises `ApiError`, 503."""
    archive, namespace = request.app[ARCHIVE], tenant_of(request).namespace
    if archive is None:
        return
    try:
        await archive.write(namespace, lambda reader: reader.delete_executions(namespace, job.name))
    except ArchiveUnavailable as error:
        text = (
            "the job shows no executions any more, but the archive still has them; repeat the request to delete them."
        )
        raise unavailable(f"{text} {error}", after=f"{REST:.0f}") from error


async def busy(request: web.Request) -> web.StreamResponse:
    """GET /v1/busy: all running executions, oldest first."""
    require_ready(request)
    tenant = tenant_of(request)
    slices = request.app[SLICES]
    # Few of many jobs are active, and looking at all of them is nearly all of the work: so that is done once.
    active, unknown = await slices.run(_active(tuple(tenant.job_index)))
    nodes = await tenant.pods.nodes(unknown)
    executions = await slices.run(running(active, nodes, failed=_log_unreadable))
    encoded = (gojson.encode(each) async for each in in_turns(executions))
    return await list_answer(request, encoded, headers={"X-Total-Count": str(len(executions))})


def _active(jobs: Sequence[Job]) -> Steps[tuple[list[Job], list[str]]]:
    """Return the jobs that may be active, and their Jobs whose node is unknown, in steps."""
    active, unknown = list[Job](), list[str]()
    for job in jobs:
        if _may_be_busy(job):
            active.append(job)
            unknown += _to_place(job)
        yield
    return active, unknown


def _may_be_busy(job: Job) -> bool:
    try:
        return job.busy
    except Exception:  # noqa: BLE001 - the error is reported where its executions are read
        return True


def _to_place(job: Job) -> list[str]:
    """Return the Jobs whose node is unknown; none of a job that cannot be read, which is reported elsewhere."""
    try:
        return unplaced(job)
    except Exception:  # noqa: BLE001 - a problem with one job must not affect the others
        return []


def _log_unreadable(job: Job, error: Exception) -> None:
    log.error("cannot list the running executions of the job %s", quoted(job.name), exc_info=error)


PATIENCE, PAUSE = 10.0, 0.1
"""Seconds to wait for a requested run to begin, and between two checks."""


async def stop_execution(request: web.Request) -> web.StreamResponse:
    """Request a stop: 202 with the current execution. A repeated request keeps the first one's requester."""
    job, found = await _begun(request)
    if found.ended:
        text = f'the execution "{found.id}" already ended at {rfc3339(found.ended_at)}'
        raise ApiError(HTTPStatus.CONFLICT, text)
    key, text = stop_annotation(found.job, request.app[CLOCK](), by=requester(request))
    if key not in job.annotations:
        await tenant_of(request).writes.annotate(job, {key: text}, terms_of(request))
    place, now = line_of(job).get(found.job), request.app[CLOCK]()
    told = (
        shown(job, found, place=place, now=now)
        if await may_read(request, job.name)
        else {"id": found.id, "job_name": job.name}
    )
    return json_answer(request, told, status=HTTPStatus.ACCEPTED)


async def _begun(request: web.Request) -> tuple[Job, Attempt]:
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
            raise no_execution(job, wanted)
        if clock() >= deadline or request.app[STOPPING].is_set():
            text = f"the execution {quoted(wanted)} is requested but has not started; retry"
            raise ApiError(HTTPStatus.CONFLICT, text, {"Retry-After": LATER})
        with aside(request):
            await asyncio.sleep(PAUSE)


ROUTES = (
    web.get("/v1/jobs/{job}/executions", list_executions, allow_head=False),
    web.delete("/v1/jobs/{job}/executions", clear_executions),
    web.get("/v1/jobs/{job}/executions/{execution}", show_execution, allow_head=False),
    web.get("/v1/busy", busy, allow_head=False),
    # The route of a job's executions in Dkron before 1.0, which old clients still use.
    web.get("/v1/executions/{job}", list_executions, allow_head=False),
    web.post("/v1/jobs/{job}/executions/{execution}/stop", stop_execution),
)
