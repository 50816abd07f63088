"""The whole operator: its parts, and the order in which they start and stop."""

import asyncio
import logging
import signal
from collections.abc import Sequence
from functools import partial
from typing import Any

from dkron_crds.job import JobStatus
from dkron_crds.node_tags import DKRONS, AgentTags
from dkron_executors.run.addresses import AddressRules
from dkron_kube.access import Access
from dkron_kube.client import KubeClient
from dkron_kube.errors import NotFound, Rejected
from dkron_kube.paths import (
    DKRON_BACKFILLS,
    DKRON_CLUSTERS,
    DKRON_JOBS,
    DKRON_PAUSES,
    DKRON_RUNS,
    JOBS,
    LEASES,
    NODES,
    TOKEN_REQUESTS,
    Resource,
)
from dkron_operator.act.events import Events
from dkron_operator.act.foreign import ForeignJobs
from dkron_operator.act.inline_calls import Allowance
from dkron_operator.backfill.controller import Backfills
from dkron_operator.backfill.watching import BackfillWatch
from dkron_operator.cache.cached_job import CachedJob
from dkron_operator.cache.store import Store
from dkron_operator.cluster.pause_status import PauseStatuses
from dkron_operator.cluster.rest_token import RestAccount, RestToken
from dkron_operator.cluster.status_controller import ClusterStatusController
from dkron_operator.delivery import Delivery
from dkron_operator.kit.clock import Clock
from dkron_operator.kit.rollback import RollbackDetector, RolledBack
from dkron_operator.kit.workqueue import WorkQueue
from dkron_operator.leader.election import Leadership, Terms
from dkron_operator.leader.lease import Lease, Replica
from dkron_operator.monitoring import Monitoring, Parts
from dkron_operator.monitoring.health import Phase
from dkron_operator.monitoring.port import NOWHERE, Exposure, listening
from dkron_operator.plan.installation_rules import NO_RULES, InstallationRules
from dkron_operator.reconcile.reconciler import HOLD, Reconciler
from dkron_operator.telemetry.metrics import Metrics
from dkron_operator.watch.handlers import Handlers
from dkron_operator.watch.kopf_streams import KopfStreams
from dkron_operator.watch.liveness import WatchLiveness
from dkron_operator.watch.pauses import Pauses
from dkron_operator.watch.requested_runs import RequestedRunWatch
from dkron_operator.watch.resync import Resync
from dkron_pods.images import Images
from dkron_runtime.installed import require_current
from dkron_runtime.supervision import Supervisor
from dkron_runtime.tracing.kube import KubeSpans
from dkron_runtime.tracing.spans import Tracer

log = logging.getLogger(__name__)

GRACE = 10.0
"""Seconds for work under way when the operator is asked to stop."""
LAST_MAIL = 3.0
"""Seconds for messages being sent, and as long again to write down that they arrived."""
LAST_WORDS = 0.5
"""Seconds for messages about the last writes. No replica fires jobs meanwhile."""
LAST_STATUS = 1.0
"""Seconds for the DkronCluster status, which says that no replica leads until another does."""
FRESH = HOLD.total_seconds() / 2
"""Seconds for which the watches may be silent before a new leader treats the cache as stale."""
FAREWELL = 5.0
"""Seconds for releasing the Lease."""


class NotInstalled(Exception):
    """The custom resources, or the permissions on them, are missing. `str()` says what to do."""


