"""The operator's edges around a fake API server, with a wall clock that goes with the loop."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, cast
from unittest.mock import Mock

from dkron_crds.job import JobStatus
from dkron_executors.run.addresses import AddressRules
from dkron_kube.client import KubeClient
from dkron_kube.paths import DKRON_JOBS, JOBS
from dkron_operator.act.inline_calls import Allowance
from dkron_operator.act.ports import Archive, Ports
from dkron_operator.app import Parts
from dkron_operator.cache.cached_job import CachedJob
from dkron_operator.delivery.outbox import Sending
from dkron_operator.kit.clock import Clock
from dkron_operator.kit.rollback import Compare, ignore_versions
from dkron_operator.leader.election import Terms
from dkron_operator.leader.lease import DEFAULT, Replica
from dkron_operator.options import Options
from dkron_operator.plan.job.rules import NO_RULES, InstallationRules, JobSettings
from dkron_operator.plan.situation.pools import NO_POOLS
from dkron_operator.watch.handlers import Handlers
from dkron_operator.watch.liveness import WatchLiveness
from dkron_runtime.tracing.spans import Tracer
from tests.support.builders import IMAGES, NAME, NOON, UID, Object, wire_job
from tests.support.fake_kube import ROOM, FakeKube


def wall() -> datetime:
    return NOON + timedelta(seconds=asyncio.get_running_loop().time())


def until(second: float) -> Coroutine[Any, Any, None]:
    """Sleep to this second of the test."""
    return asyncio.sleep(second - asyncio.get_running_loop().time())


class EdgeParts(Parts):
    """The parts of the operator, with the senders of a test."""

    def __init__(self, senders: Sending | None, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._senders = senders

    @cached_property
    def senders(self) -> Sending:
        return self._senders or super().senders


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
        terms: Terms = DEFAULT,
        archive: Archive | None = None,
    ) -> None:
        clock = Clock(wall, asyncio.get_running_loop().time)
        self.kube = kube
        self.acts = True
        self.booked = 0
        self.changed: list[str] = []
        self.requeued: list[str] = []
        self.shown: dict[str, JobStatus | None] = {}
        """What each job was last accounted with."""
        options = Options(
            namespaces=(), home="home", replica=Replica(identity="me", address="", version="1"), terms=terms,
            jobs=JobSettings(IMAGES, rules=rules, home="home"), calls=Allowance(inline_calls, AddressRules()),
            creates=creates,
        )  # fmt: skip
        ports = Ports(cast("KubeClient", kube), clock, tracer=tracer, compare=compare, archive=archive)
        liveness = WatchLiveness((DKRON_JOBS, JOBS), (None,), clock)
        self.parts = EdgeParts(senders, options, ports, may_act=self._may_act, watch_liveness=liveness)
        self.parts.pauses = Mock(selecting=lambda _: (), workers=(), index=(), known=True)
        none = Mock(is_unread=lambda _: False)
        self.parts.pools = Mock(places_of=lambda _: NO_POOLS, places=none, workers=())
        self.parts.cluster_status = Mock(settle=self._settle, workers=())
        self.parts.connect()
        self.store, self.events, self.delivery = self.parts.store, self.parts.events, self.parts.delivery
        self.store.on_affected.add(self.requeued.append)
        self.store.on_stored.add(self.shown.__setitem__)
        self.handlers = Handlers(self.store, requeue=self._change)
        self._act = False

    def watch(self) -> None:
        """Bring everything that exists, as a watch would."""
        for name in self.kube.names(DKRON_JOBS):
            self.handlers.feed_job("MODIFIED", self.kube.has(DKRON_JOBS, name))
        for name in self.kube.names(JOBS):
            self.handlers.feed_attempt("MODIFIED", self.kube.has(JOBS, name))

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
        """All queues at work."""
        parts, self._act = self.parts, True
        tasks = [
            asyncio.create_task(work)
            for work in (parts.due_queue.run(), parts.nodes.run(), *(each.run() for each in parts.workers()))
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
            await self.parts.calls.close(grace=0)
            assert not ended, "no part of the operator ends by itself"
            assert len(self.kube.calls) < ROOM, f"a loop without rest: {self.kube.calls[-5:]}"

    def _may_act(self) -> bool:
        return self.acts

    async def _settle(self) -> None:
        self.booked += 1

    def _change(self, uid: str) -> None:
        self.changed.append(uid)
        if self._act and self.store.get(uid) is not None:
            self.parts.jobs.add(uid)


def begin(
    kube: FakeKube | None = None,
    *,
    inline_calls: int = 0,
    tracer: Tracer | None = None,
    compare: Compare = ignore_versions,
    rules: InstallationRules = NO_RULES,
    terms: Terms = DEFAULT,
    **spec: Any,
) -> Edges:
    """With one DkronJob, by default each minute, that the store knows. Called within a running loop."""
    kube = kube or FakeKube()
    kube.put(DKRON_JOBS, wire_job(**spec))
    found = Edges(kube, inline_calls=inline_calls, tracer=tracer, compare=compare, rules=rules, terms=terms)
    found.watch()
    return found
