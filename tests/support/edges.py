"""The operator's edges around a fake API server, with a wall clock that goes with the loop."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, cast

from dkron_crds.job import JobStatus
from dkron_executors.run.addresses import AddressRules
from dkron_kube.client import KubeClient
from dkron_kube.paths import DKRON_JOBS, JOBS
from dkron_operator.act.events import Events
from dkron_operator.act.inline_calls import Allowance
from dkron_operator.cache.cached_job import CachedJob
from dkron_operator.cache.store import Store
from dkron_operator.delivery import Delivery, Sending
from dkron_operator.kit.clock import Clock
from dkron_operator.kit.rollback import Compare, ignore_versions
from dkron_operator.plan.installation_rules import NO_RULES, InstallationRules
from dkron_operator.reconcile.reconciler import Reconciler
from dkron_operator.watch.handlers import Handlers
from dkron_runtime.tracing.spans import Tracer
from tests.support.builders import IMAGES, NAME, NOON, UID, Object, wire_job
from tests.support.fake_kube import ROOM, FakeKube


def wall() -> datetime:
    return NOON + timedelta(seconds=asyncio.get_running_loop().time())


def until(second: float) -> Coroutine[Any, Any, None]:
    """Sleep to this second of the test."""
    return asyncio.sleep(second - asyncio.get_running_loop().time())


class Edges:
    """Everything that acts, connected as in the operator, and the watch in the hands of the test."""

    def __init__(
        self,
        kube: FakeKube,
        senders: Sending | None = None,
        *,
        inline_calls: int = 0,
        creates: float = 0.0,
        tracer: Tracer | None = None,
        compare: Compare = ignore_versions,
        rules: InstallationRules = NO_RULES,
        on_problems: Callable[[tuple[str, ...] | None], None] = lambda _: None,
    ) -> None:
        client, clock = cast("KubeClient", kube), Clock(wall, asyncio.get_running_loop().time)
        self.kube = kube
        self.acts = True
        self.requeued: list[str] = []
        self.shown: dict[str, JobStatus | None] = {}
        """What each job was last accounted with."""
        self.store = Store(account=self._account, requeue=self._requeue)
        self.events = Events(client, clock=clock, identity="me")
        self.delivery = Delivery(
            client,
            self.store,
            events=self.events,
            clock=clock,
            namespace="home",
            senders=senders,
            may_act=self._may_act,
            write_soon=self._write_soon,
            requeue=self._requeue,
            on_problems=on_problems,
        )
        self.reconciler = Reconciler(
            client,
            self.store,
            clock=clock,
            events=self.events,
            delivery=self.delivery,
            images=IMAGES,
            booked=self._book,
            allowance=Allowance(inline_calls, self._may_act, AddressRules()),
            creates=creates,
            tracer=tracer,
            compare=compare,
            rules=rules,
        )
        self.booked = 0
        self.changed: list[str] = []
        self.source = Handlers(self.store, changed=self._change)
        self._act = False

    def _requeue(self, uid: str) -> None:
        self.requeued.append(uid)
        self.reconciler.queue.add(uid)

    def _write_soon(self, entry: CachedJob) -> None:
        self.reconciler.writer.write_soon(entry)

    def _account(self, uid: str, status: JobStatus | None) -> None:
        self.shown[uid] = status
        self.delivery.see(uid, status)
        self.reconciler.traces.see(uid, status)
        self.reconciler.runs.see_job(uid)

    def watch(self) -> None:
        """Bring everything that exists, as a watch would."""
        for name in self.kube.names(DKRON_JOBS):
            self.source.feed_job("MODIFIED", self.kube.has(DKRON_JOBS, name))
        for name in self.kube.names(JOBS):
            self.source.feed_run("MODIFIED", self.kube.has(JOBS, name))

    def edit_job(self, change: Callable[[Object], None]) -> None:
        """Another writer changes the DkronJob, before any watch tells of it."""
        self.kube.edit(DKRON_JOBS, NAME, change)

    def asked(self, call: str) -> int:
        """How many requests begin so."""
        return sum(each.startswith(call) for each in self.kube.calls)

    def entry(self, uid: str = UID) -> CachedJob:
        found = self.store.get(uid)
        assert found is not None
        return found

    def status(self, name: str = "backup") -> JobStatus:
        """As it is at the API server."""
        return JobStatus.from_wire(self.kube.has(DKRON_JOBS, name).get("status") or {})

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """All lanes and the agenda at work."""
        parts, self._act = self.reconciler, True
        queues = (
            parts.queue, parts.writer.queue, parts.observer.endings, parts.observer.starts, parts.checker.queue,
            parts.acceptance.queue, parts.cleaning, parts.stopper.queue, parts.stopper.listening, self.events.queue,
            *parts.runs.queues,
        )  # fmt: skip
        tasks = [
            asyncio.create_task(work)
            for work in (parts.due_queue.run(), parts.nodes.run(), *(queue.run() for queue in queues))
        ]
        for uid in tuple(self.store.places()):
            self._change(uid)
        try:
            yield
        finally:
            ended = [task for task in tasks if task.done()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.reconciler.calls.close(grace=0)
            assert not ended, "no part of the operator ends by itself"
            assert len(self.kube.calls) < ROOM, f"a loop without rest: {self.kube.calls[-5:]}"

    def _may_act(self) -> bool:
        return self.acts

    async def _book(self) -> None:
        self.booked += 1

    def _change(self, uid: str) -> None:
        self.changed.append(uid)
        if self._act and self.store.get(uid) is not None:
            self.reconciler.queue.add(uid)


def begin(
    kube: FakeKube | None = None,
    *,
    inline_calls: int = 0,
    tracer: Tracer | None = None,
    compare: Compare = ignore_versions,
    rules: InstallationRules = NO_RULES,
    **spec: Any,
) -> Edges:
    """With one DkronJob, by default each minute, that the store knows. Called within a running loop."""
    kube = kube or FakeKube()
    kube.put(DKRON_JOBS, wire_job(**spec))
    found = Edges(kube, inline_calls=inline_calls, tracer=tracer, compare=compare, rules=rules)
    found.watch()
    return found