class Operator:
    """One replica. `run` returns when it was asked to stop, and raises if it cannot go on."""

    def __init__(  # noqa: PLR0913 - what the options say, one by one
        self,
        access: Access,
        *,
        namespaces: Sequence[str],
        cluster_namespace: str,
        images: Images,
        output_dir: str = "",
        output_quota: int = 0,
        inline_calls: int = 0,
        inline_rules: AddressRules | None = None,
        own_tags: AgentTags = DKRONS,
        rules: InstallationRules = NO_RULES,
        confine: bool = True,
        strict: bool = False,
        creates: float = 0.0,
        rest: RestAccount | None = None,
        replica: Replica,
        terms: Terms | None,
        exposure: Exposure = NOWHERE,
        tracer: Tracer | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._namespaces = tuple(namespaces)
        self._clock = clock = clock or Clock()
        self._liveness = WatchLiveness((DKRON_JOBS, JOBS), self._namespaces or (None,), clock)
        self._rollback = RollbackDetector()
        metrics = Metrics()
        self.client = KubeClient(
            access,
            observer=None if tracer is None else KubeSpans(tracer, server=access.server),
            observe=metrics.answered,
            # The one door to the cluster: a replica that does not lead writes only the Lease, and requests tokens for
            # its own pod.
            may_write=self._may_write,
        )
        self.lease = Lease(
            self.client, replica,
            namespace=cluster_namespace, clock=clock, changed=self._lead, terms=terms, compare=self._rollback.compare,
        )  # fmt: skip
        self._before, self._filled_at = self.lease.view, 0.0
        self.cluster_status = ClusterStatusController(self.client, replica, namespace=cluster_namespace, clock=clock)
        self.events = Events(self.client, clock=clock, identity=replica.identity)
        foreign = ForeignJobs(clock=clock, report=self.events.report)
        self.store = Store(
            account=self._account, foreign=foreign.see, requeue=self._requeue, metrics=metrics, clock=clock,
            of_backfill=self._see_backfill,
        )  # fmt: skip
        self.delivery = Delivery(
            self.client, self.store, events=self.events, clock=clock, namespace=cluster_namespace,
            output_dir=output_dir, output_quota=output_quota, may_act=self.lease.may_act, write_soon=self._write_soon,
            requeue=self._requeue, on_problems=self.cluster_status.judge,
            on_event=partial(self._liveness.optional_event, DKRON_CLUSTERS),
        )  # fmt: skip
        self.pauses = Pauses(
            self.client, self.store, namespaces=self._namespaces, home=cluster_namespace, clock=clock,
            requeue=self._requeue, changed=self._pauses_changed,
            on_event=partial(self._liveness.optional_event, DKRON_PAUSES),
        )  # fmt: skip
        self._pause_statuses = PauseStatuses(
            self.client, self.pauses, self.store, home=cluster_namespace, clock=clock,
            may_act=self.lease.may_act,
        )  # fmt: skip
        self.reconciler = Reconciler(
            self.client, self.store, clock=clock, events=self.events, delivery=self.delivery, images=images,
            booked=self.cluster_status.settle, terms=terms,
            allowance=Allowance(inline_calls, self.lease.may_act, inline_rules),
            own=own_tags, rules=rules, confine=confine, strict=strict, creates=creates, tracer=tracer,
            compare=self._rollback.compare,
            on_node_event=partial(self._liveness.optional_event, NODES), pauses=self.pauses.of,
        )  # fmt: skip
        handlers = Handlers(
            self.store, changed=self._requeue, listed=self._list_again, on_object=self.cluster_status.see_job
        )
        self._resync = Resync(self.client, self.store, handlers, self._namespaces or None)
        self.watching = KopfStreams(
            handlers, access, self._liveness,
            identity=replica.identity, namespaces=self._namespaces, gone=self._require_installation,
        )  # fmt: skip
        self._run_watches = [
            RequestedRunWatch(
                self.client, self.store.runs, namespace, changed=self.reconciler.runs.see,
                on_event=partial(self._liveness.optional_event, DKRON_RUNS),
            )
            for namespace in self._namespaces or (None,)
        ]  # fmt: skip
        self.backfills = Backfills(self.client, self.store, clock=clock, events=self.events, may_act=self.lease.may_act)
        self._backfill_watches = [
            BackfillWatch(
                self.client, self.backfills, namespace,
                on_event=partial(self._liveness.optional_event, DKRON_BACKFILLS),
            )
            for namespace in self._namespaces or (None,)
        ]  # fmt: skip
        self._rest_token = (
            None if rest is None else RestToken(self.client, rest, namespace=cluster_namespace, clock=clock)
        )
        self._supervisor = Supervisor(clock=clock.monotonic)
        parts = Parts(
            self.client, self.store, self.cluster_status, self.lease, self.reconciler, self._liveness, self._supervisor,
            rest_token=self._rest_token,
            queues=(
                self.reconciler.queue, *self.reconciler.queues, self.events.queue, self.cluster_status.queue,
                self.delivery.queue, self.backfills.queue, self.pauses.queue,
            ),
        )  # fmt: skip
        self._exposure = exposure
        self.monitoring = Monitoring(parts, clock=clock, version=replica.version, per_job=exposure.per_job)
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Ask for an orderly shutdown."""
        self._stop.set()

    def _requeue(self, uid: str) -> None:
        self.reconciler.queue.add(uid)

    def _pauses_changed(self) -> None:
        self._pause_statuses.changed()

    def _write_soon(self, cached: CachedJob) -> None:
        self.reconciler.writer.write_soon(cached)

    def _see_backfill(self, uid: str) -> None:
        self.backfills.run_changed(uid)

    def _list_again(self) -> None:
        self._resync.want()

    def _account(self, uid: str, status: JobStatus | None) -> None:
        self.cluster_status.see(uid, status)
        self.monitoring.job_states.note(uid)
        self.delivery.see(uid, status)
        self.reconciler.traces.see(uid, status)
        self.reconciler.runs.see_job(uid)

    def _lead(self, leadership: Leadership) -> None:
        before, self._before = self._before, leadership
        if leadership.acts and not before.acts:
            anew = leadership.term != before.term
            self.reconciler.take_over(idle=self.lease.idle, anew=anew, behind=self._is_behind())
            self.backfills.take_over()
        self.cluster_status.lead(leadership)
        self.delivery.lead(leadership)

    def _is_behind(self) -> bool:
        """Whether the watches have been silent for so long that Jobs, whose names prevent double runs, could have come
        and gone."""
        signs = self._liveness.by_resource().values()
        age = self._clock.monotonic() - min(max(sign.seen or 0.0, self._filled_at) for sign in signs)
        return age > FRESH

    def _may_write(self, resource: Resource) -> bool:
        return resource in {LEASES, TOKEN_REQUESTS} or self.lease.may_act()

    async def run(self) -> None:
        """Fill the store, then watch and act until stopped. Raises `NotInstalled`, `Outdated`, `PortTaken`,
        `RolledBack`, `KubeError`, or what broke."""
        try:
            # It tells how far all the rest is, so it is there from the beginning to the end.
            async with listening(self._exposure, self.monitoring.answers):
                await self._run()
        finally:
            await self.client.close()
            log.info("stopped", extra={"calls": self._calls()})

    async def _run(self) -> None:
        early = [self._supervisor.start("event loop lag", self.monitoring.loop_lag.run)]
        if self._rest_token is not None:
            early.append(self._supervisor.start("token of the REST API", self._rest_token.run))
        try:
            await self._require_installation()
            await require_current(self.client)
            await self.cluster_status.read()
            await self.delivery.installation.read()
            await self.pauses.read()
            self._filled_at = self._clock.monotonic()
            await self._resync.fill()
            self.cluster_status.begin()
            self.reconciler.due_queue.begin()
            self._take_signals()
            log.info("ready with %d jobs", len(self.store), extra={"namespaces": list(self._namespaces) or "all"})
            await self._work()
        finally:
            await _cancel(early)

    def _calls(self) -> dict[str, int]:
        """How often the API server was called, by verb, resource and answer. kopf's watches are not included."""
        return {f"{call.verb} {call.resource} {call.status}": n for call, n in sorted(self.client.calls.items())}

    async def _require_installation(self) -> None:
        namespace = self._namespaces[0] if self._namespaces else None
        try:
            async for _ in self.client.list(DKRON_JOBS, namespace):
                break
        except NotFound as exc:
            raise NotInstalled(
                "the custom resource DkronJob is not installed in this cluster; run kubectl apply -f crds/, or "
                "helm upgrade with crds.enabled=true"
            ) from exc
        except Rejected as exc:
            if namespace is None:
                raise NotInstalled(
                    f"{exc}; grant the permission with a ClusterRole, or name the namespaces to watch with --namespace"
                ) from exc
            raise

    async def _work(self) -> None:
        parts = self.reconciler
        # kopf cancels every task that was started after it, so ours are started first, and their workers with them.
        start = self._supervisor.start
        effects = [start("due queue", parts.due_queue.run), *self._start(parts.queue)]
        others = [
            *self._start(
                *parts.queues, self.events.queue, self.cluster_status.queue, self.backfills.queue, self.pauses.queue
            ),
            start("nodes", parts.nodes.run), start("pauses", self.pauses.run), start("resync", self._resync.run),
            start("pause status", self._pause_statuses.run),
            *(start(f"runs of {watch.namespace or 'all namespaces'}", watch.run) for watch in self._run_watches),
            *(start(f"backfills of {each.namespace or 'all namespaces'}", each.run) for each in self._backfill_watches),
            start("cluster status", self.cluster_status.look), start("delivery", self.delivery.run),
        ]  # fmt: skip
        leaving = start("lease", self.lease.run, may_end=True)
        watch = start("watch", self._watch, fatal=(NotInstalled,), may_end=True)
        rollback = start("rollback", self._rollback.run, fatal=(RolledBack,))
        stopped = asyncio.create_task(self._stop.wait(), name="stop")
        monitoring = self.monitoring
        monitoring.tasks, monitoring.phase = [*effects, *others, leaving, watch], Phase.WORKING
        try:
            done = await _first({watch, stopped, leaving, rollback, *effects, *others})
            if done == {leaving}:
                monitoring.tasks, monitoring.phase = [*others, watch], Phase.LEFT
                await self._leave(leaving, effects)
                done = await _first({watch, stopped, rollback, *others})
            if rollback in done:
                # Pending writes follow from a state that the restore has taken back.
                _silence_kopf()
                rollback.result()
            monitoring.phase = Phase.STOPPING
            log.info("stopping")
            await parts.calls.close(grace=GRACE)
            # Send messages while Jobs are still fired: from here until the Lease is free, no replica fires.
            await self.delivery.drain(LAST_MAIL)
            await _cancel(effects)
            if await self._flush(GRACE):
                await self.delivery.drain(LAST_WORDS)
                await self._flush(LAST_MAIL)
            await self._take_leave(leaving)
            # It may be in the middle of its own start: that its connections are cut then is our doing, and no news.
            _silence_kopf()
            watch.cancel()
            await asyncio.wait({watch}, timeout=GRACE)
        finally:
            await _cancel([watch, stopped, leaving, rollback, *effects, *others])
        for task in done - {stopped}:
            task.result()

    async def _leave(self, leaving: asyncio.Task[None], effects: Sequence[asyncio.Task[None]]) -> None:
        """Stop all work, as requested, but keep running."""
        await leaving
        log.warning("asked to leave: this replica fires and records nothing until it is restarted")
        await self.reconciler.calls.close(grace=GRACE)
        await _cancel(effects)
        await self._flush(GRACE)
        await self._say_who_leads(stopped=False)
        await self.lease.release()

    async def _take_leave(self, leaving: asyncio.Task[None]) -> None:
        """Release the Lease for another replica, if the API server answers."""
        await self._say_who_leads(stopped=True)
        await _cancel([leaving])
        try:
            async with asyncio.timeout(FAREWELL):
                await self.lease.release(stopped=True)
        except TimeoutError:
            log.warning("cannot release the Lease; it expires by itself")

    async def _say_who_leads(self, *, stopped: bool) -> None:
        """Write that this replica no longer leads while it still does; the next leader writes that it leads."""
        try:
            async with asyncio.timeout(LAST_STATUS):
                await self.cluster_status.close(self.lease.view.ended(stopped=stopped))
        except TimeoutError:
            log.warning("cannot write the status of the DkronCluster; the next leader writes it")

    async def _flush(self, seconds: float) -> bool:
        """Write the pending statuses; returns whether that succeeded."""
        try:
            async with asyncio.timeout(seconds):
                await self.reconciler.writer.queue.idle()
        except TimeoutError:
            log.warning("cannot write all pending statuses; the next start rebuilds them from the Jobs")
            return False
        return True

    def _start(self, *queues: WorkQueue[Any]) -> list[asyncio.Task[None]]:
        return [self._supervisor.start(f"queue {queue.name}", queue.run) for queue in queues]

    async def _watch(self) -> None:
        await self.watching.run()
        self.stop()

    def _take_signals(self) -> None:
        """From now on a signal requests an orderly shutdown. Before that, there is nothing to clean up."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stop)
        # kopf has handlers of its own and no option to leave them out: they would end the watch before the work is
        # written down.
        loop.add_signal_handler = lambda *_: None  # type: ignore[method-assign]


def _silence_kopf() -> None:
    logging.getLogger("kopf").setLevel(logging.CRITICAL)


async def _first(tasks: set[asyncio.Task[Any]]) -> set[asyncio.Task[Any]]:
    """Wait until one has ended; returns all that have."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    return done


async def _cancel(tasks: Sequence[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
