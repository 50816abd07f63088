"""DkronRuns, DkronBackfills and DkronPauses of a namespace, by kubeconfig or by the REST API."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

from dkron_cli.core.rest_objects import fields_to_rest, from_rest, to_rest
from dkron_cli.edge.backend import Backend
from dkron_cli.edge.cluster import opened_cluster
from dkron_cli.edge.errors import readable
from dkron_cli.edge.rest import Rest, open_rest
from dkron_cli.errors import CliError, Code
from dkron_cli.options import Options
from dkron_kube.client import KubeClient
from dkron_kube.errors import NotFound
from dkron_kube.paths import DKRON_BACKFILLS, DKRON_RUNS, Resource

Object = dict[str, Any]


class Noun(NamedTuple):
    """A kind that has commands of its own: the word for an object, which with an s is its command and its route; and
    what a server without that route cannot do."""

    word: str
    resource: Resource
    what: str

    @property
    def route(self) -> str:
        """The command, and the route of the REST API."""
        return f"{self.word}s"

    @property
    def kind(self) -> str:
        """How kubectl begins the names of its objects."""
        return f"{self.resource.plural.removesuffix('s')}.{self.resource.group}"


RUN = Noun("run", DKRON_RUNS, "show the runs that were requested")
BACKFILL = Noun("backfill", DKRON_BACKFILLS, "run slots again")


class Objects(Protocol):
    """Objects of one kind, as Kubernetes spells them. All methods raise `CliError`."""

    async def all(self) -> list[Object]:
        """Return the objects of the namespace."""

    async def find(self, name: str) -> Object | None:
        """Return one; None if there is none of this name."""

    async def create(self, body: Object) -> Object:
        """Create one."""

    async def change(self, found: Object, spec: Object, *, unless_changed: bool = True) -> None:
        """Change these fields; by default not if another writer has changed the object meanwhile."""

    async def delete(self, found: Object, *, unless_changed: bool = False) -> None:
        """Delete this one, with `unless_changed` only if it is still as it was found."""


class ClusterObjects:
    """By kubeconfig; in the namespace, or in all (None) for a list."""

    def __init__(self, kube: KubeClient, resource: Resource, namespace: str, *, everywhere: bool = False) -> None:
        self._kube = kube
        self._resource = resource
        self._namespace = namespace
        self._everywhere = everywhere

    async def all(self) -> list[Object]:
        """Return the objects of the namespace, or of all."""
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

    async def change(self, found: Object, spec: Object, *, unless_changed: bool = True) -> None:
        """Change these fields."""
        metadata = found["metadata"]
        same = "resourceVersion" if unless_changed else "uid"
        with readable():
            change = {"metadata": {same: metadata[same]}, "spec": spec}
            await self._kube.patch(self._resource, self._namespace, metadata["name"], change)

    async def delete(self, found: Object, *, unless_changed: bool = False) -> None:
        """Delete this one."""
        name, uid, version = (found["metadata"][key] for key in ("name", "uid", "resourceVersion"))
        with readable():
            await self._kube.delete(
                self._resource, self._namespace, name, uid=uid, version=version if unless_changed else None
            )


class RestObjects:
    """By the routes `/v1/runs`, `/v1/backfills` or `/v1/pauses` of the REST API. A Dkron has none of them."""

    def __init__(self, rest: Rest, route: str, *, what: str) -> None:
        self._rest = rest
        self._route = route
        self._what = what

    async def all(self) -> list[Object]:
        """Return the objects of the server's namespace."""
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

    async def change(self, found: Object, spec: Object, *, unless_changed: bool = True) -> None:
        """Change these fields."""
        name = found["metadata"]["name"]
        tag = await self._version(found, ("spec",)) if unless_changed else ""
        await self._call("PATCH", name, body=fields_to_rest(spec), match=tag)

    async def delete(self, found: Object, *, unless_changed: bool = False) -> None:
        """Delete this one."""
        tag = await self._version(found, ("spec", "status")) if unless_changed else ""
        await self._call("DELETE", found["metadata"]["name"], match=tag)

    async def failed_slots(self, name: str) -> list[Object]:
        """Return the slots of a backfill whose runs failed, as `status.failedRuns` has them."""
        bad = ("failed", "refused", "gone")
        told = await self._rest.call("GET", f"{self._path(name)}/slots", what=self._what)
        with self._rest.as_ours_does():
            return [{key: each[key] for key in ("run", "job", "slot")} for each in told if each["state"] in bad]

    async def _version(self, found: Object, parts: tuple[str, ...]) -> str:
        """Return the version of an object, for `match`. Raises `CliError` if these parts of it have changed."""
        name = found["metadata"]["name"]
        tag = await self._rest.version(self._path(name))
        now = self._read(await self._call("GET", name))
        if any(now[part] != found[part] for part in parts):
            raise CliError(Code.CONFLICT, f'another user changed "{name}" at the same time; check it, and repeat')
        return tag

    def _path(self, name: str) -> str:
        return f"/v1/{self._route}" + (f"/{quote(name, safe='')}" if name else "")

    async def _call(self, method: str, name: str, *, body: Object | None = None, match: str = "") -> Any:  # noqa: ANN401
        headers = {"If-Match": match} if match else None
        return await self._rest.call(method, self._path(name), what=self._what, body=body, headers=headers)

    def _read(self, shown: Any) -> Object:  # noqa: ANN401 - any JSON
        with self._rest.as_ours_does():
            return from_rest(self._route, shown)


@asynccontextmanager
async def objects_of(options: Options, noun: Noun, *, every: bool = False) -> AsyncIterator[tuple[Backend, Objects]]:
    """Yield the server with the jobs, and the objects of its namespace; with `every`, objects of all namespaces if -A
    asks for them."""
    if options.server:
        rest = open_rest(options)
        try:
            yield rest, RestObjects(rest, noun.route, what=noun.what)
        finally:
            await rest.close()
        return
    async with opened_cluster(options) as cluster:
        everywhere = every and options.all_namespaces
        yield cluster, ClusterObjects(cluster.kube, noun.resource, cluster.namespace, everywhere=everywhere)


async def require(found: Objects, noun: Noun, name: str, where: str) -> Object:
    """Return the object of this name. Raises `CliError` if there is none."""
    one = await found.find(name)
    if one is None:
        raise CliError(Code.NOT_FOUND, f'there is no {noun.word} "{name}" {where}; see dkronctl {noun.route} list')
    return one
