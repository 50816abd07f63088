"""State of the installation for the handlers: the holder of its Lease, and its DkronCluster."""

from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import web

from dkron_api.cache.object_cache import ObjectCache
from dkron_api.edge.keys import CLOCK, CLUSTERS, LEASES, NODES, SETTINGS
from dkron_api.refusal import LATER, ApiError
from dkron_api.translate.members import Replica, holder
from dkron_api.translate.record import Object
from dkron_crds.lease import INSTALLATION
from dkron_crds.node_tags import lacking, read_agent


def leader(app: web.Application) -> Replica | None:
    """Return the replica that fires jobs, according to the cache."""
    return holder(app[LEASES].by_name(INSTALLATION), app[CLOCK]())


def known_leader(app: web.Application) -> Replica | None:
    """Like `leader`, but raise `ApiError`, 503, if the Leases have not been listed yet."""
    require_known(app[LEASES])
    return leader(app)


def known_cluster(app: web.Application) -> Object | None:
    """Return the DkronCluster, if there is one. Raises `ApiError`, 503, if the DkronClusters have not been listed
    yet."""
    require_known(app[CLUSTERS])
    return app[CLUSTERS].by_name(INSTALLATION)


def without_node(app: web.Application, tags: Mapping[str, str]) -> str:
    """Return why no node fits a job with these tags now; empty if one fits, or if the nodes are unknown."""
    nodes, own = app[NODES], app[SETTINGS].own_tags()
    if not tags or not nodes.ready or nodes.trouble:
        return ""
    return lacking(tags, (read_agent(node, own) for node in nodes))


def require_known(mirror: ObjectCache[Object]) -> None:
    """Raise `ApiError`, 503, until a complete list has been read."""
    if not mirror.ready:
        why = mirror.trouble or f"the {mirror.kind} are still being read"
        raise ApiError(HTTPStatus.SERVICE_UNAVAILABLE, f"not ready yet: {why}", {"Retry-After": LATER})
