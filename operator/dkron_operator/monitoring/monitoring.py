"""Monitoring: what the operator reports about itself at its own port, if it has one (docs/monitoring.md)."""

import asyncio
import logging
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest

from dkron_kube.client import KubeClient
from dkron_operator.act.inline_calls import InlineCalls
from dkron_operator.archive.archiver import Archiver
from dkron_operator.cache.store import Store
from dkron_operator.cluster.rest_token import RestToken
from dkron_operator.cluster.status_controller import ClusterStatusController
from dkron_operator.delivery.delivery import Delivery
from dkron_operator.kit.clock import Clock
from dkron_operator.kit.workqueue import WorkQueue
from dkron_operator.leader.lease import Lease
from dkron_operator.monitoring.gauges import MOST_JOBS, Gauges
from dkron_operator.monitoring.health import LoopLag, Phase, unhealthy, unready
from dkron_operator.monitoring.job_states import JobStates
from dkron_operator.monitoring.port import Answers
from dkron_operator.reconcile.create_budget import CreateBudget
from dkron_operator.watch.liveness import WatchLiveness
from dkron_runtime.supervision import Supervisor

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Monitored:
    """The parts of an operator that have something to report."""

    client: KubeClient
    store: Store
    cluster_status: ClusterStatusController
    lease: Lease
    budget: CreateBudget
    delivery: Delivery
    calls: InlineCalls
    watch_liveness: WatchLiveness
    supervisor: Supervisor
    queues: tuple[WorkQueue[Any], ...]
    rest_token: RestToken | None = None
    archiver: Archiver | None = None


class Monitoring:
    """Assembles the answers. The operator sets `phase`, and `tasks`, which should all be alive."""

    def __init__(self, parts: Monitored, *, clock: Clock, version: str, per_job: bool) -> None:
        self.phase = Phase.STARTING
        self.tasks: list[asyncio.Task[None]] = []
        self.loop_lag = LoopLag(clock.monotonic)
        self.job_states = JobStates(parts.store)
        self._parts = parts
        self._clock = clock
        self._version = version
        self._per_job = per_job
        self._told_too_many = False

    @property
    def answers(self) -> Answers:
        """The answers for the port."""
        return Answers(unhealthy=self._unhealthy, unready=self._unready, page=self._page)

    def _unhealthy(self) -> str:
        ended = () if self.phase is Phase.STOPPING else tuple(task.get_name() for task in self.tasks if task.done())
        return unhealthy(lag=self.loop_lag.lag, ended=ended, troubles=self._parts.supervisor.troubles)

    def _unready(self) -> str:
        watches, token = self._parts.watch_liveness.by_resource(), self._parts.rest_token
        troubles, lacking = self._parts.supervisor.troubles, "" if token is None else token.trouble
        return unready(self.phase, self._clock.monotonic(), watches, troubles=troubles, lacking=lacking)

    async def _page(self) -> bytes:
        gauges = await self._gauges()
        # Rendering ten thousand series takes a tenth of a second. A separate thread keeps that from delaying slots.
        return await asyncio.to_thread(page, gauges, self._parts.store.metrics.registry)

    async def _gauges(self) -> Gauges:
        parts = self._parts
        jobs = await self.job_states.call(self._clock.now())
        if self._per_job and len(jobs.lines) > MOST_JOBS and not self._told_too_many:
            self._told_too_many = True
            log.warning("--metrics-per-job: /metrics shows no series for single jobs, because there are %d jobs, and "
                        "the limit is %d", len(jobs.lines), MOST_JOBS)  # fmt: skip
        wall, monotonic = self._clock.now().timestamp(), self._clock.monotonic()
        depths = {queue.name.replace(" ", "-"): len(queue) for queue in parts.queues}
        return Gauges(
            version=self._version,
            leader=parts.lease.view.held,
            active=parts.cluster_status.active,
            jobs=jobs,
            waiting=len(parts.budget),
            queues={**depths, "messages": parts.delivery.waiting, "calls": len(parts.calls)},
            calls=dict(parts.client.calls),
            seen={name: wall - (monotonic - at) for name, at in parts.watch_liveness.seen().items()},
            lag=self.loop_lag.worst,
            per_job=self._per_job,
            archive=None if parts.archiver is None else parts.archiver.state,
            now=wall,
        )


def page(gauges: Gauges, registry: CollectorRegistry) -> bytes:
    """The text that Prometheus scrapes."""
    return generate_latest(gauges) + generate_latest(registry)
