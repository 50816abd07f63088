"""The whole operator, composed: queues first, as parts get their `add`. `connect` says who is told of what."""

from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from typing import Any

from dkron_kube.client import Object
from dkron_kube.informer import Informer
from dkron_kube.paths import DKRON_BACKFILLS, DKRON_CLUSTERS, DKRON_PAUSES, DKRON_POOLS, DKRON_RUNS, NODES, Resource
from dkron_operator.act.effects import Effects, Shared
from dkron_operator.act.events import Events
from dkron_operator.act.foreign import ForeignJobs
from dkron_operator.act.inline_calls import Allowance, InlineCalls
from dkron_operator.act.ports import Ports
from dkron_operator.act.quota_line import QuotaLine
from dkron_operator.act.status_sweep import StatusSweep
from dkron_operator.act.status_writer import StatusWriter
from dkron_operator.act.tracing import RunTracing
from dkron_operator.archive.archiver import Archiver
from dkron_operator.archive.entries import ROOM as ARCHIVED_OUTPUTS
from dkron_operator.archive.entries import Entries
from dkron_operator.archive.upkeep import Upkeep
from dkron_operator.backfill.controller import Backfills
from dkron_operator.backfill.view import Known
from dkron_operator.cache.cached_job import CachedJob
from dkron_operator.cache.store import Store
from dkron_operator.cluster.status_controller import ClusterStatusController
from dkron_operator.delivery.delivery import Delivery
from dkron_operator.delivery.installation import Installation
from dkron_operator.delivery.outbox import Sending
from dkron_operator.delivery.outputs import ROOM as OUTPUTS
from dkron_operator.delivery.outputs import Outputs
from dkron_operator.delivery.senders import Senders
from dkron_operator.handover import Handover
from dkron_operator.kit.workqueue import Workers, WorkQueue
from dkron_operator.options import Options
from dkron_operator.pauses.informer import Pauses
from dkron_operator.plan.situation.requested_runs import RequestedRun
from dkron_operator.pools.informer import Pools
from dkron_operator.reconcile.create_budget import CreateBudget
from dkron_operator.reconcile.due_queue import DueQueue
from dkron_operator.reconcile.gather import Gatherer, Sources, retention
from dkron_operator.reconcile.reconciler import Reconciler
from dkron_operator.reconcile.verify import CacheVerifier
from dkron_operator.watch.ended_pods import pod_informer
from dkron_operator.watch.followed import Scope
from dkron_operator.watch.handlers import Handlers
from dkron_operator.watch.liveness import WatchLiveness
from dkron_operator.watch.nodes import Nodes
from dkron_operator.watch.requested_runs import run_informer
from dkron_operator.watch.resync import Resync

WIDTH = 32
"""Jobs worked on at once. Each worker has its own connection, and opening one costs more than a create. With fewer
workers, the Kubernetes controllers, which start with the first Job, would slow the API server down before the last
create."""
SPARE = 8
"""Extra jobs of other namespaces that are worked on while one namespace uses the full width."""

NO_TIME = datetime.max.replace(tzinfo=UTC)
"""Sorts jobs without a next slot last."""

DUE_SOON = timedelta(minutes=1)
"""Jobs with a slot in this time are planned before all others when a replica begins to act."""


