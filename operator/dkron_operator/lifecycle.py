"""The life of a replica: what starts when, what it does as its leadership changes, and how it ends."""

import asyncio
import logging
import signal
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, Protocol

from dkron_kube.client import KubeClient
from dkron_kube.errors import NotFound, Rejected
from dkron_kube.paths import DKRON_JOBS, JOBS
from dkron_operator.act.ports import Ports
from dkron_operator.app import Parts
from dkron_operator.cluster.rest_token import RestAccount, RestToken
from dkron_operator.kit.rollback import RollbackDetector, RolledBack
from dkron_operator.leader.election import Leadership
from dkron_operator.leader.lease import Lease
from dkron_operator.monitoring.health import Phase
from dkron_operator.monitoring.monitoring import Monitored, Monitoring
from dkron_operator.monitoring.port import NOWHERE, Exposure, listening
from dkron_operator.options import Options
from dkron_operator.reconcile.gather import RETENTION
from dkron_operator.watch.liveness import WatchLiveness
from dkron_runtime.installed import require_current
from dkron_runtime.supervision import Supervisor

log = logging.getLogger(__name__)

GRACE = 10.0
"""Seconds for work under way when the operator is asked to stop."""
LAST_MAIL = 3.0
"""Seconds for messages being sent, and as long again to write down that they arrived."""
LAST_WORDS = 0.5
"""Seconds for messages about the last writes. No replica fires jobs meanwhile."""
LAST_STATUS = 1.0
"""Seconds for the DkronCluster status, which says that no replica leads until another does."""
FRESH = RETENTION.total_seconds() / 2
"""How many seconds the watches may be silent before a new leader treats the cache as stale."""
FAREWELL = 5.0
"""Seconds for releasing the Lease."""


class NotInstalled(Exception):
    """The custom resources, or the permissions on them, are missing. `str()` says what to do."""


class Streams(Protocol):
    """The watches of DkronJobs and Jobs."""

    async def run(self) -> None:
        """Watch until cancelled, or until the streams end by themselves."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Offers of a replica to others beside its work, and the source of its watches."""

    streams: Callable[[Parts], Streams]
    exposure: Exposure = NOWHERE
    """Where it answers probes and scrapes."""

    rest: RestAccount | None = None
    """The account of a REST API in the same pod."""

    parts: Callable[..., Parts] = Parts
    lease: Callable[..., Lease] = Lease
    signals: bool = True
    """Whether SIGINT and SIGTERM ask for an orderly shutdown."""

    filling: Callable[[], AbstractContextManager[None]] = nullcontext
    """The context of the first read of all objects, in a process that has one operator."""


