"""Runs with a body or an Idempotency-Key: they become DkronRuns, whose names follow from the key. And what any run
takes: a job that can run, and values that fit its parameters.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus

from aiohttp import web

from dkron_api.edge.admission import GRANT, requester
from dkron_api.edge.urls import flag, tenant_of
from dkron_api.jobs.objects import name_of_run
from dkron_api.refusal import ApiError, refusing
from dkron_api.routes.cluster import without_node
from dkron_api.routes.requests import body_of, terms_of
from dkron_api.translate.execution import attempt, full_line
from dkron_api.translate.readiness import problem, refusing_pause
from dkron_api.translate.record import Job, Object
from dkron_api.translate.requested_run import RunBody, read_run_body
from dkron_api.translate.secrets_named import secrets_in
from dkron_crds.parameter_places import run_problem
from dkron_crds.schedule.errors import quoted
from dkron_from_dkron.values import Unreadable
from dkron_reports.line import is_waiting
from dkron_reports.reading import objects
from dkron_reports.repeat import may_have_values, values_of
from dkron_reports.run import slot_of

KEY = "Idempotency-Key"
LONGEST_NAME = 256
"""Characters of `spec.requestedBy`."""
_KEY = re.compile(r"[!-~]{1,255}")


@dataclass(frozen=True, slots=True)
class Order:
    """A run as a client wants it, and the key under which it may repeat the request; empty without one."""

    body: RunBody
    key: str = ""


async def read_order(request: web.Request) -> Order | None:
    """Return the order in the body and the header; None without both. Raises `ApiError`, 400."""
    keys = request.headers.getall(KEY, ())
    if keys and (len(keys) > 1 or _KEY.fullmatch(keys[0]) is None):
        text = f"{KEY}: use one text of at most 255 visible ASCII characters without spaces, such as a UUID"
        raise ApiError(HTTPStatus.BAD_REQUEST, text)
    with refusing(Unreadable, text="the body cannot be used: {}."):
        body = read_run_body(await body_of(request))
    if body is None and not keys:
        return None
    body = body or RunBody()
    return Order(replace(body, force=body.force or flag(request, "force")), keys[0] if keys else "")


async def place(request: web.Request, job: Job, order: Order) -> Object:
    """Return the DkronRun that asks for this run: the one of an earlier request with the same key, or another one.
    Raises `ApiError`: 400, 403, 404, 409, 412 or 422."""
    body, grant, tenant = order.body, request[GRANT], tenant_of(request)
    if body.force:
        await grant.require(grant.where.to_force(job.name))
    await grant.require(*grant.where.to_use(secrets_in(body.values.values()), has_template=False))
    name, by = name_of_run(job, order.key), requester(request)[:LONGEST_NAME]
    note = body.identity
    found = await tenant.runs.find(name, body.spec(job.name, by=by), note=note) if order.key else None
    if found is not None:
        return found
    version = terms_of(request).version
    if version is not None and version != str(job.version):
        raise ApiError(HTTPStatus.PRECONDITION_FAILED, f"the job {quoted(job.name)} has changed; read it again")
    require_able(job, request, force=body.force)
    if body.repeat:
        body = await repeated(request, job, body)
    require_values(job, body.values)
    return await tenant.runs.create(name, body.spec(job.name, by=by), note=note)


def require_values(job: Job, given: Mapping[str, str]) -> None:
    """Raise `ApiError`, 400, unless the values fit the parameters of the job, with all that are required."""
    if given or job.raw["spec"].get("parameters"):
        why = run_problem(job.spec, given)
        if why:
            raise ApiError(HTTPStatus.BAD_REQUEST, f"the job {quoted(job.name)} cannot run with these values: {why}")


def require_able(job: Job, request: web.Request, *, force: bool = False) -> None:
    """Raise `ApiError`, 404 or 409, for a job that cannot run. With `force` the run is a forced DkronRun: it runs a job
    that is disabled, and one whose runs fill the line for a pool, as well."""
    spec = job.raw["spec"]
    if spec.get("disabled") and not job.parents and not force:
        raise ApiError(HTTPStatus.NOT_FOUND, f'the job "{job.name}" is disabled; toggle it first')
    forced = force or flag(request, "force")
    trouble = problem(job) or refusing_pause(job, forced=forced)
    if trouble:
        raise ApiError(HTTPStatus.CONFLICT, trouble)
    nowhere = without_node(request.app, spec.get("tags") or {})
    if nowhere:
        raise ApiError(HTTPStatus.NOT_FOUND, f"the job {quoted(job.name)} cannot run: {nowhere}")
    if spec.get("concurrency") == "forbid" and job.busy and not forced:
        active = objects(job.raw_status, "active")
        state = "has a run that waits" if active and all(map(is_waiting, active)) else "is running"
        text = f'the job "{job.name}" {state}, and its concurrency is forbid; add ?force=true to run it anyway'
        raise ApiError(HTTPStatus.CONFLICT, text)
    if (why := full_line(job)) and not (force if spec.get("pools") else forced):
        raise ApiError(HTTPStatus.CONFLICT, why)


OTHERWISE = 'add "parameters", or {} for their defaults'
HIDDEN = "use the Secrets that the values of this run name"
"""How a refusal names the right to Secrets: their names are part of the values."""


async def repeated(request: web.Request, job: Job, body: RunBody) -> RunBody:
    """Return the body with the values and the slot of the execution that it repeats, except for those that it gives
    itself. Raises `ApiError`: 403, 404, or 422 if the values are not known any more or do not fit."""
    run = attempt(job, body.repeat)
    if run is None:
        text = f"the job {quoted(job.name)} has no execution {quoted(body.repeat)} (any more)"
        raise ApiError(HTTPStatus.NOT_FOUND, text)
    at = body.scheduled_time or slot_of(run.trigger, run.slot, run.group)
    if body.parameters is not None or not may_have_values(job.raw, run.trigger):
        return replace(body, scheduled_time=at)
    found = await tenant_of(request).runs.of_group(job.name, run.group)
    if found is None:
        text = f"the parameter values of {quoted(body.repeat)} are not known: it has no DkronRun, or no longer has one"
        raise ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, f"{text}; {OTHERWISE}")
    values, grant = values_of(found), request[GRANT]
    needs = grant.where.to_use(secrets_in(values.values()), has_template=False)
    await grant.require(*(need._replace(words=HIDDEN) for need in needs))
    if run_problem(job.spec, values):
        # The problem itself may quote a value, which the caller may not be allowed to read.
        text = f"the parameter values of {quoted(body.repeat)} no longer fit the job {quoted(job.name)}; {OTHERWISE}"
        raise ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, text)
    return replace(body, parameters=values, scheduled_time=at)
