"""One namespace that is served, and all that the service keeps for it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from dkron_api.cache.job_index import JobIndex, Prerenderer
from dkron_api.cache.standings import Slices, Standings
from dkron_api.jobs.pods import Pods
from dkron_api.jobs.requested_runs import RequestedRuns
from dkron_api.jobs.run_objects import RunObjects
from dkron_api.jobs.run_waiter import RunWaiter
from dkron_api.jobs.writer import JobWriter
from dkron_api.stream.event_log import EventLog, LogRoom
from dkron_api.stream.feed import Feed
from dkron_kube.client import KubeClient
from dkron_kube.informer import WatchState


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Tenant:
    """The jobs of a namespace, their events, and what is done with them. `feed` receives the watch of its DkronJobs."""

    namespace: str
    job_index: JobIndex
    standings: Standings
    event_log: EventLog
    feed: Feed
    run_waiter: RunWaiter
    asked: RequestedRuns
    runs: RunObjects
    pods: Pods
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
            standings=Standings(job_index, self._clock, self._slices),
            event_log=event_log,
            feed=Feed(job_index, event_log, self._clock),
            run_waiter=RunWaiter(job_index),
            asked=RequestedRuns(job_index, time.monotonic),
            runs=RunObjects(self._kube, namespace),
            pods=Pods(self._kube, namespace),
            writes=JobWriter(self._kube, job_index, namespace),
        )
