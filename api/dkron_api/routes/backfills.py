"""/v1/backfills: DkronBackfills, which run slots of the past again. An addition to Dkron's API."""

import secrets

from aiohttp import web

from dkron_api.edge.admission import GRANT
from dkron_api.edge.answers import in_turns, list_answer
from dkron_api.edge.keys import CLOCK, OBJECTS
from dkron_api.edge.urls import namespace_of, tenant_of
from dkron_api.jobs.objects import BACKFILL, RUN
from dkron_api.routes.objects import changed, created, deleting, found_in, list_page, page_of, read, showing
from dkron_api.routes.requests import require_ready
from dkron_api.translate import gojson
from dkron_api.translate.backfill import jobs_of, read_backfill, show_backfill, show_slot, slots_of
from dkron_api.translate.record import Object
from dkron_api.translate.secrets_named import secrets_in
from dkron_crds.names import object_name
from dkron_crds.run import OF_BACKFILL

NAME_ROOM = 40
"""Characters of the job's name in the name of a backfill without a name of its own; 63 are allowed in all."""


async def list_backfills(request: web.Request) -> web.StreamResponse:
    """GET /v1/backfills: the newest first; `?job` only backfills of one job."""
    job = request.query.get("job")
    found = await request.app[OBJECTS].list(BACKFILL, namespace_of(request))
    chosen = [each for each in found if job is None or (each.get("spec") or {}).get("job") == job]
    return await list_page(request, chosen, show_backfill)


async def list_slots(request: web.Request) -> web.StreamResponse:
    """GET /v1/backfills/{name}/slots: what became of each slot, in the order in which they run."""
    require_ready(request)
    found, selector = await found_in(request, BACKFILL), f"{OF_BACKFILL}={request.match_info['name']}"
    runs = await request.app[OBJECTS].list(RUN, namespace_of(request), selector=selector)
    index = tenant_of(request).job_index
    executions: dict[str, dict[int, str]] = {}

    def name_of(uid: str, job: str) -> str:
        known = index.object_cache.by_uid(uid)
        return job if known is None else known.name

    def execution_of(job: str, group: int) -> str:
        if job not in executions:
            known = index.get(job)
            executions[job] = {} if known is None else _by_group(known.raw_status)
        return executions[job].get(group, "")

    items, headers = page_of(request, slots_of(found, runs, name_of=name_of))
    shown = (gojson.encode(show_slot(each, execution_of)) async for each in in_turns(items))
    return await list_answer(request, shown, headers=headers)


async def create(request: web.Request) -> web.StreamResponse:
    """POST /v1/backfills: 201 with the backfill. With `dry_run`, its status says soon what would run."""
    spec = await read(request, read_backfill)
    await _require_runs(request, spec)
    grant = request[GRANT]
    await grant.require(*grant.where.to_use(secrets_in((spec.get("parameters") or {}).values()), has_template=False))
    name = spec.pop("name", None)
    if name is None:
        job, now = spec.get("job"), int(request.app[CLOCK]().timestamp())
        stem = object_name(job)[:NAME_ROOM].rstrip("-.") if job else "jobs"
        name = f"{stem}-{now}-{secrets.token_hex(2)}"
    return await created(request, BACKFILL, name, spec, show=show_backfill)


async def change(request: web.Request) -> web.StreamResponse:
    """PATCH /v1/backfills/{name}. To let it go on, or faster, takes the rights to its runs."""
    fields = await read(request, read_backfill)
    if not fields.get("suspend", True) or "parallelism" in fields:
        found = await found_in(request, BACKFILL)
        await _require_runs(request, found.get("spec") or {})
    return await changed(request, BACKFILL, fields, show_backfill)


async def _require_runs(request: web.Request, spec: Object) -> None:
    """Raise `ApiError`, 403, unless the caller may run each job of the backfill, and force those that are disabled or
    paused: its runs are forced."""
    require_ready(request)
    grant, jobs = request[GRANT], jobs_of(spec, tenant_of(request).job_index)
    where, name = grant.where, spec.get("job")
    if name is None:
        await grant.require_each(where.to_run_each(jobs))
    else:
        await grant.require(where.to_run(name), *([where.to_force(name)] if jobs[name] else []))


def _by_group(status: Object) -> dict[int, str]:
    ended = status.get("executions") or ()
    return {each["group"]: each["id"] for each in (*reversed(ended), *(status.get("active") or ())) if each.get("id")}


ROUTES = (
    web.get("/v1/backfills", list_backfills, allow_head=False),
    web.post("/v1/backfills", create),
    web.get("/v1/backfills/{name}", showing(BACKFILL, show_backfill), allow_head=False),
    web.patch("/v1/backfills/{name}", change),
    web.delete("/v1/backfills/{name}", deleting(BACKFILL, show_backfill)),
    web.get("/v1/backfills/{name}/slots", list_slots, allow_head=False),
)
