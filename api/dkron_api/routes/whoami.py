"""GET /v1/whoami: who the caller is, and what they may do. An addition to Dkron's API.

User interfaces ask it, so that they offer only what the caller may do. With `?job` it is about one job.
"""

from aiohttp import web

from dkron_api.answer import json_answer
from dkron_api.auth.routes import rights_to_tell
from dkron_api.edge.admission import GRANT
from dkron_api.edge.tenancy import namespace_of, require_served


async def show_caller(request: web.Request) -> web.StreamResponse:
    """Return the caller's name, and those of the rights of the routes that they have."""
    grant = request[GRANT]
    rights = await grant.held(rights_to_tell(grant.where, request.query.get("job", "")))
    if rights:
        # Without a right there, a caller does not learn whether the namespace is served.
        require_served(request)
    caller = grant.caller
    body = {"name": caller.name, "how": caller.how, "namespace": namespace_of(request), "rights": rights}
    return json_answer(request, body, headers={"Cache-Control": "no-store"})


ROUTES = (web.get("/v1/whoami", show_caller, allow_head=False),)
