"""Carries out a plan, and judges what came of it."""

import asyncio
import logging
import random
import traceback
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from contextvars import Context
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from unittest.mock import patch

from dkron_crds.job import Attempt
from dkron_crds.lease import INSTALLATION
from dkron_crds.run import DkronRun
from dkron_executors.result import Result as Answer
from dkron_kube.paths import DKRON_JOBS, DKRON_RUNS, JOBS, LEASES, Resource
from dkron_operator.delivery import senders
from dkron_operator.plan.situation.view import JobView
from dkron_operator.plan.status.facts import Countable, Recorded
from dkron_operator.telemetry.metrics import Metrics
from dkron_pods.inline import is_inline
from tests.chaos.history import History, Record, Terms
from tests.chaos.verdict import judge
from tests.simulation import archive
from tests.simulation.archive import SimulatedArchive
from tests.simulation.clients import HOME, NAMESPACE, Clients, namespace_of
from tests.simulation.controllers import Controllers
from tests.simulation.dice import Dice
from tests.simulation.faults import SAMPLE, Faults
from tests.simulation.loop import Livelock, VirtualLoop
from tests.simulation.namespaces import Namespaces
from tests.simulation.network import Ill, Network, Trouble
from tests.simulation.plans import LATENESS, LONGEST_RUN, RECOVERY, Event, Plan, What
from tests.simulation.pools import Places, known_pools
from tests.simulation.quotas import Room
from tests.simulation.replica import Replica
from tests.simulation.sights import Sights
from tests.support.world import World

ZERO = datetime(2026, 3, 1, 11, 59, 30, tzinfo=UTC)
RESTART = 0.3
"""Seconds until a process that has ended is started again, at least."""
MOST_CALLS = 20_000
LED = frozenset({DKRON_JOBS, DKRON_RUNS, JOBS})
"""What only the holder of the Lease writes, where one of several acts."""
LOG = logging.getLogger("dkron_operator")


@dataclass(frozen=True)
class Result:
    """What came of a plan: what is wrong with it, in sentences, and what happened, line by line."""

    plan: Plan
    wrong: tuple[str, ...]
    trace: tuple[str, ...]
    history: History
    writes: tuple[tuple[float, str], ...] = ()
    """When each write of an operator began, and its verb and resource; an inline call is a `call`."""
    calls: tuple[str, ...] = ()
    """The attempts that were called inline, in that order."""
    delivered: tuple[str, ...] = ()
    """The ids of the executions whose output was delivered to the log, in that order."""
    facts: tuple[Countable, ...] = ()
    """What all processes together have counted in their metrics."""
    requested: tuple[DkronRun, ...] = ()
    """The DkronRuns that there are in the end."""


def simulate(plan: Plan, *, verbose: bool = False) -> Result:
    """Carry out a plan. `verbose`: have the logs of the operators in the trace."""
    # Lanes and watches spread their retries by the one source of chance that all programs share.
    random.seed(plan.seed)
    loop = VirtualLoop(plan.seed)
    simulation = Simulation(plan, loop)
    loop.set_exception_handler(simulation.unexpected)
    with _heard(simulation.log, logging.DEBUG if verbose else logging.ERROR), simulation.counting():
        try:
            loop.run_until_complete(simulation.run())
        except Livelock as exc:
            simulation.wrong.append(f"LIVELOCK: {exc}")
        finally:
            loop.close()
    return simulation.result()