class Parts:
    """Everything that watches, decides and acts, but for kopf's streams. A part is built when another one needs it.

    `may_act` says whether this replica may act at this moment. Tests override single parts.
    """

    def __init__(
        self, options: Options, ports: Ports, *, may_act: Callable[[], bool], watch_liveness: WatchLiveness
    ) -> None:
        self.options = options
        self.ports = ports
        self.may_act = may_act
        self.watch_liveness = watch_liveness

    @cached_property
    def store(self) -> Store:
        """All DkronJobs and their Jobs."""
        return Store(metrics=self.ports.metrics, clock=self.ports.clock)

    @cached_property
    def jobs(self) -> WorkQueue[str]:
        """The uids of the DkronJobs to reconcile."""
        return WorkQueue("jobs", width=WIDTH, spare=SPARE, group_of=self.store.namespace_of)

    @cached_property
    def due_queue(self) -> DueQueue:
        """When each job is reconciled next."""
        return DueQueue(self.ports.clock, self.jobs.add_priority)

    @cached_property
    def events(self) -> Events:
        """Reports to users."""
        return Events(self.ports.client, clock=self.ports.clock, identity=self.options.replica.identity)

    @cached_property
    def writer(self) -> StatusWriter:
        """Writes the status of DkronJobs."""
        return StatusWriter(self.ports, self.store, self.jobs, events=self.events)

    @cached_property
    def installation(self) -> Installation:
        """The spec of the DkronCluster."""
        return Installation(
            self.ports.client,
            namespace=self.options.home,
            output_dir=self.options.output_dir,
            on_event=self._alive(DKRON_CLUSTERS),
        )

    @cached_property
    def cluster_status(self) -> ClusterStatusController:
        """The status of the DkronCluster."""
        return ClusterStatusController(
            self.ports.client, self.options.replica, namespace=self.options.home, clock=self.ports.clock
        )

    @cached_property
    def senders(self) -> Sending:
        """What sends messages."""
        options = self.options
        return Senders(
            self.ports.client,
            namespace=options.home,
            output_dir=options.output_dir,
            output_quota=options.output_quota,
            clock=self.ports.clock,
        )

    @cached_property
    def outputs(self) -> Outputs:
        """The ends of outputs that receivers have yet to get."""
        room = OUTPUTS if self.ports.archive is None else ARCHIVED_OUTPUTS
        return Outputs(self.ports.client, namespace_of=self.store.namespace_of, room=room)

    @cached_property
    def delivery(self) -> Delivery:
        """Tells receivers about runs."""
        return Delivery(
            self.ports,
            self.store,
            self.outputs,
            installation=self.installation,
            senders=self.senders,
            writer=self.writer,
            events=self.events,
            may_act=self.may_act,
        )

    @cached_property
    def archiver(self) -> Archiver | None:
        """Hands records over to the archive; None if there is none."""
        archive, options = self.ports.archive, self.options
        if archive is None:
            return None
        clock = self.ports.clock
        upkeep = Upkeep(
            archive, self.store, self.pauses, home=options.home, retention=options.retention, clock=clock
        )  # fmt: skip
        return Archiver(
            self.ports,
            self.store,
            self.jobs,
            writer=self.writer,
            events=self.events,
            entries=Entries(self.ports.client, self.installation, self.outputs),
            upkeep=upkeep,
            may_act=self.may_act,
        )

    @cached_property
    def handover(self) -> Handover:
        """Has the receivers get each ended attempt."""
        return Handover(self.store, self.outputs, self.delivery, self.archiver)

    @cached_property
    def pauses(self) -> Pauses:
        """The DkronPauses."""
        return Pauses(self._scope(DKRON_PAUSES), self.store, requeue=self.jobs.add)

    @cached_property
    def pools(self) -> Pools:
        """The DkronPools, and who has their places."""
        return Pools(self._scope(DKRON_POOLS), self.store, requeue=self.jobs.add_priority)

    @cached_property
    def quota(self) -> QuotaLine:
        """The runs that wait for room in a ResourceQuota."""
        return QuotaLine(clock=self.ports.clock, requeue=self.jobs.add_priority)

    @cached_property
    def nodes(self) -> Nodes:
        """The nodes of the cluster."""
        return Nodes(
            self.ports.client,
            self.store,
            requeue=self.jobs.add,
            own=self.options.jobs.own_tags,
            on_event=self._alive(NODES),
        )

    @cached_property
    def calls(self) -> InlineCalls:
        """The calls that this process makes itself."""
        return InlineCalls(
            self.store,
            self.jobs,
            allowance=self._allowance(),
            clock=self.ports.clock,
            listener=self.handover,
            may_act=self.may_act,
        )

    @cached_property
    def traces(self) -> RunTracing:
        """The traces of runs."""
        return RunTracing(self.store, clock=self.ports.clock, tracer=self.ports.tracer)

    @cached_property
    def effects(self) -> Effects:
        """Carries out plans."""
        return Effects(
            self.ports,
            self.store,
            self.jobs,
            Shared(self.events, self.writer, self.calls, self.traces, self.quota),
            settings=self.options.jobs,
            listener=self.handover,
            due_at=self.due_queue.set,
            settled=self.cluster_status.settle,
        )

    @cached_property
    def budget(self) -> CreateBudget:
        """The budgets of namespaces."""
        return CreateBudget(
            self.options.creates, clock=self.ports.clock, metrics=self.ports.metrics, events=self.events
        )

    @cached_property
    def reconciler(self) -> Reconciler:
        """Plans jobs, and has the plans carried out."""
        sources = Sources(
            self.due_queue, self.nodes, self.calls, self.installation, self.budget,
            pauses=self.pauses.selecting, places=self.pools.places_of, quota=self.quota.of,
        )  # fmt: skip
        return Reconciler(
            self.store,
            gatherer=Gatherer(
                self.store,
                sources,
                clock=self.ports.clock,
                settings=self.options.jobs,
                retained=retention(self.options.terms),
                archives=self.ports.archive is not None,
            ),
            verifier=CacheVerifier(self.ports, self.store, writer=self.writer, keeper=self.effects.runs),
            budget=self.budget,
            places=self.pools.places,
            quota=self.quota,
            effects=self.effects,
            may_act=self.may_act,
        )

    @cached_property
    def backfills(self) -> Backfills:
        """The DkronBackfills."""
        return Backfills(
            self.ports.client, self.store, clock=self.ports.clock, events=self.events, may_act=self.may_act
        )

    @cached_property
    def watches(self) -> tuple[Informer[RequestedRun] | Informer[Known] | Informer[Object], ...]:
        """The watches of DkronRuns, DkronBackfills and ended pods."""
        scopes = self.options.namespaces or (None,)
        runs = [
            run_informer(
                self.ports.client,
                self.store.requested_runs,
                namespace,
                changed=self.effects.runs.requeue,
                on_event=self._alive(DKRON_RUNS),
            )
            for namespace in scopes
        ]
        backfills = [self.backfills.informer(namespace, on_event=self._alive(DKRON_BACKFILLS)) for namespace in scopes]
        pods = [pod_informer(self.ports.client, self.store.ended_pods, namespace) for namespace in scopes]
        return *runs, *backfills, *pods

    @cached_property
    def handlers(self) -> Handlers:
        """Where watched DkronJobs and Jobs enter."""
        return Handlers(self.store, requeue=self.jobs.add, on_object=self.cluster_status.observe_job)

    @cached_property
    def resync(self) -> Resync:
        """Finds what watches cannot report."""
        return Resync(self.ports.client, self.store, self.handlers, self.options.namespaces or None)

    def connect(self) -> None:
        """Have each part told of what it has to know."""
        store, foreign = self.store, ForeignJobs(clock=self.ports.clock, report=self.events.report)
        store.on_affected.add(self.jobs.add)
        store.on_foreign.add(foreign.report)
        store.on_backfill.add(self.backfills.run_changed)
        store.on_job_gone.add(self.quota.free)
        store.on_stored.add(self.cluster_status.upsert)
        store.on_stored.add(self.handover.observe)
        store.on_stored.add(self.traces.observe)
        store.on_stored.add(self.effects.runs.requeue_job)
        store.on_stored.add(self.pools.places.observe)
        self.installation.on_change.add(self.cluster_status.judge)
        self.installation.on_change.add(self._requeue_processors)
        if self.archiver is not None:
            self.archiver.on_trouble.add(self.cluster_status.judge_archive)

    def take_over(self, *, idle: timedelta, new_term: bool, behind: bool = False) -> None:
        """This replica begins to act: look at every job, soonest due first.

        No replica was seen to act for `idle`. `new_term`: another process may have acted before. `behind`: its effects
        may not be in the cache yet.
        """
        if new_term:
            self.store.renew(behind=behind)
            self.calls.renew()
            self.pools.places.renew()
            self.quota.renew()
        self.due_queue.take_over(idle=idle, longest=self.options.terms.handover)
        now = self.ports.clock.now()
        order = sorted((next_slot(cached, now) or NO_TIME, cached.job.uid) for cached in self.store)
        for slot, uid in order:
            # A list has queued all of them, in its own order.
            (self.jobs.add_priority if slot - now < DUE_SOON else self.jobs.add)(uid)
        self.effects.runs.take_over()

    def workers(self) -> Iterator[Workers[Any]]:
        """All queues and what works on them; the queue of the jobs first."""
        yield Workers(self.jobs, self.reconciler.reconcile)
        yield from self.effects.workers
        for part in (self.events, self.cluster_status, self.backfills, self.pauses, self.pools, self.handover):
            yield from part.workers

    def loops(self) -> Iterator[tuple[str, Callable[[], Coroutine[Any, Any, None]]]]:
        """What runs beside the queues, by name."""
        yield "nodes", self.nodes.run
        yield from (("pauses", self.pauses.run), ("pools", self.pools.run))
        yield "resync", self.resync.run
        client, may_act = self.ports.client, self.may_act
        yield "pause status", StatusSweep(client, self.pauses, may_act=may_act, look=self.pauses.look).run
        yield "pool status", StatusSweep(client, self.pools, may_act=may_act).run
        yield from ((watch.name, watch.run) for watch in self.watches)
        yield "cluster status", self.cluster_status.look
        yield "delivery", self.delivery.run
        if self.archiver is not None:
            yield "archive", self.archiver.run

    def _requeue_processors(self, _: tuple[str, ...] | None) -> None:
        """Whether receivers exist has changed."""
        for cached in self.store:
            if cached.job.spec.processors:
                self.jobs.add(cached.job.uid)

    def _allowance(self) -> Allowance:
        """Calls do not reach nodes, so the nodes have to be known where calls are allowed."""
        allowance = self.options.calls
        if not allowance.limit or allowance.rules is None:
            return allowance
        self.nodes.want()
        return replace(allowance, rules=allowance.rules.with_nodes(self.nodes.have))

    def _scope(self, resource: Resource) -> Scope:
        """Where the objects of this kind are watched."""
        options, ports = self.options, self.ports
        return Scope(ports.client, options.namespaces, options.home, ports.clock, self._alive(resource))

    def _alive(self, resource: Resource) -> Callable[[], None]:
        """The callback of a watch of this resource each time it delivers something."""
        return partial(self.watch_liveness.optional_event, resource)


def next_slot(cached: CachedJob, now: datetime) -> datetime | None:
    """The next slot of a job as it is known before the job is planned. A new one has none in its status yet."""
    job, status = cached.job, cached.base
    if status.since is not None or job.schedule is None:
        return status.next
    return job.schedule.next(job.created, now)
