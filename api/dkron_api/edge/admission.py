"""Lets a request in: for a name of ours, from a known caller, who has the right that its route needs."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from http import HTTPStatus

from aiohttp import web

from dkron_api.auth.caller import ANYBODY, Caller, Need, Owner, Right, owner
from dkron_api.auth.guard import Grant, Guard
from dkron_api.auth.routes import IDENTIFIED, JOBS, NO_RESOURCE, PUBLIC, Namespaces, route_right
from dkron_api.edge.addresses import address_of, block_of
from dkron_api.edge.gate import Gate
from dkron_api.edge.keys import GATE, SETTINGS, TENANTS
from dkron_api.edge.places import Place
from dkron_api.edge.urls import PREFIX, flag, judged_base, require_served
from dkron_api.refusal import ApiError
from dkron_crds.policy import Capability

READS = frozenset({"GET", "HEAD", "OPTIONS"})
GUARD = web.AppKey("GUARD", Guard)
GRANT = web.RequestKey("GRANT", Grant)
OWNER = web.RequestKey("OWNER", Owner)
NEED = web.RequestKey("NEED", Need)
"""The need of the route; absent if only the caller matters."""
BODY = web.RequestKey("BODY", int)
"""Bytes of the body that were counted."""

NO_RULE = ApiError(HTTPStatus.FORBIDDEN, "no permission covers this route")


async def admit(request: web.Request) -> Grant | None:
    """Return the rights of the caller; None for routes that are open to everybody. Raises `ApiError`: 401, 403, 503, or
    404 for a namespace that is not served.

    Rights that only the body tells are asked for by the handler, which then calls `require_served`.
    """
    template = template_of(request).removeprefix(PREFIX)
    if template in PUBLIC:
        request.app[GATE].spend(owner_of(request))
        return None
    app, block, headers = request.app, block_of(request), request.headers
    guard, where = app[GUARD], _namespaces(request, app)
    caller = guard.recall(headers) or await _identified(app[GATE], guard, headers, block)
    request[OWNER] = known = owner(caller, block)
    app[GATE].spend(known, caller.name)
    grant = request[GRANT] = Grant(guard, caller, where, headers, block)
    entry = route_right(request.method, template)
    need = None
    if template in IDENTIFIED:
        grant.asked = True
    elif template in NO_RESOURCE:
        need = Need(Right(request.method.lower(), path=request.path), request.path, Capability.READ)
    elif entry is None:
        raise NO_RULE
    elif guard.asks or request.method not in READS:
        need = entry.need(request.match_info, where)
    else:
        # Without authentication, a caller may read everything.
        grant.asked = True
        require_served(request)
    if need is not None:
        request[NEED] = need
        if entry is None or not entry.by_body:
            await grant.require(need)
            require_served(request)
            request[OWNER] = owner(caller, block, request.match_info.get("namespace", ""))
    of_jobs = entry is None or (entry.resource.startswith(JOBS) and not entry.by_body)
    if of_jobs and request.method not in READS and flag(request, "force"):
        # A body may name many jobs, so the right is to force any, unless the path names one.
        await grant.require(where.to_force(request.match_info.get("job", "")))
    return grant


async def _identified(gate: Gate, guard: Guard, headers: Mapping[str, str], block: str) -> Caller:
    """Return the sender. The request counts for the address, too, unless the token is known."""
    if not guard.knows(headers):
        gate.spend(owner(ANYBODY, block))
    return await guard.identify(headers, block)


def charge_body(request: web.Request, size: int) -> None:
    """Count a body of so many bytes, before it is parsed, for the one for whom the request counts."""
    request[BODY] = size
    _charge(request, size)


def refund_body(request: web.Request) -> None:
    """Take the body back out of the count: the request had an effect, and the caller has the right to it."""
    size = request.get(BODY, 0)
    if size and NEED in request:
        _charge(request, -size)


def _charge(request: web.Request, size: int) -> None:
    # As for `spend`: a body does not use up the rate of the namespace that its path names.
    caller = request[GRANT].caller if GRANT in request else ANYBODY
    request.app[GATE].charge(owner(caller, block_of(request)), size)


def open_answer(request: web.Request) -> AbstractContextManager[Place]:
    """Count an answer that stays open in a place of its owner, until another one needs it. Raises `ApiError`, 503."""
    gate = request.app[GATE]
    return gate.wait(gate.streams, owner_of(request))


def aside(request: web.Request) -> AbstractContextManager[None]:
    """Count no request in progress while this one waits for a moment, or while its client reads the answer."""
    return request.app[GATE].aside(owner_of(request))


@contextmanager
def long_answer(request: web.Request, held: int) -> Iterator[Callable[[int], None]]:
    """Count an answer that is rendered while it is sent, and yield a function that records the bytes that it holds.
    Raises `ApiError`, 503."""
    unsent = request.app[GATE].unsent
    with unsent.stream(owner_of(request), partial(break_off, request), held) as answer:
        yield partial(unsent.hold, answer)


@contextmanager
def whole_answer(request: web.Request, size: int) -> Iterator[Callable[[int], None]]:
    """Count an answer of so many bytes until its last one is sent, and yield a function that records another number."""
    unsent = request.app[GATE].unsent
    with unsent.answer(owner_of(request), partial(break_off, request), size) as answer:
        yield partial(unsent.hold, answer)


def break_off(request: web.Request) -> None:
    """Close the connection, whatever the client has not read."""
    if request.transport is not None:
        request.transport.abort()


def owner_of(request: web.Request) -> Owner:
    """Return for whom limits count a request. Before its caller is known, that is the address."""
    return request.get(OWNER) or owner(ANYBODY, block_of(request))


def requester(request: web.Request) -> str:
    """Return the requester as runs and stops record it: the caller or, without authentication, the address."""
    return caller_of(request) or f"rest from {address_of(request)}"


async def may_read(request: web.Request, job: str) -> bool:
    """Whether the caller may read this job: a right to run or to stop it shows nothing of it."""
    grant = request[GRANT]
    return await grant.has(grant.where.to_read(job))


async def may_read_logs(request: web.Request, job: str, *, each: bool = False) -> bool:
    """Whether the caller may see more of the job's outputs than its records keep; `each` is as for `to_read_logs`."""
    grant = request[GRANT]
    return await grant.has(grant.where.to_read_logs(job, each=each))


def template_of(request: web.Request) -> str:
    """Return the route rather than the path, so that job names do not become time series; `unknown` without one."""
    resource = request.match_info.route.resource
    return "unknown" if resource is None else resource.canonical


def caller_of(request: web.Request) -> str:
    """Return the name of the caller; empty without authentication."""
    grant = request.get(GRANT)
    return "" if grant is None else grant.caller.name


def _namespaces(request: web.Request, app: web.Application) -> Namespaces:
    tenants = app[TENANTS]
    namespace = request.match_info.get("namespace") or tenants.own.namespace
    return Namespaces(
        jobs=namespace,
        home=app[SETTINGS].cluster_namespace,
        base=judged_base(app, namespace),
        object_of=partial(tenants.object_of, namespace),
    )
