"""GET /v1/jobs/{job}/executions/{id}/log: the log of an execution, finished or running. An addition to Dkron's API.

Kubernetes stores the log with the pod. This service stores none of it, and reads no more than the client consumes.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing
from http import HTTPStatus

from aiohttp import web

from dkron_api.edge.admission import GRANT, NEED, owner_of
from dkron_api.edge.keys import GATE, KUBE
from dkron_api.edge.urls import flag, tenant_of
from dkron_api.jobs.writer import missing
from dkron_api.refusal import LATER, ApiError, unavailable
from dkron_api.routes.archived import archived_output, archived_run, job_or_gone
from dkron_api.routes.executions import coming_of, no_execution
from dkron_api.translate.execution import found, shown
from dkron_api.translate.pod import container_of, has_begun, obstacle
from dkron_api.translate.record import Object
from dkron_from_dkron.moments import ZERO
from dkron_kube.errors import KubeError
from dkron_kube.paths import PODS

log = logging.getLogger(__name__)

PATIENCE = 50.0
"""Seconds that `?follow` waits for the container to start: slightly less than proxies wait for the first byte."""
PAUSE = 1.0
"""Seconds between two checks of a pod that has not started, or of whether the client is still connected."""
TEXT = "text/plain; charset=utf-8"


async def show_log(request: web.Request) -> web.StreamResponse:
    """Send the log so far; with `?follow` the whole log, until the container has ended. With `?timestamps` each line
    begins with the time at which it was written, as in `kubectl logs --timestamps`."""
    follow, is_whole, gate = flag(request, "follow"), False, request.app[GATE]
    response = web.StreamResponse(
        headers={"Content-Type": TEXT, "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )
    with gate.wait(gate.streams if follow else gate.logs, owner_of(request)) as place:
        async with place.while_kept(), request[GRANT].as_long_as_allowed(request.get(NEED)):
            try:
                pod, container = await _begun(request, patience=PATIENCE if follow else 0.0)
            except _Gone as gone:
                return await _archived(request, gone)
            kube, namespace = request.app[KUBE], tenant_of(request).namespace
            name = pod["metadata"]["name"]
            query = {"timestamps": "true"} if flag(request, "timestamps") else None
            stream = kube.follow_log(PODS, namespace, name, container=container, follow=follow, query=query)
            async with aclosing(stream) as pieces:
                await _relay(request, response, pieces)
            is_whole = True
    if not is_whole and not response.prepared:
        raise unavailable("other answers need the place of this one, or its right is gone; retry", after="10")
    if not is_whole:
        _break_off(request)
    return response


class _Gone(ApiError):
    """Kubernetes has no log of this attempt (any more): `identity` is the uid of the job and the name of its Job, if
    the job still shows it."""

    def __init__(self, reason: str, identity: tuple[str, str] | None = None) -> None:
        super().__init__(HTTPStatus.NOT_FOUND, reason)
        self.identity = identity


async def _archived(request: web.Request, gone: _Gone) -> web.StreamResponse:
    """Send the output that the archive has. Raises `ApiError`: 404, or 503 if the archive cannot be read."""
    identity = gone.identity
    if identity is None:
        known = await archived_run(request)
        identity = None if known is None else known.identity
    output = None if identity is None else await archived_output(request, *identity)
    if output is None:
        raise gone
    request.app[GATE].unsent.require_room(owner_of(request), len(output.content))
    headers = {"Content-Type": TEXT, "Cache-Control": "no-store"}
    headers |= {"X-Output-Truncated": "true"} if output.truncated else {}
    return web.Response(body=output.content, headers=headers)


async def _begun(request: web.Request, *, patience: float) -> tuple[Object, str]:
    """Return the pod of the execution, and its container once that has started. Raises `ApiError`."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + patience
    while True:
        job, key = job_or_gone(request), request.match_info["execution"]
        if job is None:
            raise _Gone(missing(request.match_info["job"]).reason)
        run = found(job, key, coming=coming_of(request, job))
        if run is None:
            raise _Gone(no_execution(job, key).reason)
        execution = shown(job, run)
        pod = await tenant_of(request).pods.newest(run.job, uid=run.uid)
        if pod is not None and has_begun(pod, container_of(pod)):
            return pod, container_of(pod)
        if execution["finished_at"] != ZERO:
            raise _no_log(request, execution, identity=(job.uid, run.job), has_pod=pod is not None)
        if tenant_of(request).event_log.closed:
            raise unavailable("the server is stopping; retry")
        if clock() >= deadline or _left(request):
            why = "its run waits in line" if run.waits else obstacle(pod)
            text = f'the execution "{execution["id"]}" has not started: {why}'
            raise ApiError(HTTPStatus.CONFLICT, text, {"Retry-After": LATER})
        await asyncio.sleep(PAUSE)


def _no_log(request: web.Request, execution: Object, *, identity: tuple[str, str], has_pod: bool) -> ApiError:
    about, route = f'of the execution "{execution["id"]}"', f"GET {request.path.removesuffix('/log')}"
    if has_pod:
        return ApiError(HTTPStatus.NOT_FOUND, f"the container {about} never started; {route} says why")
    kept = f"{route} has the end of its output" if execution.get("output") else "none of its output was kept"
    return _Gone(f"the pod {about} is gone, and its log with it; {kept}", identity)


async def _relay(request: web.Request, response: web.StreamResponse, pieces: AsyncIterator[bytes]) -> None:
    coming: asyncio.Future[bytes] | None = None
    try:
        while not (tenant_of(request).event_log.closed or _left(request)):
            coming = coming or asyncio.ensure_future(anext(pieces, b""))
            await asyncio.wait([coming], timeout=PAUSE)
            piece = coming.result() if coming.done() else None
            if not response.prepared:
                # Send the headers at once, so that a client following a silent container knows that it exists.
                await response.prepare(request)
            if piece is None:
                continue
            if not piece:
                return
            await response.write(piece)
            coming = None
    except KubeError as error:
        if not response.prepared:
            raise
        log.warning("the log stream of %s ended early: %s", request.path, error)
    finally:
        if coming is not None and not coming.done():
            coming.cancel()
            await asyncio.wait([coming])
    _break_off(request)


def _left(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


def _break_off(request: web.Request) -> None:
    """Close the connection in the middle of the response, so that the client does not take it for the whole log."""
    if request.transport is not None:
        request.transport.close()


ROUTES = (web.get("/v1/jobs/{job}/executions/{execution}/log", show_log, allow_head=False),)