class Simulation:
    """The world, those who work in it, and those who break them."""

    def __init__(self, plan: Plan, loop: VirtualLoop) -> None:
        self.plan = plan
        self.wrong: list[str] = []
        self.trace: list[str] = []
        self._loop = loop
        self._world = World(self.now, seed=plan.seed)
        self._sights = Sights(self._world, self.now, self.wrong)
        self._places = Places(plan, self._world, time=loop.time, wrong=self.wrong)
        self._room = Room(plan, self._world, self.now)
        self._clients = Clients(self._world, self.now)
        self._controllers = Controllers(self._world, plan.course, seed=plan.seed, loop=loop, clock=self.now)
        self._namespaces = Namespaces(self._world, at=self._at, deleted=self._emptied)
        self._replicas: dict[str, Replica] = {}
        self._records: tuple[Record, ...] = ()
        self._requested: tuple[DkronRun, ...] = ()
        self._controllers.removed = partial(self._removed, by_ttl=True)
        self._network = Network(tuple(_trouble(event) for event in plan.events if event.what is What.ILL))
        self._faults = Faults(self._network, zero=ZERO, elects=plan.elects)
        away = plan.archive_away
        self._archive = SimulatedArchive(plan.seed, time=loop.time, away=away) if plan.archives else None
        self._calls = 0
        self._called: list[str] = []
        self._delivered: list[str] = []
        self._facts: list[Countable] = []
        self._back: dict[str, float] = {}
        self._fell: dict[str, float] = {}

    async def run(self) -> None:
        """From the first second to the last look."""
        for number, skew in enumerate(self.plan.skews):
            replica = Replica(
                f"operator-{number}", self._world, self._network,
                seed=self.plan.seed, wall=self.now, told=self._told, writing=self._check_holder,
                elects=self.plan.elects, receiver=self._answer,
                creates=self.plan.creates, archive=self._archive,
            )  # fmt: skip
            replica.skew = replica.by_itself = timedelta(seconds=skew)
            replica.ended = self._ended
            self._replicas[replica.name] = replica
            self._start(replica)
        self._sample()
        for event in self.plan.events:
            self._at(event.at, partial(self._do, event))
        await asyncio.sleep(self.plan.ends)
        self._look()
        await self._close()

    @property
    def _jobs(self) -> list[str]:
        """The names of all jobs that there will be in the namespace of the others."""
        names = dict.fromkeys(event.on for event in self.plan.events if event.what is What.CREATE)
        return [name for name in names if namespace_of(name) == NAMESPACE]

    def now(self) -> datetime:
        """The true time."""
        return ZERO + timedelta(seconds=self._loop.time())

    def result(self) -> Result:
        """What came of it."""
        terms = Terms(
            read=ZERO + timedelta(seconds=self.plan.ends), lateness=timedelta(seconds=LATENESS),
            recovery=timedelta(seconds=RECOVERY), start=timedelta(seconds=2),
            longest=timedelta(seconds=LONGEST_RUN + 2), rivals=self.plan.replicas > 1 and not self.plan.elects,
            complete=True,
        )  # fmt: skip
        operations = tuple(self._clients.operations)
        history = History(
            terms=terms,
            operations=operations,
            runs=tuple(self._controllers.runs.values()),
            records=self._records,
            sinces=self._sights.sinces,
            faults=self._faults.told(),
            statuses=self._sights.statuses,
            pauses=tuple(self._clients.pauses),
            run_requests=tuple(self._clients.run_requests),
            run_objects=self._sights.requested.runs,
            backfill_requests=tuple(self._clients.backfill_requests),
            backfill_objects=self._sights.requested.backfills,
            pools=known_pools(self.plan),
            quota=self._room.full(),
        )
        # The checker asks what Jobs there were, and inline calls make none.
        inline = {each.job for each in operations if each.spec is not None and is_inline(each.spec)}
        verdict = judge(_without(history, inline) if inline else history)
        wrong = [*self.wrong, *map(verdict.paragraph, verdict.objections), *self._not_archived()]
        return Result(
            self.plan, tuple(wrong), tuple(self.trace), history,
            writes=tuple(sorted(write for replica in self._replicas.values() for write in replica.writes)),
            calls=tuple(self._called), delivered=tuple(self._delivered), facts=tuple(self._facts),
            requested=self._requested,
        )  # fmt: skip

    def _not_archived(self) -> Iterable[str]:
        if self._archive is None:
            return ()
        happened = {event.what for event in self.plan.events}
        gone = happened & {What.WIPE, What.DELETE, What.DELETE_NAMESPACE}
        ended = [] if gone else [fact.execution for fact in self._facts if isinstance(fact, Recorded)]
        records = () if What.WIPE in happened else self._records
        return archive.wrong(self._archive, records, ended, end=ZERO + timedelta(seconds=self.plan.ends))

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Hear what is delivered to the log, and what metrics count."""
        wrote: Callable[..., None] = Metrics.wrote

        def count(metrics: Metrics, facts: Iterable[Countable]) -> None:
            found = tuple(facts)
            self._facts += found
            wrote(metrics, found)

        with (
            patch.object(Metrics, "wrote", count),
            patch.object(senders.log, "log", lambda *_, extra: self._delivered.append(extra["execution"])),
        ):
            yield

    # --- what must not happen ----------------------------------------------------------------------------------------

    def unexpected(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A callback or a task has failed."""
        exc = context.get("exception")
        text = "" if exc is None else "".join(traceback.format_exception(exc))
        self.wrong.append(f"UNEXPECTED: {context['message']}\n{text}")

    def log(self, record: logging.LogRecord) -> None:
        """A log record of an operator. With a traceback it is an unexpected error."""
        self._note("log", f"{record.levelname} {record.name}: {record.getMessage()}")
        if record.exc_info:
            text = logging.Formatter().formatException(record.exc_info)
            self._note("log", text)
            self.wrong.append(f"UNEXPECTED: {record.getMessage()}\n{text}")

    # --- what happens ------------------------------------------------------------------------------------------------

    def _at(self, second: float, act: Callable[[], None]) -> None:
        self._loop.call_at(second, act, context=Context())

    def _do(self, event: Event) -> None:
        self._note("plan", str(event))
        if not event.is_fault:
            self._ask(event)
        elif event.what is What.ILL:
            self._trouble(event)
        elif event.what is What.REMOVE:
            if (name := self._clients.remove(event)) is not None:
                self._removed(name)
        elif event.what is What.SQUAT:
            go = self._clients.squat(event)
            if go is not None:
                self._faults.began(self._loop.time(), event)
                self._at(event.ends, go)
        else:
            if event.what in (What.FREEZE, What.SKEW):
                self._faults.began(self._loop.time(), event)
            self._break(event, self._replicas[event.on])

    def _ask(self, event: Event) -> None:
        match event.what:
            case What.STOP:
                self._stop(event)
            case What.PAUSE:
                self._at(event.ends, self._clients.pause(event, [event.on] if event.on else self._jobs))
            case What.DELETE_NAMESPACE:
                self._at(self._namespaces.delete(event), partial(self._gone, event))
            case What.QUOTA:
                self._room.change(event)
            case _:
                self._clients.ask(event)

    def _answer(self, _: JobView, active: Attempt) -> Answer:
        self._called.append(active.job)
        fails = Dice(self.plan.seed, f"course of {active.job}").chance(self.plan.course.fails)
        return Answer("no" if fails else "")

    def _trouble(self, event: Event) -> None:
        trouble = _trouble(event)
        self._faults.began(self._loop.time(), event, trouble)
        match event.ill:
            case Ill.GAP:
                self._at(event.ends, partial(self._relist, event.on))
            case Ill.CUT:
                self._cut(trouble)
            case Ill.OLD:
                self._network.remember(trouble, self._world.version)

    def _stop(self, event: Event) -> None:
        if not (event.begins or event.races):
            find = self._clients.waiting if event.waits else self._clients.newest
            if (name := find(event.on)) is not None:
                self._clients.stop(event.on, name)
            return
        dice = Dice(self.plan.seed, f"stop at {event.at}")

        def soon(name: str) -> None:
            # The Job takes note of its pod a moment later.
            self._at(self._loop.time() + dice.between(0.0, 0.5), partial(self._clients.stop, event.on, name))

        self._clients.wait(event, soon)

    def _removed(self, name: str, *, by_ttl: bool = False) -> None:
        self._sights.forgive(name)
        self._faults.removed(self._loop.time(), name, by_ttl=by_ttl)

    def _emptied(self, resource: Resource, name: str) -> None:
        if resource == JOBS:
            self._removed(name)
        else:
            self._clients.deleted(name)

    def _gone(self, event: Event) -> None:
        refused = tuple(key.name for key in self._world.refused[event.on] if key.plural == JOBS.plural)
        self._faults.emptied(event.at, self._loop.time(), event.on, refused)

    def _break(self, event: Event, replica: Replica) -> None:
        match event.what:
            case What.KILL:
                self._back[replica.name] = event.ends
                replica.kill(event.steps, calls=event.calls, done=event.done)
            case What.TERMINATE:
                self._back[replica.name] = event.ends
                replica.stop()
            case What.FREEZE:
                replica.freeze()
                self._at(event.ends, replica.thaw)
            case What.SKEW:
                replica.skew = timedelta(seconds=event.skew)
                self._at(event.ends, partial(setattr, replica, "skew", replica.by_itself))

    def _sample(self) -> None:
        acting = frozenset(name for name, replica in self._replicas.items() if replica.acts)
        self._faults.sample(self._loop.time(), acting)
        self._at(self._loop.time() + SAMPLE, self._sample)

    def _start(self, replica: Replica) -> None:
        if not replica.lives:
            self._faults.rose(self._loop.time(), replica.name)
        replica.start()
        self._note(replica.name, "starts")

    def _ended(self, replica: Replica) -> None:
        self._note(replica.name, "has ended")
        self._fell[replica.name] = self._loop.time()
        last = not any(each.lives for each in self._replicas.values() if each is not replica)
        self._faults.fell(self._loop.time(), replica.name, last=last)
        # Its pod starts it again.
        again = max(self._back.get(replica.name, 0.0), self._loop.time() + RESTART)
        self._at(again, partial(self._start, replica))

    def _cut(self, cut: Trouble) -> None:
        for name, replica in self._replicas.items():
            if cut.replica in ("", name) and replica.lives:
                replica.cut(cut.calls)
                self._at(cut.end, partial(replica.go_on, cut))

    def _relist(self, on: str) -> None:
        for name, replica in self._replicas.items():
            if on in ("", name) and replica.lives:
                replica.relist()

    # --- what is seen ------------------------------------------------------------------------------------------------

    def _told(self, process: str, what: str) -> None:
        self._note(process, what)
        self._calls += 1
        if self._calls == MOST_CALLS:
            self.wrong.append(f"TOO MANY CALLS: {MOST_CALLS} and more")

    def _check_holder(self, replica: str, resource: Resource, verb: str) -> None:
        """Who does not hold the Lease begins no write that concerns runs."""
        if self.plan.elects and resource in LED:
            holder = self._world.get(LEASES, HOME, INSTALLATION)["spec"].get("holderIdentity")
            if holder != replica:
                self.wrong.append(f"NOT THE HOLDER: {replica} begins to {verb} {resource.plural}, and {holder} leads")

    def _note(self, who: str, what: str) -> None:
        self.trace.append(f"{self._loop.time():10.6f} {who} {what}")

    def _look(self) -> None:
        self._records = self._sights.records()
        self._requested = self._sights.runs()
        self._sights.look_for_wishes()
        self.wrong += [f"POOL: {name} waits, and places are free" for name in self._places.waiting(self.now())]
        self.wrong += [f"QUOTA: {name} waits, and there is room" for name in self._room.waiting()]
        for name, replica in self._replicas.items():
            # One that was killed at its first call of a kind may have been killed a moment ago.
            if not replica.lives and self._loop.time() - self._fell[name] > RESTART:
                self.wrong.append(f"NO OPERATOR: {name} does not run in the end")

    async def _close(self) -> None:
        """End everything in order, so that nothing is left for the garbage collector to complain about."""
        for replica in self._replicas.values():
            replica.close()
        while strays := asyncio.all_tasks() - {asyncio.current_task()}:
            for stray in strays:
                stray.cancel()
            await asyncio.wait(strays, timeout=1)


