"""A trial: a short scenario in a namespace of its own, with an operator that is killed at one of its writes and started
again. In the end the checker judges what a witness saw, and the scenario what there has to be.

The kill is a real SIGKILL of a real process, at a moment that is exact: the proxy holds the write back until the
process is dead. `before`: the write never arrives. `after`: it was carried out, and no client reads the answer. `late`:
it arrives when the next operator is already there, as from a network or an API server that was slow.
"""

import asyncio
import secrets
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from dkron_crds.job import JobStatus
from dkron_kube.client import KubeClient
from dkron_kube.paths import DKRON_JOBS, DKRON_RUNS, JOBS, PODS
from tests.chaos.archive_writes import TOLD_ARCHIVE
from tests.chaos.history import Fault, Record, Terms
from tests.chaos.process_pool import Child, Nursery
from tests.chaos.proxy.call import Call
from tests.chaos.proxy.server import Lost, Proxy, Write
from tests.chaos.reading import gathered
from tests.chaos.stage import PATIENCE, Stage, Stuck
from tests.chaos.verdict import judge
from tests.chaos.witnesses import Gallery
from tests.support.kube import NAMESPACES, SERVICE_ACCOUNTS

SECOND = timedelta(seconds=1)
STARTS = 5
"""How often an operator is started that ends because there is no answer, as Kubernetes would."""
STILL = 1.0
"""Seconds without a write after which a scenario that is done is over."""
AFTERWARDS = timedelta(hours=1)
"""All is at rest when the last look is taken: what has not come by then will not come, as if it were so much later."""
WATCHED = ("dkronjobs", "jobs")
"""An operator that watches these is there."""
CLOCKWORK = frozenset({"leases", "dkronclusters", "dkronclusters/status"})
"""Writes that follow the clock, and no cause."""


class Side(StrEnum):
    """Where the operator dies."""

    BEFORE = "before"
    AFTER = "after"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class Crash:
    """A death at the write with this number."""

    number: int
    side: Side

    def __str__(self) -> str:
        return f"killed {self.side} write {self.number}"


Counted = Callable[[Call], bool]


def is_caused(call: Call) -> bool:
    """Whether it is a write that something has caused, unlike the clock."""
    return call.is_write and call.kind not in CLOCKWORK


def caused() -> Counted:
    """All writes that something has caused."""
    return is_caused


def each_first() -> Counted:
    """These, and the first of each kind of those that the clock causes: how many more follow depends on the machine."""
    seen: set[tuple[str, str]] = set()

    def counted(call: Call) -> bool:
        if not call.is_write or is_caused(call):
            return call.is_write
        known, kind = len(seen), (call.verb, call.kind)
        seen.add(kind)
        return len(seen) > known

    return counted


