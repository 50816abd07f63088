"""POST /v1/restore: restore a backup in the form of GET /v1/jobs (Dkron behaviour §1.8)."""

import asyncio
from http import HTTPStatus

from aiohttp import web

from dkron_api.edge.admission import GRANT, NEED, owner_of
from dkron_api.edge.answers import json_answer
from dkron_api.edge.keys import GATE, SETTINGS, STOPPING
from dkron_api.edge.urls import tenant_of
from dkron_api.jobs.restore import circle_outside, restore
from dkron_api.refusal import ApiError, refusing
from dkron_api.routes.requests import file_of, require_ready, terms_of
from dkron_api.translate import gojson
from dkron_api.translate.record import Job
from dkron_api.translate.restoring import Dump, Entry, TooLarge, order, read_dump
from dkron_api.translate.secrets_named import has_template
from dkron_from_dkron.body import JobBody
from dkron_from_dkron.validate import Invalid
from dkron_from_dkron.values import Unreadable

FIELD = "file"
AS_DKRON = "application/vnd.dkron.v4+json"
"""A client that accepts this type gets Dkron's own format: a JSON string that contains the JSON array."""


async def restore_jobs(request: web.Request) -> web.StreamResponse:
    """Store all jobs of the file, or none if one of them is invalid."""
    require_ready(request)
    gate = request.app[GATE]
    with gate.wait(gate.restores, owner_of(request)):
        data = await _file(request)
        with (
            refusing(Unreadable, text="the file cannot be parsed: {}"),
            refusing(Invalid, text="the file is not valid, nothing was stored: {}"),
            refusing(TooLarge, status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE, text="{}; nothing was stored"),
        ):
            # Ten thousand jobs take a quarter of a second; keep other requests running meanwhile.
            dump, entries = await asyncio.to_thread(_read, data)
        grant, terms = request[GRANT], terms_of(request)
        right = request[NEED].right
        each = (need for name in dump.entries for need in grant.where.to_restore(name, right, force=terms.force))
        await grant.require_each(each)
        await grant.require(*grant.where.to_use(dump.secrets, has_template=dump.has_template))
        tenant = tenant_of(request)
        circle_outside(dump, tenant.job_index.parents)

        async def permit(body: JobBody, known: Job | None) -> None:
            if not dump.has_template and has_template(body, None if known is None else known.raw["spec"]):
                await grant.require(grant.where.to_create_pods())

        reports = await restore(dump, entries, tenant.writes, terms, permit=permit, stopping=request.app[STOPPING])
        if AS_DKRON in request.headers.get("Accept", ""):
            return json_answer(request, gojson.encode(reports).decode())
        return json_answer(request, reports)


def _read(data: bytearray) -> tuple[Dump, list[Entry]]:
    dump = read_dump(data)
    return dump, order(dump)


async def _file(request: web.Request) -> bytearray:
    if not request.headers.get("Content-Type", "").strip().lower().startswith("multipart/"):
        raise ApiError(HTTPStatus.NOT_FOUND, f'send the backup as multipart/form-data, in a field "{FIELD}"')
    content = await file_of(request, FIELD, limit=request.app[SETTINGS].max_restore)
    if content is None:
        raise ApiError(HTTPStatus.NOT_FOUND, f'the form has no field "{FIELD}"; send the backup in it')
    return content


async def give_up(app: web.Application) -> None:
    """Store no further jobs. The response lists the missing ones."""
    app[STOPPING].set()


ROUTES = (web.post("/v1/restore", restore_jobs),)
