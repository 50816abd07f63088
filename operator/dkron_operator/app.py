"""The whole operator in one place: what it is made of, and the order in which that starts and stops."""

import asyncio
import logging
import signal
from collections.abc import Coroutine, Sequence
from functools import partial
from typing import Any

from dkron_crds.job import JobStatus
from dkron_crds.kube.access import Access
from dkron_crds.kube.client import KubeClient
from dkron_crds.kube.errors import NotFound, Rejected
from dkron_crds.kube.installed import require_current
from dkron_crds.kube.paths import DKRON_CLUSTERS, DKRON_JOBS, JOBS, NODES
from dkron_operator.calls import Allowance
from dkron_operator.clock import Clock
from dkron_operator.delivery import Delivery
from dkron_operator.events import Events
from dkron_operator.executors.images import Images
from dkron_operator.lease import Lease, Replica
from dkron_operator.monitoring import Monitoring, Parts
from dkron_operator.monitoring.health import Phase
from dkron_operator.monitoring.port import NOWHERE, Exposure, listening
from dkron_operator.plan.leader import Leadership
from dkron_operator.reconcile import Reconciler
from dkron_operator.rivals import Rivals
from dkron_operator.signs import Signs
from dkron_operator.source import Source
from dkron_operator.store import Store
from dkron_operator.sweep import Sweep
from dkron_operator.tally import Tally
from dkron_operator.watching import Watching
from dkron_tracing.kube import KubeSpans
from dkron_tracing.spans import Tracer

log = logging.getLogger(__name__)

GRACE = 10.0
"""Seconds for what is under way when the operator is asked to stop."""
LAST_MAIL = 3.0
"""Seconds for messages that are on their way, and once more to write down that they arrived."""
FAREWELL = 5.0
"""Seconds for the Lease and the DkronCluster after that."""