@dataclass(frozen=True, slots=True)
class Scenario:
    """`play` does what people do, until all has happened that it is about. `expect` says what is wrong in the end.

    `counted` makes what says which writes are crash points. `archives`: the operator has an archive.
    """

    name: str
    play: Callable[["Stage"], Awaitable[None]]
    expect: Callable[["Stage"], Iterable[str]]
    counted: Callable[[], Counted] = caused
    archives: bool = False

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a trial."""

    scenario: str
    crash: Crash | None
    writes: tuple[Write, ...]
    struck: Write | None
    complaints: tuple[str, ...]

    def __str__(self) -> str:
        where = "undisturbed" if self.crash is None else f"{self.crash} ({self.struck and self.struck.call})"
        return f"{self.scenario}, {where}:\n" + "\n".join(self.complaints)


@dataclass(frozen=True, slots=True)
class Theatre:
    """What all trials share: the way to the API server that nothing disturbs, its witness, and operators."""

    kubeconfig: Path
    client: KubeClient
    gallery: Gallery
    nursery: Nursery
    folder: Path


async def hold(theatre: Theatre, scenario: Scenario, crash: Crash | None = None) -> Report:
    """One trial, from an empty namespace to the verdict."""
    namespace = f"{scenario.name}-{secrets.token_hex(3)}"
    stage = Stage(namespace, theatre.client, theatre.gallery.scene(namespace), theatre.folder / f"{namespace}.db")
    await _prepare(theatre.client, namespace)
    async with _acting(theatre, scenario, crash, stage) as cast:
        complaints = [complaint async for complaint in _complaints(theatre, scenario, stage, cast)]
        if complaints:
            complaints.append(cast.told())
    return Report(scenario.name, crash, tuple(cast.proxy.writes), cast.struck, tuple(complaints))


async def _complaints(theatre: Theatre, scenario: Scenario, stage: Stage, cast: "Cast") -> AsyncIterator[str]:
    try:
        await cast.start()
        await scenario.play(stage)
        await cast.still()
    except Stuck as stuck:
        yield str(stuck)
    if traces := [line for line in cast.lines() if "Traceback" in line]:
        yield f"the operator showed a traceback: {traces[0]}"
    for complaint in scenario.expect(stage):
        yield complaint
    verdict = judge(gathered([fact async for fact in _facts(stage)]))
    if not verdict.valid:
        yield str(verdict)
    if theatre.gallery.blind:
        yield f"the witness was blind: {theatre.gallery.blind[-1]}"


async def _facts(stage: Stage) -> AsyncIterator[Any]:
    client, namespace, seen = stage.client, stage.namespace, stage.scene.seen
    read = datetime.now(UTC)
    for resource in (PODS, JOBS, DKRON_RUNS):
        async for body in client.list(resource, namespace):
            stage.scene.take(resource, body, lost=False)
    yield Terms(read=read + AFTERWARDS, lateness=PATIENCE * SECOND, recovery=PATIENCE * SECOND)
    for operation in stage.operations:
        yield operation
    for fact in (*stage.faults, *seen.runs(read + SECOND), *seen.sinces()):
        yield fact
    for fact in (*stage.requests, *stage.scene.requests.facts(read + SECOND)):
        yield fact
    async for body in client.list(DKRON_JOBS, namespace):
        metadata, status = body["metadata"], JobStatus.from_wire(body.get("status") or {})
        yield Record(job=metadata["name"], uid=metadata["uid"], read=read, status=status)


async def _prepare(client: KubeClient, namespace: str) -> None:
    await client.create(NAMESPACES, None, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
    # A controller makes it, too, but it has many namespaces to care for.
    with suppress(Exception):
        await client.create(SERVICE_ACCOUNTS, namespace, account)


class Cast:
    """The operator of a trial, and who kills it."""

    def __init__(
        self, theatre: Theatre, scenario: Scenario, crash: Crash | None, *, stage: Stage, proxy: Proxy
    ) -> None:
        self.proxy = proxy
        self.struck: Write | None = None
        self._theatre = theatre
        self._options: tuple[str, ...] = ("--namespace", stage.namespace)
        self._environment = {"POD_NAME": "operator"}
        if scenario.archives:
            self._options += ("--archive", f"sqlite:///{stage.archive}")
            self._environment[TOLD_ARCHIVE] = f"http://127.0.0.1:{proxy.port}"
        self._crash = crash
        self._stage = stage
        self._log = theatre.folder / f"{stage.namespace}.log"
        self._kubeconfig = proxy.write_kubeconfig(theatre.folder / f"{stage.namespace}.kubeconfig")
        self._operator: Child | None = None
        self._killed: Child | None = None
        self._before_it = 0
        self._starts = 0
        self._starting = asyncio.Lock()
        self._reborn: asyncio.Task[None] | None = None
        proxy.before, proxy.after = self._before, self._after

    async def start(self) -> None:
        """Start the operator, and wait until it, or the next one if it is killed meanwhile, watches."""
        await self._spawn()
        await self._watching()

    async def _spawn(self) -> None:
        self._before_it = self._watches()
        self._operator = await self._theatre.nursery.start(
            "--kubeconfig", str(self._kubeconfig), *self._options,
            log=self._log, environment=self._environment,
        )  # fmt: skip

    async def _watching(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                while self._watches() < self._before_it + len(WATCHED):
                    async with self._starting:
                        if self._has_ended():
                            await self._spawn()
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise Stuck(f"the operator did not watch within {PATIENCE:.0f} s") from None

    def _has_ended(self) -> bool:
        """Whether it has ended, and not by us. It may give up where no answer comes in time."""
        operator = self._operator
        if operator is None or not operator.ended.done() or operator is self._killed:
            return False
        self._starts += 1
        if self._starts > STARTS:
            raise Stuck(f"the operator has ended with {operator.ended.result()}")
        return True

    async def end(self) -> None:
        """No operator any more."""
        if self._reborn is not None:
            self._reborn.cancel()
            await asyncio.gather(self._reborn, return_exceptions=True)
        if self._operator is not None:
            await self._operator.end()

    async def still(self) -> None:
        """Wait until the operator lives and has nothing to write any more."""
        if self._reborn is not None:
            await self._reborn
        count = -1
        while count != len(self.proxy.writes):
            count = len(self.proxy.writes)
            await asyncio.sleep(STILL)

    def told(self) -> str:
        """The write, and the operator's words about it."""
        writes = "\n".join(f"  {write.number}: {write.call}" for write in self.proxy.writes)
        return f"writes:\n{writes}\nlog:\n" + "\n".join(self.lines()[-40:])

    def lines(self) -> list[str]:
        """What all operators of this trial have said."""
        return self._log.read_text(encoding="utf-8").splitlines() if self._log.exists() else []

    def _watches(self) -> int:
        return sum(n for call, n in self.proxy.calls.items() if call.verb == "watch" and call.resource in WATCHED)

    def _strikes(self, write: Write) -> bool:
        return self._crash is not None and self._crash.number == write.number and self.struck is None

    async def _before(self, write: Write) -> None:
        if self._strikes(write) and self._crash is not None and self._crash.side is not Side.AFTER:
            await self._kill(write)
            if self._crash.side is Side.BEFORE:
                raise Lost
            assert self._reborn is not None
            await asyncio.wait({self._reborn})
            # Then it arrives.

    async def _after(self, write: Write) -> None:
        if self._strikes(write):
            await self._kill(write)
            raise Lost

    async def _kill(self, write: Write) -> None:
        assert self._operator is not None
        self.struck, self._killed = write, self._operator
        begin = datetime.now(UTC)
        await self._operator.end(signal.SIGKILL)
        self._reborn = asyncio.create_task(self._restart(begin))

    async def _restart(self, begin: datetime) -> None:
        await self.start()
        fault = Fault(what=f"{self._crash} ({self.struck and self.struck.call})", begin=begin)
        self._stage.faults.append(replace(fault, end=datetime.now(UTC), down=True))


@asynccontextmanager
async def _acting(theatre: Theatre, scenario: Scenario, crash: Crash | None, stage: Stage) -> AsyncIterator[Cast]:
    proxy = Proxy(theatre.client.access, counted=scenario.counted())
    async with proxy.serving():
        cast = Cast(theatre, scenario, crash, stage=stage, proxy=proxy)
        try:
            yield cast
        finally:
            await cast.end()
