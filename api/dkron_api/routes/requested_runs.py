"""/v1/runs: DkronRuns, which request one run of a job each. An addition to Dkron's API."""

from aiohttp import web

from dkron_api.edge.answers import list_answer
from dkron_api.edge.keys import OBJECTS
from dkron_api.edge.urls import namespace_of
from dkron_api.jobs.objects import RUN
from dkron_api.routes.objects import answer, deleted, page_of, rendered
from dkron_api.routes.requests import terms_of
from dkron_api.translate.requested_run import show_listed, show_run


async def list_runs(request: web.Request) -> web.StreamResponse:
    """GET /v1/runs: the newest first, without their attempts."""
    found = await request.app[OBJECTS].list(RUN, namespace_of(request))
    items, headers = page_of(request, found)
    return await list_answer(request, rendered(items, show_listed), headers=headers)


async def show(request: web.Request) -> web.StreamResponse:
    """GET /v1/runs/{name}."""
    found = await request.app[OBJECTS].get(RUN, namespace_of(request), request.match_info["name"])
    return answer(request, found, show_run)


async def delete(request: web.Request) -> web.StreamResponse:
    """DELETE /v1/runs/{name}: withdraws a run that was not decided; attempts that are active go on. Responds with the
    deleted run."""
    name = request.match_info["name"]
    found = await request.app[OBJECTS].delete(RUN, namespace_of(request), name, terms_of(request))
    return deleted(request, found, show_run)


ROUTES = (
    web.get("/v1/runs", list_runs, allow_head=False),
    web.get("/v1/runs/{name}", show, allow_head=False),
    web.delete("/v1/runs/{name}", delete),
)