class NotInstalled(Exception):
    """The custom resources, or the rights on them, are missing. `str()` says what to do."""


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
        inline_calls: int = 0,
        replica: Replica,
        exposure: Exposure = NOWHERE,
        tracer: Tracer | None = None,
    ) -> None:
        self._namespaces = tuple(namespaces)
        observer = None if tracer is None else KubeSpans(tracer, server=access.server)
        self.client, clock = KubeClient(access, observer=observer), Clock()
        self.tally = Tally(self.client, namespace=cluster_namespace, version=replica.version, clock=clock)
        self.lease = Lease(self.client, replica, namespace=cluster_namespace, clock=clock, changed=self._lead)
        self.store = Store(account=self._account)
        self.client.observe = self.store.meters.answered
        self.events = Events(self.client, clock=clock, identity=replica.identity)
        self.delivery = Delivery(
            self.client, self.store, events=self.events, clock=clock, namespace=cluster_namespace, output_dir=output_dir
        )
        self.delivery.judged = self.tally.judge
        self.reconciler = Reconciler(
            self.client,
            self.store,
            clock=clock,
            events=self.events,
            delivery=self.delivery,
            images=images,
            booked=self.tally.settle,
            allowance=Allowance(inline_calls, self._leads),
        )
        self.reconciler.traces.tracer = tracer
        source = Source(self.store, changed=self.reconciler.lane.add)
        rivals = Rivals(cluster_namespace, clock=clock, changed=self.tally.touch)
        source.met, self.tally.rivalry = rivals.see, lambda: rivals.complaint
        self._sweep = Sweep(self.client, self.store, source, self._namespaces or None)
        source.listed = self._sweep.want
        self._clock = clock
        self._signs = Signs((DKRON_JOBS, JOBS), self._namespaces or (None,), clock)
        self.watching = Watching(
            source,
            access,
            self._signs,
            identity=replica.identity,
            namespaces=self._namespaces,
            gone=self._require_installation,
        )
        self.reconciler.nodes.heard = partial(self._signs.beside, NODES)
        self.delivery.installation.heard = partial(self._signs.beside, DKRON_CLUSTERS)
        parts = Parts(self.client, self.store, self.tally, self.lease, self.events, self.reconciler, self._signs)
        self._exposure = exposure
        self.monitoring = Monitoring(parts, clock=clock, version=replica.version, per_job=exposure.per_job)
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Ask for an orderly end."""
        self._stop.set()

    def _account(self, uid: str, status: JobStatus | None) -> None:
        self.tally.see(uid, status)
        self.monitoring.roll.note(uid)
        self.delivery.see(uid, status)
        self.reconciler.traces.see(uid, status)

    def _lead(self, leadership: Leadership) -> None:
        self.tally.lead(leadership)
        self.delivery.lead(leadership)
        self.reconciler.lead()

    async def run(self) -> None:
        """Fill the store, then watch and act until stopped. Raises `NotInstalled`, `Outdated`, `PortTaken`,
        `KubeError`, or what broke."""
        try:
            # It tells how far all the rest is, so it is there from the beginning to the end.
            async with listening(self._exposure, self.monitoring.answers):
                await self._run()
        finally:
            await self.client.close()
            log.info("stopped", extra={"calls": self._calls()})

    async def _run(self) -> None:
        pulse = asyncio.create_task(self.monitoring.pulse.run(), name="pulse")
        try:
            await self._require_installation()
            await require_current(self.client)
            await self.tally.read()
            await self.delivery.installation.read()
            await self._sweep.fill()
            self.tally.begin()
            self.reconciler.agenda.able_since = self._clock.now()
            self._take_signals()
            log.info("ready with %d jobs", len(self.store), extra={"namespaces": list(self._namespaces) or "all"})
            await self._work()
        finally:
            await _cancel([pulse])

    def _calls(self) -> dict[str, int]:
        """How often the API server was called, by verb, resource and answer; the watches are kopf's and not in it."""
        return {f"{call.verb} {call.resource} {call.status}": n for call, n in sorted(self.client.calls.items())}

    async def _require_installation(self) -> None:
        namespace = self._namespaces[0] if self._namespaces else None
        try:
            async for _ in self.client.list(DKRON_JOBS, namespace):
                break
        except NotFound as exc:
            raise NotInstalled(
                "the custom resource DkronJob is not installed in this cluster: kubectl apply -f crds/, or "
                "helm upgrade with crds.enabled=true"
            ) from exc
        except Rejected as exc:
            if namespace is None:
                raise NotInstalled(
                    f"{exc}; allow it by a ClusterRole, or name the namespaces to watch with --namespace"
                ) from exc
            raise

    async def _work(self) -> None:
        parts = self.reconciler
        # kopf cancels every task that was started after it, so ours are started first, and their workers with them.
        effects = _start(parts.agenda.run(), parts.lane.run())
        others = _start(
            parts.writer.lane.run(), parts.observer.endings.run(), parts.observer.starts.run(),
            parts.checker.lane.run(), parts.cleaning.run(), parts.stopper.lane.run(), parts.stopper.listening.run(),
            parts.nodes.run(), self.events.lane.run(), self._sweep.run(),
            self.tally.lane.run(), self.tally.look(), self.delivery.run(),
        )  # fmt: skip
        leaving = asyncio.create_task(self.lease.run(), name="lease")
        watch = asyncio.create_task(self._watch(), name="watch")
        stopped = asyncio.create_task(self._stop.wait(), name="stop")
        monitoring = self.monitoring
        monitoring.tasks, monitoring.phase = [*effects, *others, leaving, watch], Phase.WORKING
        try:
            done = await _first({watch, stopped, leaving, *effects, *others})
            if done == {leaving}:
                monitoring.tasks, monitoring.phase = [*others, watch], Phase.LEFT
                await self._leave(leaving, effects)
                done = await _first({watch, stopped, *others})
            monitoring.phase = Phase.STOPPING
            log.info("stopping")
            await parts.calls.close(grace=GRACE)
            await _cancel([leaving, *effects])
            if await self._flush(GRACE):
                await self.delivery.drain(LAST_MAIL)
                await self._flush(LAST_MAIL)
            await self._take_leave()
            # It may be in the middle of its own start: that its connections are cut then is our doing, and no news.
            logging.getLogger("kopf").setLevel(logging.CRITICAL)
            watch.cancel()
            await asyncio.wait({watch}, timeout=GRACE)
        finally:
            await _cancel([watch, stopped, leaving, *effects, *others])
        for task in done - {stopped}:
            task.result()

    async def _leave(self, leaving: asyncio.Task[None], effects: Sequence[asyncio.Task[None]]) -> None:
        """Do nothing any more, as somebody has asked for, but stay."""
        await leaving
        log.warning("asked to leave: nothing is fired and nothing recorded until a restart")
        await self.reconciler.calls.close(grace=GRACE)
        await _cancel(effects)
        await self._flush(GRACE)
        await self.lease.release()

    def _leads(self) -> bool:
        """Whether this replica makes the calls of the installation. Without rights on Leases there is one replica."""
        view = self.lease.view
        return view.held or (bool(view.trouble) and not (view.by_another or view.left or view.stopped))

    async def _take_leave(self) -> None:
        """Say that nobody leads any more, if the API server answers."""
        try:
            async with asyncio.timeout(FAREWELL):
                await self.lease.release(stopped=True)
                await self.tally.close()
        except TimeoutError:
            log.warning("the Lease and the DkronCluster could not be written; the Lease ends by itself")

    async def _flush(self, seconds: float) -> bool:
        """Write what is to be written; whether that was possible."""
        try:
            async with asyncio.timeout(seconds):
                await self.reconciler.writer.lane.idle()
        except TimeoutError:
            log.warning("some status could not be written; the next start finds it from the Jobs")
            return False
        return True

    async def _watch(self) -> None:
        await self.watching.run()
        self.stop()

    def _take_signals(self) -> None:
        """From now on a signal is a wish for an orderly end. Before, there is nothing to put in order."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stop)
        # kopf has handlers of its own and no option to leave them out: they would end the watch before the work is
        # written down.
        loop.add_signal_handler = lambda *_: None  # type: ignore[method-assign]


def _start(*work: Coroutine[None, None, None]) -> list[asyncio.Task[None]]:
    return [asyncio.create_task(part, name=getattr(part, "__qualname__", str(part))) for part in work]


async def _first(tasks: set[asyncio.Task[Any]]) -> set[asyncio.Task[Any]]:
    """Those that have ended, when one has."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    return done


async def _cancel(tasks: Sequence[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
