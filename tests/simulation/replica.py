"""A replica of the operator: process after process of the program as it is, from its lanes to its Lease, with the world
in place of the API server, and our watches in place of kopf's.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from contextvars import Context, ContextVar
from datetime import datetime, timedelta
from functools import cached_property, partial
from typing import Any, cast

from dkron_crds.job import Attempt
from dkron_crds.job_metadata import SELECTOR
from dkron_executors.keys.http import Http
from dkron_executors.result import Result
from dkron_executors.run.pool import Pool
from dkron_kube.client import KubeClient
from dkron_kube.errors import KubeError
from dkron_kube.paths import DKRON_JOBS, DKRON_PAUSES, DKRON_POOLS, JOBS, Resource
from dkron_operator.act.inline_calls import Allowance, InlineCalls
from dkron_operator.act.ports import Archive, Ports
from dkron_operator.app import Parts
from dkron_operator.cache.cached_job import CachedJob
from dkron_operator.kit.clock import Clock
from dkron_operator.leader.election import Terms
from dkron_operator.leader.lease import Lease
from dkron_operator.leader.lease import Replica as Identity
from dkron_operator.lifecycle import Operator, Surroundings
from dkron_operator.monitoring.health import Phase
from dkron_operator.options import Options
from dkron_operator.plan.job.rules import JobSettings
from dkron_operator.plan.situation.view import JobView
from tests.simulation.client import WorldClient
from tests.simulation.clients import HOME
from tests.simulation.dice import Dice
from tests.simulation.loop import RUNNING, Process, VirtualLoop
from tests.simulation.network import Network, Trouble
from tests.simulation.watching import Watch
from tests.support.builders import IMAGES
from tests.support.unelected import Unelected
from tests.support.world import World

INLINE = 8
"""How many inline calls may be under way at once."""
Receiver = Callable[[JobView, Attempt], Result]
"""Answers an inline call."""
CALLED: ContextVar[tuple[JobView, Attempt]] = ContextVar("CALLED")
"""The attempt that a task calls."""


class Calls(InlineCalls):
    """Inline calls whose receiver is part of the story."""

    def __init__(self, client: WorldClient, receiver: Receiver, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._pool = Reach(client, receiver)

    def begin(self, cached: CachedJob, active: Attempt, **of_the_run: Any) -> None:
        CALLED.set((cached.job, active))
        super().begin(cached, active, **of_the_run)


class Reach(Pool):
    """The way there."""

    def __init__(self, client: WorldClient, receiver: Receiver) -> None:
        super().__init__(limit=INLINE)
        self._client = client
        self._receiver = receiver

    async def call(self, keys: Http) -> Result:  # noqa: ARG002 - there is one receiver
        job, active = CALLED.get()
        return await self._client.reach(active.job, partial(self._receiver, job, active))


class Simulated(Parts):
    """The parts of the operator, with the receivers of inline calls in the story."""

    def __init__(self, client: WorldClient, receiver: Receiver, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._client = client
        self._receiver = receiver

    @cached_property
    def calls(self) -> InlineCalls:
        return Calls(
            self._client, self._receiver, self.store, self.jobs,
            allowance=self.options.calls, clock=self.ports.clock, listener=self.handover, may_act=self.may_act,
        )  # fmt: skip


class Watches:
    """Our watches, in the place of kopf's streams."""

    def __init__(self, watches: Sequence[Watch], begun: Callable[[Sequence[Watch]], None]) -> None:
        self._watches = watches
        self._begun = begun

    async def run(self) -> None:
        self._begun(self._watches)
        for watch in self._watches:
            watch.begin()
        await asyncio.Event().wait()


