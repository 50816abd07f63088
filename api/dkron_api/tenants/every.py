"""All namespaces of the cluster, by one watch that is split by namespace.

A tenant without jobs is kept only by the answers in progress that need it: a client may ask for any name, and each
would take memory forever.
"""

from collections.abc import Sequence
from functools import partial

from dkron_api.tenants.tenants import JOBS, JobWatch, Tenant, TenantFactory, Tenants
from dkron_api.translate.record import Job
from dkron_kube.client import Object
from dkron_kube.informer import WatchState


class EveryTenant(Tenants):
    """Tenants of all namespaces, and the cache that the informer of all DkronJobs feeds."""

    def __init__(self, factory: TenantFactory, own: str) -> None:
        self._watch = WatchState(JOBS)
        self._version: int | None = None
        super().__init__(factory, own)

    @property
    def watches(self) -> Sequence[JobWatch]:
        """The one watch."""
        return [JobWatch(None, self, self._watch)]

    def serves(self, _namespace: str) -> bool:
        """Every namespace is served."""
        return True

    def get(self, namespace: str) -> Tenant:
        """Return the tenant of a namespace, which may not exist: it has no jobs then."""
        return self._alive.get(namespace) or self._make(namespace)

    def replace(self, items: list[Object], version: int) -> None:
        """A complete list of all namespaces."""
        by_namespace: dict[str, list[Object]] = {tenant.namespace: [] for tenant in self}
        for item in items:
            by_namespace.setdefault(_namespace(item), []).append(item)
        # The tenants that this list makes begin with it as well.
        self._version = None
        for namespace, its in by_namespace.items():
            tenant = self._held[namespace] = self.get(namespace)
            tenant.feed.replace(its, version)
            self._release(tenant)
        self._version = version

    def went_back(self) -> None:
        """Handle a restored cluster."""
        self._version = None
        for tenant in self:
            tenant.feed.went_back()

    def upsert(self, item: Object) -> None:
        """A job was created or changed."""
        namespace = _namespace(item)
        tenant = self._held[namespace] = self.get(namespace)
        tenant.feed.upsert(item)
        self._advance(item)

    def remove(self, item: Object) -> None:
        """A job was deleted."""
        tenant = self.get(_namespace(item))
        tenant.feed.remove(item)
        self._advance(item)
        self._release(tenant)

    def _watch_of(self, _namespace: str) -> WatchState:
        return self._watch

    def _make(self, namespace: str) -> Tenant:
        tenant = super()._make(namespace)
        tenant.job_index.listeners.append(partial(self._changed, namespace))
        if self._version is not None:
            # Nothing has been heard of this namespace: it had no jobs up to now.
            tenant.feed.begin(self._version)
        return tenant

    def _changed(self, namespace: str, _: Job | None, after: Job | None) -> None:
        """Keep a tenant whose first job was written by this process, before the watch has brought it."""
        tenant = self._alive.get(namespace)
        if after is not None and tenant is not None:
            self._held[namespace] = tenant

    def _release(self, tenant: Tenant) -> None:
        if tenant.feed.empty and tenant is not self.own:
            self._held.pop(tenant.namespace, None)

    def _advance(self, item: Object) -> None:
        self._version = max(self._version or 0, int(item["metadata"]["resourceVersion"]))


def _namespace(item: Object) -> str:
    return str(item["metadata"].get("namespace") or "")
