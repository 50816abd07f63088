"""The installation in Dkron's terms: status, members, leader, leave, pause (Dkron behaviour §1.3, §1.8).

Leave and pause are requests, written to the Lease and the DkronCluster. The operator's replicas and the job routes
read them there.
"""

from collections.abc import Mapping
from functools import partial
from http import HTTPStatus

from aiohttp import web

from dkron_api.cache.object_cache import ObjectCache
from dkron_api.edge.answers import json_answer
from dkron_api.edge.keys import CLOCK, CLUSTERS, KUBE, LEASES, NODES, SETTINGS, SLICES
from dkron_api.edge.urls import flag, tenant_of
from dkron_api.metrics import VERSION
from dkron_api.refusal import ApiError, unavailable
from dkron_api.routes.requests import require_ready
from dkron_api.translate.members import Replica, holder, leader_of, leaving, members, remaining
from dkron_api.translate.record import Object
from dkron_api.translate.status import Agent, running, status
from dkron_crds.lease import INSTALLATION, leave_annotation
from dkron_crds.node_tags import lacking, read_agent
from dkron_kube.errors import NotFound
from dkron_kube.paths import DKRON_CLUSTERS
from dkron_kube.paths import LEASES as LEASES_PATH


def leader(app: web.Application) -> Replica | None:
    """Return the replica that fires jobs, according to the cache."""
    return holder(app[LEASES].by_name(INSTALLATION), app[CLOCK]())


def known_leader(app: web.Application) -> Replica | None:
    """Like `leader`, but raise `ApiError`, 503, if the Leases have not been listed yet."""
    require_known(app[LEASES])
    return leader(app)


def known_cluster(app: web.Application) -> Object | None:
    """Return the DkronCluster, if there is one. Raises `ApiError`, 503, until the DkronClusters are listed."""
    require_known(app[CLUSTERS])
    return app[CLUSTERS].by_name(INSTALLATION)


def without_node(app: web.Application, tags: Mapping[str, str]) -> str:
    """Return why no node fits a job with these tags now; empty if one fits, or if the nodes are unknown."""
    nodes, own = app[NODES], app[SETTINGS].own_tags()
    if not tags or not nodes.ready or nodes.trouble:
        return ""
    return lacking(tags, (read_agent(node, own) for node in nodes))


def require_known(object_cache: ObjectCache[Object]) -> None:
    """Raise `ApiError`, 503, until a complete list has been read."""
    if not object_cache.ready:
        why = object_cache.trouble or f"the {object_cache.kind} are still being read"
        raise unavailable(f"not ready yet: {why}")


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
        active=await app[SLICES].run(running(tuple(job_index))),
        cache_age=job_index.object_cache.age(),
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


async def set_paused(request: web.Request, *, paused: bool) -> web.StreamResponse:
    """POST /v1/pause and /v1/unpause: reject new and changed jobs from now on, or accept them again."""
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
    web.post("/v1/pause", partial(set_paused, paused=True)),
    web.post("/v1/unpause", partial(set_paused, paused=False)),
)
