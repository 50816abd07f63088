"""Runs that repeat an execution: its values are copied from its DkronRun, and never leave the server."""

from dataclasses import replace
from http import HTTPStatus

from aiohttp import web

from dkron_api.edge.admission import GRANT
from dkron_api.edge.tenancy import tenant_of
from dkron_api.refusal import ApiError
from dkron_api.translate.execution import attempt
from dkron_api.translate.record import Job
from dkron_api.translate.run_body import RunBody
from dkron_api.translate.secrets_named import secrets_in
from dkron_crds.parameter_places import run_problem
from dkron_crds.schedule.errors import quoted
from dkron_reports.repeat import may_have_values, values_of
from dkron_reports.run import slot_of

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