class Operator:
    """One replica. `run` returns when it was asked to stop, and raises if it cannot go on.

    The client of the `ports` is not guarded: a replica that does not lead writes the Lease, and requests tokens for its
    own pod. The parts get a client that asks before each write whether this replica leads.
    """

    def __init__(self, options: Options, ports: Ports, around: Surroundings) -> None:
        self._options, self._client, self._clock = options, ports.client, ports.clock
        self._archive = ports.archive
        self._rollback = RollbackDetector()
        self._lease_client = ports.client.apart()
        self.lease = around.lease(
            self._lease_client,
            options.replica,
            namespace=options.home,
            clock=ports.clock,
            terms=options.terms,
            compare=self._rollback.compare,
        )
        self.watch_liveness = WatchLiveness((DKRON_JOBS, JOBS), options.namespaces or (None,), ports.clock)
        guarded = replace(ports, client=ports.client.guarded(self.lease.may_act), compare=self._rollback.compare)
        self.parts = around.parts(options, guarded, may_act=self.lease.may_act, watch_liveness=self.watch_liveness)
        self.parts.connect()
        self._rest_token = None
        if around.rest is not None:
            self._rest_token = RestToken(ports.client, around.rest, namespace=options.home, clock=ports.clock)
        self._supervisor = Supervisor(clock=ports.clock.monotonic)
        self._workers, self._loops = tuple(self.parts.workers()), tuple(self.parts.loops())
        self.monitoring = Monitoring(
            self._monitored(), clock=ports.clock, version=options.replica.version, per_job=around.exposure.per_job
        )
        self._streams = around.streams(self.parts)
        self._exposure, self._signals, self._filling = around.exposure, around.signals, around.filling
        self._before, self._filled_at = self.lease.view, 0.0
        self.lease.on_change.add(self._lead)
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Ask for an orderly shutdown."""
        self._stop.set()

    async def run(self) -> None:
        """Fill the store, then watch and act until stopped. Raises `NotInstalled`, `Outdated`, `PortTaken`,
        `RolledBack`, `KubeError`, or what broke."""
        try:
            # It tells how far all the rest is, so it is there from the beginning to the end.
            async with listening(self._exposure, self.monitoring.answers):
                await self._run()
        finally:
            await self._client.close()
            await self._lease_client.close()
            if self._archive is not None:
                await self._archive.close()
            log.info("stopped", extra={"calls": self._calls()})

    async def _run(self) -> None:
        early = [self._supervisor.start("event loop lag", self.monitoring.loop_lag.run)]
        if self._rest_token is not None:
            early.append(self._supervisor.start("token of the REST API", self._rest_token.run))
        try:
            await self._fill()
            if self._signals:
                self._take_signals()
            namespaces = list(self._options.namespaces) or "all"
            log.info("ready with %d jobs", len(self.parts.store), extra={"namespaces": namespaces})
            await self._work()
        finally:
            await _cancel(early)

    async def _fill(self) -> None:
        """Read everything for the first time. The totals come first: a job deleted in between would count twice."""
        parts = self.parts
        await require_installation(self._client, self._options.namespaces)
        await require_current(self._client)
        await parts.cluster_status.read()
        await parts.installation.read()
        await parts.pauses.read()
        await parts.pools.read()
        self._filled_at = self._clock.monotonic()
        with self._filling():
            await parts.resync.fill()
        parts.cluster_status.begin()
        parts.due_queue.begin()

    async def _work(self) -> None:
        # kopf cancels every task that was started after it, so ours are started first, and their workers with them.
        start, parts, (jobs, *others) = self._supervisor.start, self.parts, self._workers
        deciding = [start("due queue", parts.due_queue.run), start(f"queue {jobs.name}", jobs.run)]
        carrying = [start(f"queue {each.name}", each.run) for each in others]
        carrying += [start(name, run) for name, run in self._loops]
        leaving = start("lease", self.lease.run, may_end=True)
        watch = start("watch", self._watch, fatal=(NotInstalled,), may_end=True)
        rollback = start("rollback", self._rollback.run, fatal=(RolledBack,))
        stopped = asyncio.create_task(self._stop.wait(), name="stop")
        monitoring, done = self.monitoring, set[asyncio.Task[Any]]()
        monitoring.tasks, monitoring.phase = [*deciding, *carrying, leaving, watch], Phase.WORKING
        try:
            done = await _first({watch, stopped, leaving, rollback, *deciding, *carrying})
            if done == {leaving}:
                monitoring.tasks, monitoring.phase = [*carrying, watch], Phase.LEFT
                await self._leave(leaving, deciding)
                done = await _first({watch, stopped, rollback, *carrying})
            if rollback in done:
                # Pending writes follow from a state that the restore has taken back.
                _silence_kopf()
                rollback.result()
            monitoring.phase = Phase.STOPPING
            log.info("stopping")
            await self._finish(leaving, deciding)
            # It may be in the middle of its own start: that its connections are cut then is our doing, and no news.
            _silence_kopf()
            watch.cancel()
            await asyncio.wait({watch}, timeout=GRACE)
        finally:
            await _cancel([watch, stopped, leaving, rollback, *deciding, *carrying])
        for task in done - {stopped}:
            task.result()

    def _lead(self, leadership: Leadership) -> None:
        """The leadership has changed."""
        before, self._before, parts = self._before, leadership, self.parts
        if leadership.acts and not before.acts:
            new_term = leadership.term != before.term
            parts.take_over(idle=self.lease.idle, new_term=new_term, behind=self._is_behind())
            parts.backfills.take_over()
        parts.cluster_status.lead(leadership)
        parts.handover.lead(leadership)

    def _is_behind(self) -> bool:
        """Whether the watches have been silent for so long that Jobs, whose names prevent double runs, could have come
        and gone."""
        watches = self.watch_liveness.by_resource().values()
        age = self._clock.monotonic() - min(max(watch.seen or 0.0, self._filled_at) for watch in watches)
        return age > FRESH

    async def _finish(self, leaving: asyncio.Task[None], deciding: Sequence[asyncio.Task[None]]) -> None:
        """End the work in order, and release the Lease."""
        handover = self.parts.handover
        await self.parts.calls.close(grace=GRACE)
        # Send messages while Jobs are still fired: from here until the Lease is free, no replica fires.
        await handover.drain(LAST_MAIL)
        await _cancel(deciding)
        if await self._flush(GRACE):
            await handover.drain(LAST_WORDS, archive=True)
            await self._flush(LAST_MAIL)
        await self._take_leave(leaving)

    async def _leave(self, leaving: asyncio.Task[None], deciding: Sequence[asyncio.Task[None]]) -> None:
        """Stop all work, as requested, but keep running."""
        await leaving
        log.warning("asked to leave: this replica fires and records nothing until it is restarted")
        await self.parts.calls.close(grace=GRACE)
        await _cancel(deciding)
        await self._flush(GRACE)
        await self._say_who_leads(stopped=False)
        await self.lease.release()

    async def _take_leave(self, leaving: asyncio.Task[None]) -> None:
        """Release the Lease for another replica, if the API server answers."""
        await self._say_who_leads(stopped=True)
        await _cancel([leaving])
        await _within(FAREWELL, self.lease.release(stopped=True), "cannot release the Lease; it expires by itself")

    async def _say_who_leads(self, *, stopped: bool) -> None:
        """Write that this replica no longer leads while it still does; the next leader writes that it leads."""
        closed = self.parts.cluster_status.close(self.lease.view.ended(stopped=stopped))
        await _within(LAST_STATUS, closed, "cannot write the status of the DkronCluster; the next leader writes it")

    async def _flush(self, seconds: float) -> bool:
        """Write the pending statuses; returns whether that succeeded."""
        failure = "cannot write all pending statuses; the next start rebuilds them from the Jobs"
        return await _within(seconds, self.parts.writer.queue.idle(), failure)

    async def _watch(self) -> None:
        await self._streams.run()
        self.stop()

    def _take_signals(self) -> None:
        """From now on a signal requests an orderly shutdown. Before that, there is nothing to clean up."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stop)
        # kopf has handlers of its own and no option to leave them out: they would end the watch before the work is
        # written down.
        loop.add_signal_handler = lambda *_: None  # type: ignore[method-assign]

    def _calls(self) -> dict[str, int]:
        """How often the API server was called, by verb, resource and answer. kopf's watches are not included."""
        return {f"{call.verb} {call.resource} {call.status}": n for call, n in sorted(self._client.calls.items())}

    def _monitored(self) -> Monitored:
        parts = self.parts
        return Monitored(
            self._client,
            parts.store,
            parts.cluster_status,
            self.lease,
            parts.budget,
            parts.delivery,
            parts.calls,
            self.watch_liveness,
            self._supervisor,
            queues=tuple(each.queue for each in self._workers),
            rest_token=self._rest_token,
            archiver=parts.archiver,
        )


async def require_installation(client: KubeClient, namespaces: Sequence[str]) -> None:
    """Raises `NotInstalled` if the custom resources are not there, or may not be read in all namespaces."""
    namespace = namespaces[0] if namespaces else None
    try:
        async for _ in client.list(DKRON_JOBS, namespace):
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


def _silence_kopf() -> None:
    logging.getLogger("kopf").setLevel(logging.CRITICAL)


async def _within(seconds: float, work: Coroutine[Any, Any, None], failure: str) -> bool:
    """Await the work, or log its failure after so many seconds. Returns whether it is done."""
    try:
        async with asyncio.timeout(seconds):
            await work
    except TimeoutError:
        log.warning(failure)
        return False
    return True


async def _first(tasks: set[asyncio.Task[Any]]) -> set[asyncio.Task[Any]]:
    """Wait until one has ended; returns all that have."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    return done


async def _cancel(tasks: Sequence[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
