"""Objects of one kind by kubeconfig."""

from typing import TYPE_CHECKING, Any

from dkron_cli.edge.backend import Objects
from dkron_cli.edge.errors import readable
from dkron_kube.errors import NotFound
from dkron_kube.paths import Resource

if TYPE_CHECKING:
    from dkron_kube.client import KubeClient

Object = dict[str, Any]


class ClusterObjects(Objects):
    """By kubeconfig; in the namespace, or in all (None) for a list."""

    def __init__(self, kube: "KubeClient", resource: Resource, namespace: str, *, everywhere: bool = False) -> None:
        self._kube = kube
        self._resource = resource
        self.namespace = namespace
        self._everywhere = everywhere

    async def all(self) -> list[Object]:
        """Return the objects of the namespace, or of all."""
        where = None if self._everywhere else self.namespace
        with readable():
            return [raw async for raw in self._kube.list(self._resource, where)]

    async def find(self, name: str) -> Object | None:
        """Return one."""
        with readable():
            try:
                return await self._kube.get(self._resource, self.namespace, name)
            except NotFound:
                return None

    async def create(self, body: Object) -> Object:
        """Create one."""
        with readable():
            return await self._kube.create(self._resource, self.namespace, body)

    async def change(self, found: Object, spec: Object, *, unless_changed: bool = True) -> None:
        """Change these fields."""
        metadata = found["metadata"]
        same = "resourceVersion" if unless_changed else "uid"
        with readable():
            change = {"metadata": {same: metadata[same]}, "spec": spec}
            await self._kube.patch(self._resource, self.namespace, metadata["name"], change)

    async def delete(self, found: Object, *, unless_changed: bool = False) -> None:
        """Delete this one."""
        name, uid, version = (found["metadata"][key] for key in ("name", "uid", "resourceVersion"))
        with readable():
            await self._kube.delete(
                self._resource, self.namespace, name, uid=uid, version=version if unless_changed else None
            )