def _without(history: History, jobs: AbstractSet[str]) -> History:
    kept: dict[str, Any] = {
        name: tuple(each for each in getattr(history, name) if each.job not in jobs)
        for name in ("operations", "runs", "records", "sinces", "statuses", "pauses")
    }
    of_runs: dict[str, Any] = {
        name: tuple(each for each in getattr(history, name) if each.spec.job not in jobs)
        for name in ("run_requests", "run_objects")
    }
    return replace(history, **kept, **of_runs)


@contextmanager
def _heard(hear: Callable[[logging.LogRecord], None], level: int) -> Iterator[None]:
    """Have what operators log handed over, and nowhere else."""
    handler, before = _Handler(hear), LOG.level
    LOG.addHandler(handler)
    LOG.setLevel(level)
    LOG.propagate = False
    try:
        yield
    finally:
        LOG.removeHandler(handler)
        LOG.setLevel(before)
        LOG.propagate = True


class _Handler(logging.Handler):
    def __init__(self, hear: Callable[[logging.LogRecord], None]) -> None:
        super().__init__()
        self._hear = hear

    def emit(self, record: logging.LogRecord) -> None:
        self._hear(record)


def _trouble(event: Event) -> Trouble:
    assert event.ill is not None
    return Trouble(
        event.ill, event.at, event.ends, replica=event.on, calls=event.calls, share=event.share, status=event.status
    )
