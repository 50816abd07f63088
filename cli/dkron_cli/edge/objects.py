"""DkronBackfills and DkronPauses of a namespace, by kubeconfig or by the REST API."""

from typing import Any, Protocol
from urllib.parse import quote

from dkron_cli.core.rest_objects import fields_to_rest, from_rest, to_rest
from dkron_cli.edge.errors import readable
from dkron_cli.edge.rest import Rest
from dkron_cli.errors import CliError, Code
from dkron_kube.client import KubeClient
from dkron_kube.errors import NotFound
from dkron_kube.paths import Resource

Object = dict[str, Any]


class Objects(Protocol):
    """Objects of one kind, as Kubernetes spells them. All methods raise `CliError`."""

    async def all(self) -> list[Object]:
        """Return those of the namespace."""

    async def find(self, name: str) -> Object | None:
        """Return one; None if there is none of this name."""

    async def create(self, body: Object) -> Object:
        """Create one."""

    async def change(self, found: Object, spec: Object) -> None:
        """Change these fields, unless another user has changed the object meanwhile."""

    async def delete(self, found: Object) -> None:
        """Delete this one."""


class ClusterObjects:
    """By kubeconfig; in the namespace, or in all (None) for a list."""

    def __init__(self, kube: KubeClient, resource: Resource, namespace: str, *, everywhere: bool = False) -> None:
        self._kube = kube
        self._resource = resource
        self._namespace = namespace
        self._everywhere = everywhere

    async def all(self) -> list[Object]:
        """Return those of the namespace, or of all."""
        where = None if self._everywhere else self._namespace
        with readable():
            return [raw async for raw in self._kube.list(self._resource, where)]

    async def find(self, name: str) -> Object | None:
        """Return one."""
        with readable():
            try:
                return await self._kube.get(self._resource, self._namespace, name)
            except NotFound:
                return None

    async def create(self, body: Object) -> Object:
        """Create one."""
        with readable():
            return await self._kube.create(self._resource, self._namespace, body)

    async def change(self, found: Object, spec: Object) -> None:
        """Change these fields."""
        metadata = found["metadata"]
        change = {"metadata": {"resourceVersion": metadata["resourceVersion"]}, "spec": spec}
        with readable():
            await self._kube.patch(self._resource, self._namespace, metadata["name"], change)

    async def delete(self, found: Object) -> None:
        """Delete this one."""
        metadata = found["metadata"]
        with readable():
            await self._kube.delete(self._resource, self._namespace, metadata["name"], uid=metadata["uid"])


class RestObjects:
    """By the routes `/v1/backfills` or `/v1/pauses` of the REST API. A Dkron has none of them."""

    def __init__(self, rest: Rest, route: str, *, what: str) -> None:
        self._rest = rest
        self._route = route
        self._what = what

    async def all(self) -> list[Object]:
        """Return those of the namespace of the server."""
        return [self._read(each) for each in await self._call("GET", "")]

    async def find(self, name: str) -> Object | None:
        """Return one."""
        try:
            return self._read(await self._call("GET", name))
        except CliError as error:
            if error.code is Code.NOT_FOUND:
                return None
            raise

    async def create(self, body: Object) -> Object:
        """Create one."""
        return self._read(await self._call("POST", "", body=to_rest(body)))

    async def change(self, found: Object, spec: Object) -> None:
        """Change these fields."""
        name = found["metadata"]["name"]
        tag = await self._rest.version(self._path(name))
        if self._read(await self._call("GET", name))["spec"] != found["spec"]:
            raise CliError(Code.CONFLICT, f'another user changes "{name}" as well; look again, and repeat')
        await self._call("PATCH", name, body=fields_to_rest(spec), match=tag)

    async def delete(self, found: Object) -> None:
        """Delete this one."""
        await self._call("DELETE", found["metadata"]["name"])

    def _path(self, name: str) -> str:
        return f"/v1/{self._route}" + (f"/{quote(name, safe='')}" if name else "")

    async def _call(self, method: str, name: str, *, body: Object | None = None, match: str = "") -> Any:  # noqa: ANN401
        return await self._rest.call(method, self._path(name), what=self._what, body=body, match=match)

    def _read(self, shown: Any) -> Object:  # noqa: ANN401 - any JSON
        with self._rest.as_ours_does():
            return from_rest(self._route, shown)
