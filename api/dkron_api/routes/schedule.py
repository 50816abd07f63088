"""GET /v1/jobs/{job}/next and POST /v1/schedule/preview: coming slots. Additions to Dkron's API."""

import asyncio

from aiohttp import web

from dkron_api.edge.answers import json_answer
from dkron_api.edge.keys import CLOCK
from dkron_api.refusal import refusing
from dkron_api.routes.bodies import body_of
from dkron_api.routes.requests import job_of
from dkron_api.translate.forecast import Forecast, Unclear, count_of, forecast, preview

TURN = 50
"""Number of slots after which other requests may run."""


async def next_slots(request: web.Request) -> web.StreamResponse:
    """Return the next slots of a job, `?count` of them."""
    job = job_of(request)
    with refusing(Unclear):
        count = count_of(request.query.get("count"))
    return await _answer(request, forecast(job, now=request.app[CLOCK](), count=count))


async def try_schedule(request: web.Request) -> web.StreamResponse:
    """Return the slots that a schedule would have. Needs neither a job nor the cluster."""
    body = await body_of(request)
    with refusing(Unclear):
        told = preview(body, now=request.app[CLOCK]())
    return await _answer(request, told)


async def _answer(request: web.Request, told: Forecast) -> web.StreamResponse:
    found = []
    for slot in told.slots:
        found.append(slot)
        if len(found) % TURN == 0:
            await asyncio.sleep(0)
    return json_answer(request, {"next": found, "words": told.words, "clock_changes": told.clock_changes})


ROUTES = (
    web.get("/v1/jobs/{job}/next", next_slots, allow_head=False),
    web.post("/v1/schedule/preview", try_schedule),
)