class Replica:
    """One pod. `wall` is the true time of day, and `skew` is how much this one's clock is ahead of it,
    `by_itself` while no event sets it."""

    def __init__(
        self, name: str, world: World, network: Network, *, seed: int, wall: Callable[[], datetime],
        told: Callable[[str, str], None], writing: Callable[[str, Resource, str], None],
        elects: bool, receiver: Receiver, creates: float,
        archive: Archive | None = None,
    ) -> None:  # fmt: skip
        self.name = name
        self.skew = self.by_itself = timedelta(0)
        self.process: Process | None = None
        self.task: asyncio.Task[None] | None = None
        self.ended: Callable[[Replica], None] = lambda _: None
        self._world = world
        self._network = network
        self._seed = seed
        self._wall = wall
        self._told = told
        self._writing = writing
        self._elects = elects
        self._receiver = receiver
        self._creates = creates
        self._archive = archive
        self._loop = cast("VirtualLoop", asyncio.get_running_loop())
        self._starts = 0
        self._operator: Operator | None = None
        self._client: WorldClient | None = None
        self._watches: list[Watch] = []
        self._past: list[tuple[Process, WorldClient, asyncio.Task[None]]] = []

    @property
    def lives(self) -> bool:
        """Whether a process of it runs."""
        return self.process is not None and not self.process.dead and self.task is not None and not self.task.done()

    @property
    def writes(self) -> list[tuple[float, str]]:
        """When each write of all its processes began, and its verb and resource; an inline call is a `call`."""
        return [write for _, client, _ in self._past for write in client.writes]

    @property
    def acts(self) -> bool:
        """Whether it would do now what is due: it has begun to work, leads, and runs."""
        operator, process = self._operator, self.process
        if operator is None or process is None or process.rests or not self.lives:
            return False
        return operator.monitoring.phase is Phase.WORKING and operator.lease.may_act()

    def start(self) -> None:
        """Start a process, unless one runs."""
        if self.lives:
            return
        self._starts += 1
        process = self.process = Process(f"{self.name}#{self._starts}")
        process.killed = self._end
        context = Context()
        context.run(RUNNING.set, process)
        self.task = self._loop.create_task(context.run(self._run, process, context), context=context)
        self.task.add_done_callback(lambda _: self._end(), context=Context())
        assert self._client is not None
        self._past.append((process, self._client, self.task))

    def kill(self, steps: int, *, calls: str = "", done: bool = False) -> None:
        """SIGKILL, so many steps after the next call that begins so, or that is `done`; at once if it names none."""
        if not calls:
            self._light(steps)
        elif self._client is not None:
            light = lambda call: self._light(steps) if call.startswith(calls) else None  # noqa: E731
            setattr(self._client, "done" if done else "begins", light)

    def _light(self, steps: int) -> None:
        if self.lives and self.process is not None and self.process.fuse is None:
            self.process.fuse = steps

    def stop(self) -> None:
        """SIGTERM."""
        if self._operator is not None and self.lives:
            self._operator.stop()

    def freeze(self) -> None:
        """SIGSTOP."""
        if self.process is not None:
            self.process.stopped = True

    def thaw(self) -> None:
        """SIGCONT."""
        if self.process is not None and not self.process.dead:
            self._loop.resume(self.process)

    def cut(self, calls: str) -> None:
        """Its watches of these break."""
        for watch in self._watches:
            if watch.plural.startswith(calls):
                watch.cut()

    def go_on(self, cut: Trouble) -> None:
        """They go on."""
        for watch in self._watches:
            if watch.plural.startswith(cut.calls):
                watch.go_on(cut)

    def relist(self) -> None:
        """Its watches begin again."""
        for watch in self._watches:
            watch.list()

    def close(self) -> None:
        """Have all that is left of all its processes end, without a trace in the world."""
        self.ended = lambda _: None
        self._end()
        for process, client, task in self._past:
            client.closed = True
            self._loop.resume(process)
            task.cancel()

    def _fail(self) -> None:
        for watch in self._watches:
            watch.fail()

    def _end(self) -> None:
        for watch in self._watches:
            watch.end()
        self._watches.clear()
        self.ended(self)

    def _run(self, process: Process, context: Context) -> Any:
        dice = Dice(self._seed, f"calls of {process.name}")
        aside = {
            kind: Dice(self._seed, f"calls about {what} of {process.name}")
            for kind, what in ((DKRON_PAUSES, "pauses"), (DKRON_POOLS, "pools"))
        }

        client = self._client = WorldClient(
            self._world, self._network, dice, aside=aside, replica=self.name, told=partial(self._told, process.name),
            writing=partial(self._writing, self.name),
        )  # fmt: skip
        home, identity = HOME, Identity(identity=self.name, address="", version="1")
        options = Options(
            namespaces=(), home=home, replica=identity, terms=Terms(),
            jobs=JobSettings(IMAGES, home=home), calls=Allowance(INLINE), creates=self._creates,
        )  # fmt: skip
        ports = Ports(cast("KubeClient", client), Clock(self._now, self._loop.time), archive=self._archive)

        parts = partial(Simulated, client, self._receiver)
        around = Surroundings(
            partial(self._streams, process, context), parts=parts, lease=Lease if self._elects else Unelected,
            signals=False,
        )  # fmt: skip
        operator = self._operator = Operator(options, ports, around)
        return _ignoring(operator)

    def _streams(self, process: Process, context: Context, parts: Parts) -> Watches:
        kinds = ((DKRON_JOBS, "", parts.handlers.feed_job), (JOBS, SELECTOR, parts.handlers.feed_attempt))
        watches = [
            Watch(
                self._world, self._network, Dice(self._seed, f"{resource.plural} for {process.name}"),
                resource=resource, selector=selector, replica=self.name, context=context, feed=feed,
                alive=partial(parts.watch_liveness.answer, resource.path(), begun=True), listed=parts.resync.want,
                failed=self._fail,
            )
            for resource, selector, feed in kinds
        ]  # fmt: skip
        return Watches(watches, self._watches.extend)

    def _now(self) -> datetime:
        return self._wall() + self.skew


async def _ignoring(operator: Operator) -> None:
    """A process that cannot go on ends, and is started again."""
    with suppress(KubeError):
        await operator.run()
