"""The installation in Dkron's terms: status, members, leader, leave, pause (Dkron behaviour §1.3, §1.8).

Leave and pause are requests, written to the Lease and the DkronCluster. The operator's replicas and the job routes
read them there.
"""

from http import HTTPStatus

from aiohttp import web

from dkron_api.edge.answers import json_answer
from dkron_api.edge.keys import CLOCK, CLUSTERS, KUBE, LEASES, NODES, SETTINGS
from dkron_api.edge.urls import flag, tenant_of
from dkron_api.metrics import VERSION
from dkron_api.refusal import ApiError
from dkron_api.routes.installation import known_cluster, known_leader, leader
from dkron_api.routes.requests import require_ready
from dkron_api.translate.members import holder, leader_of, leaving, members, remaining
from dkron_api.translate.record import Object
from dkron_api.translate.status import Agent, running, status
from dkron_crds.lease import INSTALLATION, leave_annotation
from dkron_kube.errors import NotFound
from dkron_kube.paths import DKRON_CLUSTERS
from dkron_kube.paths import LEASES as LEASES_PATH

NO_OTHER_REPLICA = (
    "no other replica of the operator is active, so no job would run after this one leaves; "
    "add ?force=true to leave anyway"
)

APART = (
    "no operator runs beside this API; to hand over to another replica, delete the operator's pod that GET /v1/leader "
    "names"
)

ABSENT = "there is no DkronCluster dkron in namespace {}; the operator creates it when it starts"


async def show_status(request: web.Request) -> web.StreamResponse:
    """GET /v1."""
    require_ready(request)
    app, leading = request.app, leader(request.app)
    tenant, nodes = tenant_of(request), app[NODES]
    job_index = tenant.job_index
    agent = Agent(
        name=app[SETTINGS].node_name,
        version=VERSION,
        namespace=tenant.namespace,
        leader="" if leading is None else leading.identity,
        members=len(members(nodes, leading, app[SETTINGS].own_tags())),
        jobs=len(job_index),
        active=running(job_index),
        cache_age=job_index.mirror.age(),
        tags=app[SETTINGS].own_tags(),
    )
    return json_answer(request, status(agent))


async def list_members(request: web.Request) -> web.StreamResponse:
    """GET /v1/members. Without permission to list Nodes it shows only the operator."""
    nodes, own = request.app[NODES], request.app[SETTINGS].own_tags()
    found = members(nodes, leader(request.app), own)
    return json_answer(request, found, headers={"X-Total-Count": str(len(found))})


async def show_leader(request: web.Request) -> web.StreamResponse:
    """GET /v1/leader. Without a leader the response is Dkron's own, which clients know."""
    leading = known_leader(request.app)
    if leading is None:
        return web.Response(
            status=HTTPStatus.INTERNAL_SERVER_ERROR, body=b"null", headers={"Content-Type": "text/plain"}
        )
    return json_answer(request, leader_of(leading, request.app[SETTINGS].own_tags()))


async def is_leader(request: web.Request) -> web.StreamResponse:
    """GET /v1/isleader: whether the operator next to this process leads. For load balancers."""
    leading = known_leader(request.app)
    if leading is None or leading.identity != request.app[SETTINGS].node_name:
        return json_answer(request, "I am a follower", status=HTTPStatus.NOT_FOUND)
    return json_answer(request, "I am a leader")


async def leave(request: web.Request) -> web.StreamResponse:
    """POST /v1/leave: the operator of this name releases the Lease, and does not take it again before its next
    start. Without another replica that would end all runs, so it takes `?force`. An API in a pod of its own has no such
    operator: no replica would read the request."""
    app, now = request.app, request.app[CLOCK]()
    if not app[SETTINGS].beside_operator:
        raise ApiError(HTTPStatus.CONFLICT, APART)
    identity = app[SETTINGS].node_name
    if not flag(request, "force"):
        _require_another(app, identity)
    body = {"metadata": {"annotations": dict([leave_annotation(identity, now)])}}
    try:
        lease = await app[KUBE].patch(LEASES_PATH, app[SETTINGS].cluster_namespace, INSTALLATION, body)
    except NotFound:
        return json_answer(request, [])
    app[LEASES].upsert(lease)
    return json_answer(request, remaining(holder(lease, now), identity, app[SETTINGS].own_tags()))


async def show_pause(request: web.Request) -> web.StreamResponse:
    """GET /v1/pause."""
    return json_answer(request, {"paused": is_paused(known_cluster(request.app))})


async def pause(request: web.Request) -> web.StreamResponse:
    """POST /v1/pause: reject new and changed jobs from now on."""
    return await _set_paused(request, paused=True)


async def unpause(request: web.Request) -> web.StreamResponse:
    """POST /v1/unpause: accept new and changed jobs again."""
    return await _set_paused(request, paused=False)


def _require_another(app: web.Application, identity: str) -> None:
    """Raise `ApiError`, 409, unless the operator has another replica than `identity` that stays: one holds the Lease,
    or the DkronCluster counts several."""
    cluster, leading = known_cluster(app), known_leader(app)
    replicas = 0 if cluster is None else (cluster.get("status") or {}).get("replicas") or 0
    going = leaving(app[LEASES].by_name(INSTALLATION), app[CLOCK]()) | {identity}
    if replicas <= len(going) and (leading is None or leading.identity in going):
        raise ApiError(HTTPStatus.CONFLICT, NO_OTHER_REPLICA)


def is_paused(cluster: Object | None) -> bool:
    """Whether a DkronCluster is paused. Without one, nothing is."""
    return cluster is not None and bool((cluster.get("spec") or {}).get("paused"))


async def _set_paused(request: web.Request, *, paused: bool) -> web.StreamResponse:
    app, spec = request.app, {"spec": {"paused": paused}}
    home = app[SETTINGS].cluster_namespace
    try:
        cluster = await app[KUBE].patch(DKRON_CLUSTERS, home, INSTALLATION, spec)
    except NotFound as missing:
        raise ApiError(HTTPStatus.NOT_FOUND, ABSENT.format(home)) from missing
    app[CLUSTERS].upsert(cluster)
    return json_answer(request, {"paused": is_paused(cluster)})


ROUTES = (
    web.get("/v1", show_status, allow_head=False),
    web.get("/v1/", show_status, allow_head=False),
    web.get("/v1/members", list_members, allow_head=False),
    web.get("/v1/leader", show_leader, allow_head=False),
    web.get("/v1/isleader", is_leader, allow_head=False),
    web.post("/v1/leave", leave),
    web.get("/v1/pause", show_pause, allow_head=False),
    web.post("/v1/pause", pause),
    web.post("/v1/unpause", unpause),
)
