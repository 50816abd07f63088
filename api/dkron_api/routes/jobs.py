"""/v1/jobs and /v1/jobs/{job}: list, show, save, toggle, delete (Dkron behaviour §1.4 to §1.6)."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache, partial
from http import HTTPStatus
from urllib.parse import quote

from aiohttp import web
from pydantic_core import from_json
from yarl import URL

from dkron_api.auth.caller import Need
from dkron_api.cache.health_index import Slices
from dkron_api.cache.job_index import JobIndex
from dkron_api.edge.admission import GRANT, NEED
from dkron_api.edge.answers import TURN, in_turns, json_answer, list_answer, listed_answer
from dkron_api.edge.keys import CLOCK, CLUSTERS, SETTINGS, SLICES
from dkron_api.edge.urls import base_of, flag, public_path, require_served, tenant_of
from dkron_api.refusal import ApiError, refusing, unavailable
from dkron_api.routes.cluster import is_paused, without_node
from dkron_api.routes.requests import body_of, etag, is_known, job_of, require_ready, terms_of
from dkron_api.routes.runs import request_of
from dkron_api.translate import gojson
from dkron_api.translate.details import details, managed_by, parents, paused, relatives
from dkron_api.translate.forecast import schedule_words
from dkron_api.translate.job import echo, read_body
from dkron_api.translate.listing import JobQuery, in_order, matching, read_query, sliced, span_of
from dkron_api.translate.prefer import STRICT, wants_strict
from dkron_api.translate.readiness import reason
from dkron_api.translate.record import Job, Object
from dkron_api.translate.secrets_named import has_template, secrets_named
from dkron_api.translate.warnings import Judged, header, ignored, judged
from dkron_crds.depends import circle
from dkron_crds.lease import INSTALLATION
from dkron_crds.schedule.errors import quoted
from dkron_from_dkron.body import FIELDS, JobBody
from dkron_from_dkron.validate import Invalid, check
from dkron_from_dkron.values import Unreadable
from dkron_reports.run import SLOW, is_slow
from dkron_reports.slices import Steps
from dkron_reports.summary import COUNTED

EVERYTHING = JobQuery()
SHORT = 256
"""Characters of a query that is remembered."""
STATES = "states"
"""A field that only `fields=` shows: the words for the state of a job."""
DEMANDED: Mapping[str, Callable[[Job], object]] = {
    "kept_by": managed_by, "parents": parents, "paused": paused, "reason": reason, "words": schedule_words,
}  # fmt: skip
"""Further ones: the tool that keeps it, all that it runs after, what pauses it, why it is not ready, what its schedule
means."""
SHOWN = (*FIELDS, STATES, *DEMANDED)
"""The fields that `fields=` may name."""


async def list_jobs(request: web.Request) -> web.StreamResponse:
    """GET /v1/jobs."""
    job_index = require_ready(request)
    query, pretty = _query_of(request)
    if query.plain and not query.fields and not pretty:
        headers = {"X-Total-Count": str(len(job_index))}
        return await listed_answer(request, job_index.listed(span_of(query)), headers=headers)
    _check(query)
    if query.plain:
        names, total = job_index.names, len(job_index)
    else:
        jobs = list(job_index) if not query.state else await _in_state(request, query.state)
        found = await request.app[SLICES].run(matching(jobs, query))
        # A job may have been deleted meanwhile.
        known = (job for job in found if job_index.get(job.name) is not None)
        names = [job.name for job in in_order(known, query, due=job_index.due)]
        total = len(names)
    headers = {"X-Total-Count": str(total)}
    page = sliced(names, query)
    # Rendered while they are sent. A job may be deleted until then.
    items = (job_index.json(name) async for name in in_turns(page) if job_index.get(name) is not None)
    if query.fields:
        health_index = await tenant_of(request).health_index.by_names(page) if STATES in query.fields else {}
        now = request.app[CLOCK]()
        words = {name: each.words_at(now) for name, each in health_index.items()}
        project = partial(_projected, job_index=job_index, fields=query.fields, words=words)
        items = _in_slices(request.app[SLICES], page, project)
    return await list_answer(request, items, headers=headers)


def _query_of(request: web.Request) -> tuple[JobQuery, bool]:
    """Return the query of a list, and whether the answer should be indented."""
    text = request.rel_url.raw_query_string
    if not text:
        return EVERYTHING, False
    return _read_short(text) if len(text) <= SHORT else _read(request.query)


@lru_cache(maxsize=128)
def _read_short(text: str) -> tuple[JobQuery, bool]:
    """Pages ask for the same few lists again and again, and parsing takes as long as the answer."""
    return _read(URL.build(query_string=text, encoded=True).query)


def _read(query: Mapping[str, str]) -> tuple[JobQuery, bool]:
    return read_query(query.items()), "pretty" in query


def _check(query: JobQuery) -> None:
    """Raise `ApiError`, 400, for a query that cannot be meant."""
    for given, known, what in (((query.state,), (*COUNTED, SLOW), "state"), (query.fields, SHOWN, "fields")):
        unknown = [each for each in given if each and each not in known]
        if unknown:
            text = f"{what}: {quoted(unknown[0])} is not known; use {', '.join(known)}"
            raise ApiError(HTTPStatus.BAD_REQUEST, text)


async def _in_state(request: web.Request, state: str) -> list[Job]:
    tenant, now = tenant_of(request), request.app[CLOCK]()
    if state == SLOW:
        return await request.app[SLICES].run(_slow(tuple(tenant.job_index), now))
    found = await tenant.health_index.all_by_name()
    named = (job for job in tenant.job_index if job.name in found)
    return [job for job in named if state in found[job.name].words_at(now)]


def _slow(jobs: Sequence[Job], now: datetime) -> Steps[list[Job]]:
    """Return the jobs whose newest attempt is longer than usual. Only a list of them asks: it reads all executions."""
    found = []
    for job in jobs:
        yield
        if is_slow(job.raw_status, now):
            found.append(job)
    return found


async def _in_slices(
    slices: Slices, names: Sequence[str], project: Callable[[Sequence[str]], Steps[list[bytes]]]
) -> AsyncGenerator[bytes]:
    """Yield the jobs as `project` renders some of them."""
    for begin in range(0, len(names), TURN):
        for each in await slices.run(project(names[begin : begin + TURN])):
            yield each


def _projected(
    names: Sequence[str], job_index: JobIndex, fields: Sequence[str], words: Mapping[str, Sequence[str]]
) -> Steps[list[bytes]]:
    """Return these fields of the jobs, in their order."""
    found = []
    demanded = [(field, show) for field, show in DEMANDED.items() if field in fields]
    for name in names:
        yield
        known = job_index.get(name)
        if known is None:
            continue
        job = from_json(job_index.json(name))
        job[STATES] = words.get(name, [])
        job |= {field: show(known) for field, show in demanded}
        found.append(gojson.encode({field: job[field] for field in fields if field in job}))
    return found


async def show_job(request: web.Request) -> web.StreamResponse:
    """GET /v1/jobs/{job}."""
    job = job_of(request)
    job_index = tenant_of(request).job_index
    tag = etag(job, job_index.children(job.name))
    if is_known(request, tag):
        return web.Response(status=HTTPStatus.NOT_MODIFIED, headers={"ETag": tag})
    return json_answer(request, job_index.json(job.name), headers={"ETag": tag})


async def show_details(request: web.Request) -> web.StreamResponse:
    """GET /v1/jobs/{job}/details. Without the right to list jobs, a caller sees only the nearest relatives."""
    job, grant = job_of(request), request[GRANT]
    job_index = tenant_of(request).job_index
    sees_all = await grant.has(grant.where.to_list())
    family, more = relatives(job, known=job_index.get, children=job_index.children)
    if not sees_all:
        near = {job.name, *job.parents, *job_index.children(job.name)}
        family, more = [each for each in family if each.name in near], False
    return json_answer(request, details(job, family, more=more))


async def save_job(request: web.Request) -> web.StreamResponse:
    """POST and PATCH /v1/jobs: create the job, or replace it entirely."""
    refuse_if_paused(request)
    return await _save(request, await read_job(request))


async def save_named_job(request: web.Request) -> web.StreamResponse:
    """PUT /v1/jobs/{job}: create or replace the job named in the path."""
    refuse_if_paused(request)
    require_ready(request)
    path, grant = request.match_info["job"], request[GRANT]
    # The body is parsed only for callers who may save this job.
    await grant.require(_saving(request, path, exists=tenant_of(request).job_index.get(path) is not None))
    body = await read_job(request)
    if body.name != path:
        text = f"the path names the job {quoted(path)}, but the body names {quoted(body.name)}; use one name in both"
        raise ApiError(HTTPStatus.BAD_REQUEST, text)
    return await _save(request, body)


async def toggle_job(request: web.Request) -> web.StreamResponse:
    """POST /v1/jobs/{job}/toggle."""
    tenant = tenant_of(request)
    job = await tenant.writes.toggle(job_of(request), terms_of(request))
    headers = {"Location": public_path(request, str(request.rel_url)), "ETag": etag(job)}
    return json_answer(request, tenant.job_index.json(job.name), headers=headers)


async def delete_job(request: web.Request) -> web.StreamResponse:
    """DELETE /v1/jobs/{job}: responds with the deleted job."""
    job, tenant = job_of(request), tenant_of(request)
    job_index = tenant.job_index
    children = job_index.children(job.name)
    if children:
        names = ", ".join(f'"{name}"' for name in children[:10]) + (" …" if len(children) > 10 else "")  # noqa: PLR2004
        raise ApiError(HTTPStatus.CONFLICT, f'other jobs depend on "{job.name}": {names}; delete them first')
    shown = job_index.json(job.name)
    deleted = await tenant.writes.delete(job, terms_of(request))
    return json_answer(request, shown if deleted is job else job_index.render(deleted))


def refuse_if_paused(request: web.Request) -> None:
    """Raise `ApiError`, 503, while the installation is paused (Dkron behaviour §1.8)."""
    clusters = request.app[CLUSTERS]
    if not clusters.ready and not clusters.trouble:
        raise unavailable("not ready yet: the DkronCluster is still being read")
    if is_paused(clusters.by_name(INSTALLATION)):
        text = "the installation is paused and accepts no new or changed jobs; POST /v1/unpause ends the pause"
        raise ApiError(HTTPStatus.SERVICE_UNAVAILABLE, text)


async def read_job(request: web.Request) -> JobBody:
    """Return the job in the body, checked except for its parent. Raises `ApiError`, 400."""
    data = await body_of(request)
    with refusing(Unreadable, text="the job cannot be parsed: {}."):
        body = read_body(data)
    with refusing(Invalid, text="the job is not valid: {}."):
        check(body)
    foreign = ignored(body) if request.app[SETTINGS].strict else ""
    if foreign:
        text = f"the job is not valid: {foreign.replace('ignored', 'refused', 1)}."
        raise ApiError(HTTPStatus.BAD_REQUEST, text)
    return body


def require_parent(job_index: JobIndex, body: JobBody) -> None:
    """Raise `ApiError`, 404 or 400, unless the parent exists and is no descendant of the job, which Dkron allows (Dkron
    behaviour §2.4)."""
    name, parent, parents_of = body.name, body.parent_job, job_index.parents
    if not parent:
        return
    if parents_of(parent) is None:
        raise ApiError(HTTPStatus.NOT_FOUND, f"the parent job {quoted(parent)} does not exist; create it first")
    way = circle(name, lambda each: (parent,) if each == name else parents_of(each) or ())
    if way:
        text = f"the job is not valid: the job would run after itself: {' → '.join(way)}."
        raise ApiError(HTTPStatus.BAD_REQUEST, text)


async def _save(request: web.Request, body: JobBody) -> web.StreamResponse:
    require_ready(request)
    tenant = tenant_of(request)
    await _permit(request, body, tenant.job_index.get(body.name))
    require_parent(tenant.job_index, body)
    wanted = "runoncreate" in request.query and (not body.disabled or body.parent_job)
    run = request_of(request) if wanted else None
    annotations = None if run is None else dict([run.annotation])
    strict = wants_strict(request.headers.getall("Prefer", ()))
    verdict = Judged()

    async def permit(known: Job | None, wanted: Object) -> None:
        nonlocal verdict
        await _permit(request, body, known)
        verdict = judged(wanted, body.name)
        if strict and verdict.faults:
            raise ApiError(HTTPStatus.BAD_REQUEST, f"the job is not valid: {'; '.join(verdict.faults)}.")

    job, _ = await tenant.writes.upsert(body, terms_of(request), annotations=annotations, permit=permit)
    if run is not None:
        tenant.asked.record(job, run)
    path = f"{base_of(request)}/v1/jobs/{quote(body.name, safe='')}"
    headers = {"Location": public_path(request, path), "ETag": etag(job)}
    headers |= {"Preference-Applied": STRICT} if strict else {}
    warnings = (ignored(body), *verdict.warnings, without_node(request.app, body.tags or {}))
    return json_answer(request, echo(body, job), status=HTTPStatus.CREATED, headers=headers | header(warnings))


def _saving(request: web.Request, name: str, *, exists: bool) -> Need:
    """Return the permission to save the job of this name. The audit log names it, too."""
    saving = request[GRANT].where.to_save(name, exists=exists)
    request[NEED] = saving
    return saving


async def _permit(request: web.Request, body: JobBody, known: Job | None) -> None:
    """Raise `ApiError`, 403, unless the caller may save this job: as it is, with what else the request asks for, with
    the Secrets that it names, and with the template that it keeps. Then 404 unless its namespace is served."""
    grant, where = request[GRANT], request[GRANT].where
    needs = [_saving(request, body.name, exists=known is not None)]
    if flag(request, "force"):
        needs.append(where.to_force(body.name))
    if "runoncreate" in request.query:
        needs.append(where.to_run(body.name))
    decides_template = has_template(body, None if known is None else known.raw["spec"])
    await grant.require(*needs, *where.to_use(secrets_named(body), has_template=decides_template))
    require_served(request)


ROUTES = (
    web.get("/v1/jobs", list_jobs, allow_head=False),
    web.post("/v1/jobs", save_job),
    web.patch("/v1/jobs", save_job),
    web.get("/v1/jobs/{job}", show_job, allow_head=False),
    web.get("/v1/jobs/{job}/details", show_details, allow_head=False),
    web.put("/v1/jobs/{job}", save_named_job),
    web.delete("/v1/jobs/{job}", delete_job),
    web.post("/v1/jobs/{job}/toggle", toggle_job),
)
