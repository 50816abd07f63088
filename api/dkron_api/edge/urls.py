"""The URL of a request: its namespace, the path of an Ingress, switches in its query.

`/v1/…` means the service's own namespace, `/ns/NAMESPACE/v1/…` any that is served. The path of an Ingress is taken
away before the router and everything after see a request, so that rights and policies are about the same paths
everywhere. A request without it is answered too: probes and clients in the cluster come without the Ingress.
"""

from collections.abc import Iterable, Iterator
from http import HTTPStatus

from aiohttp import web

from dkron_api.edge.keys import TENANTS
from dkron_api.refusal import ApiError
from dkron_api.tenants.tenants import Tenant
from dkron_crds.names import NAMESPACE_PATTERN
from dkron_crds.schedule.errors import quoted

# A name that no namespace can have leads to no route, so that nothing of it reaches the API server or a cache.
_PATH = f"/ns/{{namespace:{NAMESPACE_PATTERN}}}"
PREFIX = "/ns/{namespace}"
"""How templates of routes below the prefix begin."""
TENANT = web.RequestKey("TENANT", Tenant)


def below_prefix(routes: Iterable[web.RouteDef]) -> Iterator[web.RouteDef]:
    """Yield the same routes below the prefix. Those outside of `/v1` are about the process, and exist once."""
    for route in routes:
        if is_of_a_namespace(route.path):
            yield web.RouteDef(route.method, _PATH + route.path, route.handler, route.kwargs)


def is_of_a_namespace(path: str) -> bool:
    """Whether the route of this template exists for each namespace."""
    return path == "/v1" or path.startswith("/v1/")


def base_of(request: web.Request) -> str:
    """Return the part before `/v1` in the path of the request: empty, or `/ns/NAMESPACE`."""
    namespace = request.match_info.get("namespace")
    return "" if namespace is None else f"/ns/{namespace}"


def judged_base(app: web.Application, namespace: str) -> str:
    """Return the part before `/v1` in the paths that policies judge: the own namespace has one path, though two lead
    there."""
    return "" if namespace == app[TENANTS].own.namespace else f"/ns/{namespace}"


def namespace_of(request: web.Request) -> str:
    """Return the namespace that the path means, whether it is served or not."""
    return request.match_info.get("namespace") or request.app[TENANTS].own.namespace


def require_served(request: web.Request) -> None:
    """Raise `ApiError`, 404, unless the namespace is served. Ask for a right there first: others must not learn it."""
    namespace = request.match_info.get("namespace")
    if namespace is not None and not request.app[TENANTS].serves(namespace):
        text = f"the namespace {quoted(namespace)} is not served here; see --namespaces"
        raise ApiError(HTTPStatus.NOT_FOUND, text)


def tenant_of(request: web.Request) -> Tenant:
    """Return the tenant of the request's namespace. The request keeps it alive."""
    tenants, namespace = request.app[TENANTS], request.match_info.get("namespace")
    if namespace is None:
        return tenants.own
    tenant = request.get(TENANT)
    if tenant is None:
        tenant = request[TENANT] = tenants.get(namespace)
    return tenant


ROOT = web.RequestKey("ROOT", str)
"""The path that was taken away from this request; absent if none was."""


def public_path(request: web.BaseRequest, path: str) -> str:
    """Return a path of this service as the client of the request has to ask for it."""
    root: str = request.get(ROOT, "")
    return root + path


_TRUE = frozenset({"", "1", "true"})


def flag(request: web.Request, name: str) -> bool:
    """Whether a query parameter is on: `?name`, `?name=1` or `?name=true`."""
    return request.query.get(name, "false").lower() in _TRUE
