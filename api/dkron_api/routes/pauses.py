"""/v1/pauses: DkronPauses, which keep jobs from running by schedule or after others. An addition to Dkron's API, whose
/v1/pause keeps clients from changing jobs."""

import secrets
from http import HTTPStatus

from aiohttp import web

from dkron_api.edge.admission import GRANT, NEED, caller_of, requester
from dkron_api.edge.keys import OBJECTS, SETTINGS, TENANTS
from dkron_api.edge.urls import judged_base, namespace_of, tenant_of
from dkron_api.jobs.objects import PAUSE
from dkron_api.refusal import ApiError
from dkron_api.routes.objects import changed, created, deleting, found_in, list_page, read, showing
from dkron_api.routes.requests import require_ready
from dkron_api.translate.pause import read_pause, show_pause, visible_from
from dkron_api.translate.record import Object
from dkron_crds.pause import MAX_PAUSED_NAMES
from dkron_crds.schedule.errors import quoted
from dkron_kube.errors import Rejected
from dkron_reports.pause_times import selects

LONGEST_NAME = 256
"""Characters of `spec.pausedBy`."""
SELECTING = frozenset({"jobs", "selector", "allNamespaces"})
"""Fields that say which jobs pause."""
ELSEWHERE = {
    "allNamespaces": "all_namespaces: only a pause in the operator's namespace holds in all namespaces; leave it out",
    "enforce": "enforce: it has an effect only in the operator's namespace; leave it out",
}
EMPTY = "{} is empty; to pause all jobs of the namespace, leave it out"
WIDER = "without jobs and selector, it would pause all jobs of the namespace; create another pause for that"


async def list_pauses(request: web.Request) -> web.StreamResponse:
    """GET /v1/pauses: pauses of the namespace, the newest first, then pauses of all namespaces that concern it. `?job`
    only pauses that select one job."""
    require_ready(request)
    found = await visible_pauses(request)
    name = request.query.get("job")
    if name is not None:
        job = tenant_of(request).job_index.get(name)
        if job is None:
            raise ApiError(HTTPStatus.NOT_FOUND, f"there is no job {quoted(name)}")
        found = [each for each in found if selects(each.get("spec") or {}, job.name, job.raw)]
    return await list_page(request, found, show_pause)


async def create(request: web.Request) -> web.StreamResponse:
    """POST /v1/pauses: 201 with the pause, which says who pauses."""
    spec = await read(request, read_pause)
    _refuse_empty(spec)
    _refuse_elsewhere(request, spec)
    await _require_pausing(request, spec)
    name = spec.pop("name", None)
    name = f"pause-{secrets.token_hex(4)}" if name is None else name
    # A caller who has shown a token cannot pause in the name of another one.
    by = caller_of(request)[:LONGEST_NAME] or spec.get("pausedBy") or requester(request)[:LONGEST_NAME]
    return await created(request, PAUSE, name, spec | {"pausedBy": by}, show=show_pause)


async def change(request: web.Request) -> web.StreamResponse:
    """PATCH /v1/pauses/{name}: change the fields that the body has."""
    fields = await read(request, read_pause)
    _refuse_empty(fields)
    _refuse_elsewhere(request, fields)
    if "pausedBy" in fields and caller_of(request):
        fields["pausedBy"] = caller_of(request)[:LONGEST_NAME]
    found = await found_in(request, PAUSE)
    judged = found.get("spec") or {}
    # Whatever it changes, as when the pause ends or what becomes of slots, concerns each job that it selects.
    await _require_pausing(request, judged | fields)

    def check(before: Object, after: Object) -> None:
        if any(before.get(field) != judged.get(field) for field in SELECTING):
            raise ApiError(HTTPStatus.CONFLICT, "another client changed the pause during this request; retry")
        # A client that takes the jobs out of a pause hardly means to pause all others as well.
        if (before.get("jobs") or before.get("selector")) and not (after.get("jobs") or after.get("selector")):
            raise ApiError(HTTPStatus.BAD_REQUEST, WIDER)

    return await changed(request, PAUSE, fields, show_pause, check=check)


async def visible_pauses(request: web.Request) -> list[Object]:
    """Return the pauses of the namespace, the newest first, then the pauses of all namespaces that concern it."""
    return [*await request.app[OBJECTS].list(PAUSE, namespace_of(request)), *await _of_all(request)]


async def _of_all(request: web.Request) -> list[Object]:
    """Return the pauses of all namespaces that are kept elsewhere, as the namespace of the request may see them."""
    home = request.app[SETTINGS].cluster_namespace
    if namespace_of(request) == home:
        return []
    try:
        found = await request.app[OBJECTS].list(PAUSE, home)
    except Rejected:
        # The service may not read them there. Each job that one holds says so.
        return []
    jobs = tuple(tenant_of(request).job_index)
    seen = (visible_from(each, jobs) for each in found if (each.get("spec") or {}).get("allNamespaces") is True)
    return [each for each in seen if each is not None]


async def _require_pausing(request: web.Request, spec: Object) -> None:
    """Raise `ApiError`, 403, unless policies let the caller pause each job that this spec selects now."""
    grant, right, named = request[GRANT], request[NEED].right, bool(spec.get("jobs"))
    if not named:
        require_ready(request)
    for tenant in [*request.app[TENANTS]] if spec.get("allNamespaces") else [tenant_of(request)]:
        where = grant.where._replace(base=judged_base(request.app, tenant.namespace))
        selected = [job.name for job in tenant.job_index if selects(spec, job.name, job.raw)]
        # The API server refuses more names.
        names = spec["jobs"][:MAX_PAUSED_NAMES] if named else selected
        await grant.require_each(where.to_pause(name, right, named=named) for name in names)


def _refuse_elsewhere(request: web.Request, spec: Object) -> None:
    if namespace_of(request) != request.app[SETTINGS].cluster_namespace:
        for field, why in ELSEWHERE.items():
            if spec.get(field):
                raise ApiError(HTTPStatus.BAD_REQUEST, why)


def _refuse_empty(fields: Object) -> None:
    """A client whose list was filtered to nothing hardly means all jobs."""
    for name in ("jobs", "selector"):
        if name in fields and fields[name] is not None and not fields[name]:
            raise ApiError(HTTPStatus.BAD_REQUEST, EMPTY.format(name))


ROUTES = (
    web.get("/v1/pauses", list_pauses, allow_head=False),
    web.post("/v1/pauses", create),
    web.get("/v1/pauses/{name}", showing(PAUSE, show_pause), allow_head=False),
    web.patch("/v1/pauses/{name}", change),
    web.delete("/v1/pauses/{name}", deleting(PAUSE, show_pause)),
)
