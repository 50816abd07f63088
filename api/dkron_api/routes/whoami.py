"""GET /v1/whoami: who the caller is, and what they may do. An addition to Dkron's API.

User interfaces ask it, so that they offer only what the caller may do. With `?job` it is about one job, and with
`?namespaces` it also says where else the caller may list jobs. Its `last_event_id` lets them list before they follow
the events, and miss nothing in between.
"""

from aiohttp import web

from dkron_api.auth.routes import rights_to_explain
from dkron_api.edge.admission import GRANT
from dkron_api.edge.answers import json_answer
from dkron_api.edge.keys import TENANTS
from dkron_api.edge.urls import judged_base, namespace_of, require_served, tenant_of

FOLLOW = "watch dkronjobs"
MOST = 50
"""Namespaces that are named, the first by name: for each, the API server may be asked."""


async def show_caller(request: web.Request) -> web.StreamResponse:
    """Return the caller's name, and the caller's rights on routes."""
    grant = request[GRANT]
    rights = await grant.held(rights_to_explain(grant.where, request.query.get("job", "")))
    if rights:
        # Without a right there, a caller does not learn whether the namespace is served.
        require_served(request)
    caller = grant.caller
    body = {"name": caller.name, "how": caller.how, "namespace": namespace_of(request), "rights": rights}
    if FOLLOW in rights and (events := tenant_of(request).event_log).ready:
        body["last_event_id"] = str(events.position)
    if "namespaces" in request.query:
        body["namespaces"] = await _namespaces(request)
    return json_answer(request, body, headers={"Cache-Control": "no-store"})


async def _namespaces(request: web.Request) -> list[str]:
    """Return the namespaces that are served and in which the caller may list jobs. They learn of no others."""
    grant, tenants = request[GRANT], request.app[TENANTS]
    served = sorted(tenant.namespace for tenant in tenants if tenants.serves(tenant.namespace))[:MOST]
    places = {each: grant.where._replace(jobs=each, base=judged_base(request.app, each)) for each in served}
    return await grant.held({each: where.to_list() for each, where in places.items()})


ROUTES = (web.get("/v1/whoami", show_caller, allow_head=False),)
