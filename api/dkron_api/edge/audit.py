"""The audit log: one line for each change that was asked for, and for each request that was refused."""

from http import HTTPStatus

from aiohttp import web

from dkron_api.auth.guard import Grant
from dkron_api.edge.access import AccessLog, cut
from dkron_api.edge.addresses import address_of
from dkron_api.edge.admission import GRANT, NEED, READS, caller_of
from dkron_crds.schedule.errors import printable

LOGGER = "dkron_api.audit"
REFUSALS = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.MISDIRECTED_REQUEST})


def audit(log: AccessLog, request: web.Request, status: int, request_id: str) -> None:
    """Write the line about this request, if it needs one: without token, body and query, which may hold secrets."""
    refused = status in REFUSALS
    if request.method in READS and not refused:
        return
    grant, need = request.get(GRANT), request.get(NEED)
    fields: dict[str, object] = {
        "request": request_id,
        "caller": caller_of(request),
        "how": "" if grant is None else grant.caller.how,
        "remote": address_of(request),
        "decision": _decision(grant, refused=refused),
        "status": status,
    }
    if need is not None:
        right = need.right
        fields |= {"verb": right.verb, "resource": right.resource, "object": right.name, "namespace": right.namespace}
    log.write(f"{request.method} {cut(printable(request.path))} {fields['decision']}", fields)


def _decision(grant: Grant | None, *, refused: bool) -> str:
    """Return the decision. A request that cannot be read is answered before a right is asked for."""
    if refused:
        return "refused"
    return "undecided" if grant is not None and not grant.asked else "allowed"
