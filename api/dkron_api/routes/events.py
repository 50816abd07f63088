"""GET /v1/events: changes as server-sent events. An addition to Dkron's API."""

import asyncio
from http import HTTPStatus

from aiohttp import web
from aiohttp_sse import EventSourceResponse

from dkron_api.edge.admission import GRANT, NEED, open_answer
from dkron_api.edge.keys import TENANTS
from dkron_api.edge.places import Place
from dkron_api.edge.urls import tenant_of
from dkron_api.refusal import ApiError
from dkron_api.routes.requests import require_ready
from dkron_api.stream.subscription import Interest, Subscription
from dkron_api.translate.events import Topic
from dkron_crds.schedule.errors import quoted

HEARTBEAT = 15.0
"""Seconds between two heartbeat comments. They keep proxies from closing the connection, and reveal when a client has
left."""
STALL = 30.0
"""Seconds after which a client that reads nothing is disconnected. It can resume where it was."""
FAREWELL = 1.0
"""Seconds to finish a pending write when a stream ends."""
TYPES = (Topic.JOB, Topic.EXECUTION, Topic.LEADER)


async def events(request: web.Request) -> web.StreamResponse:
    """Send the events that the client missed, then new ones, until it disconnects, the server stops, or another owner
    needs the place. An `EventSource` then comes back."""
    require_ready(request)
    interest = interest_of(request)
    last_id = request.headers.get("Last-Event-ID") or request.query.get("last_event_id", "")
    event_log = tenant_of(request).event_log
    with open_answer(request) as place:
        subscription = event_log.subscribe(interest, last_id)
        try:
            return await _serve(request, subscription, place)
        finally:
            event_log.unsubscribe(subscription)


def interest_of(request: web.Request) -> Interest:
    """Parse `?types=job,execution` and `?job=name`, each of which may be repeated. Raises `ApiError`, 400."""
    jobs = frozenset(filter(None, request.query.getall("job", []))) or None
    asked = [name.strip() for text in request.query.getall("types", []) for name in text.split(",")]
    names = list(filter(None, asked)) or [topic for topic in TYPES if jobs is None or topic is not Topic.LEADER]
    unknown = [name for name in names if name not in TYPES]
    if unknown:
        text = f"types: {quoted(unknown[0])} is not an event type; use {', '.join(TYPES)}, separated by commas"
        raise ApiError(HTTPStatus.BAD_REQUEST, text)
    return Interest(frozenset(map(Topic, names)), jobs)


async def _serve(request: web.Request, subscription: Subscription, place: Place) -> web.StreamResponse:
    response = EventSourceResponse(ping_interval=HEARTBEAT, send_timeout=STALL)
    await response.prepare(request)
    async with response:
        writer = asyncio.create_task(_write(subscription, response), name="events")
        subscription.on_close = response.stop_streaming
        try:
            async with place.while_kept(), request[GRANT].as_long_as_allowed(request.get(NEED)):
                await response.wait()
        finally:
            subscription.close()
            await _end(writer, request)
    return response


async def _write(subscription: Subscription, response: EventSourceResponse) -> None:
    """Pass on the events. The heartbeat also detects a client that has left or reads nothing."""
    try:
        while piece := await subscription.take():
            await response.write(piece)
    except ConnectionError:
        pass
    finally:
        response.stop_streaming()


async def _end(writer: asyncio.Task[None], request: web.Request) -> None:
    _, stuck = await asyncio.wait([writer], timeout=FAREWELL)
    if stuck:
        writer.cancel()
        if request.transport is not None:
            # Data that the client does not read would keep the connection open.
            request.transport.abort()


async def send_away(app: web.Application) -> None:
    """The server stops: end all streams at once, and answer waiting clients. For `on_shutdown`."""
    app[TENANTS].close()


ROUTES = (web.get("/v1/events", events, allow_head=False),)
