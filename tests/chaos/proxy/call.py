"""A request to the API server: a verb and an object, as RBAC names them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_OBJECTS_OF_A_NAMESPACE = ("status", "finalize")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """`verb` is empty for a path that is no resource: `/version`, `/openapi/…`, `/apis` and the like."""

    verb: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    dry: bool = False
    """A dry run changes nothing."""

    @property
    def kind(self) -> str:
        """The resource, with its subresource if there is one: `dkronjobs/status`."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource

    @property
    def is_write(self) -> bool:
        """Whether it may change something."""
        return self.verb in WRITES and not self.dry

    def __str__(self) -> str:
        where = f" in {self.namespace}" if self.namespace else ""
        return f"{self.verb or 'get'} {self.kind or 'no resource'}{' ' + self.name if self.name else ''}{where}"


def read(method: str, path: str, query: Mapping[str, str]) -> Call:
    """The call that this method on this path is. `path` may begin with the path of a server before Kubernetes' own."""
    place = _place(path)
    if place is None:
        return Call()
    return replace(place, verb=_verb(method, query, named=bool(place.name)), dry="dryRun" in query)


def _place(path: str) -> Call | None:
    """The object that a path leads to."""
    parts = [part for part in path.split("/") if part]
    for root, depth in (("apis", 3), ("api", 2)):
        if root in parts and len(parts) > parts.index(root) + depth:
            return _object(parts[parts.index(root) + depth :])
    return None


def _object(parts: list[str]) -> Call:
    namespace = ""
    if parts[0] == "namespaces" and len(parts) > 2 and parts[2] not in _OBJECTS_OF_A_NAMESPACE:
        namespace, parts = parts[1], parts[2:]
    resource, name, subresource = [*parts, "", ""][:3]
    return Call(resource=resource, namespace=namespace, name=name, subresource=subresource)


def _verb(method: str, query: Mapping[str, str], *, named: bool) -> str:
    if method == "GET":
        if query.get("watch", "") in ("1", "true"):
            return "watch"
        return "get" if named else "list"
    if method == "DELETE" and not named:
        return "deletecollection"
    return _VERBS.get(method, method.lower())
