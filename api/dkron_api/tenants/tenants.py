"""The tenants of the service: its own namespace and the further ones of `--namespaces`, or all namespaces of the
cluster.

A tenant without jobs is kept only by the answers in progress that need it: a client may ask for any name, and each
would take memory forever.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import NamedTuple
from weakref import WeakValueDictionary

from dkron_api.cache.health_index import HealthIndex, Slices
from dkron_api.cache.job_index import JobIndex, Prerenderer
from dkron_api.cache.live_executions import LiveExecutions
from dkron_api.jobs.objects import RunObjects
from dkron_api.jobs.pods import Pods
from dkron_api.jobs.queue_places import QueuePlaces
from dkron_api.jobs.run_waiter import RequestedRuns, RunWaiter
from dkron_api.jobs.writer import JobWriter
from dkron_api.stream.event_log import EventLog, LogRoom
from dkron_api.stream.feed import Feed
from dkron_api.translate.record import Beginning, Job
from dkron_crds.names import object_name
from dkron_kube.client import KubeClient, Object
from dkron_kube.informer import WatchState
from dkron_kube.watch import Cache


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Tenant:
    """The jobs of a namespace, their events, and what is done with them. `feed` receives the watch of its DkronJobs."""

    namespace: str
    job_index: JobIndex
    health_index: HealthIndex
    live: LiveExecutions
    event_log: EventLog
    feed: Feed
    run_waiter: RunWaiter
    asked: RequestedRuns
    runs: RunObjects
    pods: Pods
    queues: QueuePlaces
    writes: JobWriter


class TenantFactory:
    """Makes tenants from what they share."""

    def __init__(
        self, kube: KubeClient, clock: Callable[[], datetime], prerenderer: Prerenderer, slices: Slices
    ) -> None:
        self._kube = kube
        self._clock = clock
        self._prerenderer = prerenderer
        self._slices = slices
        self._room = LogRoom()

    def make(self, namespace: str, watch: WatchState) -> Tenant:
        """Return the tenant of a namespace. Nothing is known of its jobs yet."""
        job_index = JobIndex(self._clock, watch=watch, stale=self._prerenderer.want)
        event_log = EventLog(room=self._room)
        return Tenant(
            namespace=namespace,
            job_index=job_index,
            health_index=HealthIndex(job_index, self._clock, self._slices),
            live=LiveExecutions(job_index),
            event_log=event_log,
            feed=Feed(job_index, event_log, self._clock),
            run_waiter=RunWaiter(job_index),
            asked=RequestedRuns(job_index, time.monotonic),
            runs=RunObjects(self._kube, namespace),
            pods=Pods(self._kube, namespace),
            queues=QueuePlaces(self._kube, namespace),
            writes=JobWriter(self._kube, job_index, namespace),
        )


JOBS = "dkronjobs"


class JobWatch(NamedTuple):
    """A watch of DkronJobs that is needed: of one namespace, or of all (None)."""

    namespace: str | None
    cache: Cache
    state: WatchState


class Tenants:
    """A fixed list of namespaces, each with a watch of its own: one that fails does not affect the others."""

    def __init__(self, factory: TenantFactory, own: str, further: Sequence[str] = ()) -> None:
        self._own = own
        self._leader = ""
        self._closed = False
        self._alive: WeakValueDictionary[str, Tenant] = WeakValueDictionary()
        self._factory = factory
        self._held: dict[str, Tenant] = {}
        for namespace in dict.fromkeys((own, *further)):
            self._held[namespace] = self._make(namespace)
        self.own = self._held[own]
        """The tenant that is served without a prefix."""

    def __iter__(self) -> Iterator[Tenant]:
        """Yield those with jobs, those that are configured, and those that an answer in progress needs."""
        return iter(tuple(self._alive.values()))

    @property
    def watches(self) -> Sequence[JobWatch]:
        """The watches that have to be followed."""
        return [
            JobWatch(namespace, tenant.feed, tenant.job_index.object_cache.watch)
            for namespace, tenant in self._held.items()
        ]

    def serves(self, namespace: str) -> bool:
        """Whether this namespace is served."""
        return namespace in self._held

    def get(self, namespace: str) -> Tenant:
        """Return the tenant of a namespace. One that is not served looks as one without jobs."""
        tenant = self._held.get(namespace)
        if tenant is None:
            tenant = self._factory.make(namespace, self._watch_of(namespace))
            tenant.feed.begin(0)
        return tenant

    def object_of(self, namespace: str, job: str) -> str:
        """Return the name of the DkronJob with this Dkron name: of the known one, else the one that it would have."""
        tenant = self._alive.get(namespace)
        known = None if tenant is None else tenant.job_index.get(job)
        return object_name(job) if known is None else known.object_name

    @property
    def answered(self) -> bool:
        """Whether each watch has brought a complete list, or an error."""
        return all(tenant.job_index.object_cache.watch.answered.is_set() for tenant in self)

    async def wait(self) -> None:
        """Wait until the own jobs are known, and each other watch has brought a list or an error."""
        await self.own.job_index.complete.wait()
        for tenant in self:
            await tenant.job_index.object_cache.watch.answered.wait()

    def begun(self, beginning: Beginning) -> None:
        """A Job shows that an attempt has begun."""
        tenant = self._alive.get(beginning.namespace)
        if tenant is not None:
            tenant.feed.begun(beginning)

    def lead(self, name: str) -> None:
        """Tell the clients of all namespaces who leads."""
        self._leader = name
        for tenant in self:
            tenant.event_log.lead(name)

    def close(self) -> None:
        """The server stops: end all streams, and let waiting clients go."""
        self._closed = True
        for tenant in self:
            _close(tenant)

    def _watch_of(self, namespace: str) -> WatchState:
        return WatchState(JOBS if namespace == self._own else f"{JOBS} in namespace {namespace}")

    def _make(self, namespace: str) -> Tenant:
        tenant = self._alive[namespace] = self._factory.make(namespace, self._watch_of(namespace))
        tenant.event_log.lead(self._leader)
        if self._closed:
            _close(tenant)
        return tenant


def _close(tenant: Tenant) -> None:
    tenant.event_log.close()
    tenant.run_waiter.give_up()


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

    async def replace(self, items: list[Object], version: int) -> None:
        """A complete list of all namespaces. Requests have their turn after each of them."""
        by_namespace: dict[str, list[Object]] = {tenant.namespace: [] for tenant in self}
        for item in items:
            by_namespace.setdefault(_namespace(item), []).append(item)
        for namespace, its in by_namespace.items():
            self._take_in(namespace, its, version)
            await asyncio.sleep(0)
        if self._version is None:
            # Those that requests have made meanwhile.
            for tenant in self:
                if tenant.namespace not in by_namespace:
                    tenant.feed.replace([], version)
        self._version = version

    def _take_in(self, namespace: str, items: list[Object], version: int) -> None:
        # A tenant that is made here begins with this list.
        before, self._version = self._version, None
        tenant = self._held[namespace] = self.get(namespace)
        tenant.feed.replace(items, version)
        self._release(tenant)
        self._version = before

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
