"""Where a storm happens: a namespace with operators, each behind a fault proxy of its own; clients and a witness, which
are not; and the file to which all of them write.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dkron_crds.run import RunPhase
from dkron_kube.paths import DKRON_BACKFILLS, DKRON_JOBS, DKRON_POOLS, DKRON_RUNS
from localcluster.cluster import LocalCluster
from tests.chaos.faults import Faults
from tests.chaos.history import Act, History, Operation, Terms
from tests.chaos.jobs import BODIES, POOLS
from tests.chaos.network import Network
from tests.chaos.operators import READY_SECONDS, Crew
from tests.chaos.plan import CALM, LATENESS, RECOVERY, SETTLE, Plan, Wish
from tests.chaos.probe import TIMED, probe
from tests.chaos.proxy.thread import gateway
from tests.chaos.pulse import Pulse, pulse
from tests.chaos.reading import Fact, line, read
from tests.chaos.recorder import Recorder
from tests.chaos.requester import Requester
from tests.chaos.witness import Witness, seen
from tests.support.jobs import dkron_pool
from tests.support.kube import Kube, Object, condition
from tests.support.shifted_operator import ShiftedOperator

Say = Callable[[str], None]

SECOND = timedelta(seconds=1)
LAST_CALM, MOST_CALM = 20.0, 180.0
"""Seconds of calm weather at the end, after all has recovered: at least, and at most."""
MARGIN = 1.15
"""By how much longer a storm is than what is broken would need for half of it to be calm."""
REST = 240.0
"""Seconds to wait for what is active in the end: a backfill of several jobs may wait for one that is retried."""
TICK = 0.05
BEHIND = 4
"""How many times the lateness a request may wait beyond its own: on a busy machine slots come due, and go first."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How closely a storm is judged, see `Terms`: seconds, and the share that has to be calm."""

    lateness: float = LATENESS
    recovery: float = RECOVERY
    calm: float = CALM

    def terms(self, read: datetime, *, heart: Pulse, rivals: bool) -> Terms:
        """The terms of a history that was read then, on a machine of this pace. What one of several does promptly tells
        nothing of its rivals, so they have no probe."""
        lateness = self.lateness * heart.stretch * SECOND
        return Terms(
            read=read, lateness=lateness, behind=BEHIND * lateness, recovery=self.recovery * SECOND,
            settle=SETTLE * SECOND, probe="" if rivals else TIMED, calm=self.calm, rivals=rivals,
            overload=heart.overload,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Setup:
    """The options of a storm; `split_brain` switches the election off."""

    cluster: LocalCluster
    folder: Path
    replicas: int = 2
    split_brain: bool = False
    patience: Patience = field(default_factory=Patience)

    @property
    def has_rivals(self) -> bool:
        """Whether several operators act at once."""
        return self.replicas > 1 and self.split_brain


class Journal:
    """The history as a file that grows."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        path.write_text("", encoding="utf-8")

    def note(self, fact: Fact) -> None:
        """Append a fact."""
        with self._lock, self.path.open("a", encoding="utf-8") as file:
            file.write(line(fact))


class Bed:
    """A storm's place. `path` is its history."""

    def __init__(
        self, kube: Kube, faults: Faults, *, crew: Crew, clients: Recorder, users: Recorder, prober: Recorder,
        witness: Witness, journal: Journal, heart: Pulse, setup: Setup, say: Say,
    ) -> None:  # fmt: skip
        self._kube = kube
        self._faults = faults
        self._crew = crew
        self._clients = clients
        self._users = users
        self._prober = prober
        self._witness = witness
        self._journal = journal
        self._heart = heart
        self._setup = setup
        self._say = say
        self._whole_since = 0.0
        self._broken = 0.0

    @property
    def path(self) -> Path:
        """Where the history is."""
        return self._journal.path

    def history(self) -> History:
        """The facts that are written there."""
        return read(self.path.read_text(encoding="utf-8").splitlines())

    def complaints(self) -> list[str]:
        """What operators did that they should not: ended by themselves, did not end when asked, or had a traceback."""
        return self._crew.complaints()

    def live(self, plan: Plan) -> list[str]:
        """Have this storm, and then rest until everything is recorded. Returns the faults that were done. If the storm
        breaks off, the history has what the witness has seen so far."""
        with contextlib.ExitStack() as kept:
            kept.callback(self._keep)
            done = self._live(plan)
            self._rest()
            kept.pop_all()
        return done

    def _keep(self) -> None:
        for fact in seen(self._witness):
            self._journal.note(fact)

    def _live(self, plan: Plan) -> list[str]:
        self._crew.start()
        self._make_pools(plan)
        for body in plan.bodies:
            self._clients.create(body)
        began = time.monotonic()
        requester, broken_off = Requester(self._users), threading.Event()
        with ThreadPoolExecutor(2, "clients") as pool, probe(self._prober), contextlib.ExitStack() as clients_end:
            clients_end.callback(broken_off.set)
            clients_end.callback(requester.close)
            clients = pool.submit(self._wish, plan.wishes, began, broken_off)
            users = pool.submit(requester.ask, plan.requests, began)
            done = self._blow(plan, began)
            self._say("the last fault is over; everything recovers")
            clients.result()
            last = max(datetime.now(UTC), self._crew.on_time)
            yet = last_calm(self._broken, time.monotonic() - began, wanted=self._setup.patience.calm)
            self._pass(last + (self._setup.patience.recovery + yet) * SECOND)
            self._until(began, plan.seconds)
            requester.close()
            users.result()
            self._users.resume_all()
            self._pass(datetime.now(UTC) + 2 * self._setup.patience.lateness * self._heart.stretch * SECOND)
        return done

    def _make_pools(self, plan: Plan) -> None:
        """Create the pools that jobs name. Several operators that act have places each by its own count."""
        named = {name for body in plan.bodies for name in body["spec"].get("pools", ())}
        operators = self._setup.replicas if self._setup.has_rivals else 1
        for pool in (pool for pool in POOLS if pool.name in named):
            self._kube.create(DKRON_POOLS, dkron_pool(pool.name, pool.size, order=pool.order.value))
            self._journal.note(replace(pool, most=operators * pool.size))

    def _blow(self, plan: Plan, began: float) -> list[str]:
        done: list[str] = []
        for blow in plan.blows:
            self._until(began, blow.at)
            self._await_quiet(blow.quiet)
            # One that took long, as a restart may, must not have the next ones come all at once.
            began = max(began, time.monotonic() - blow.at)
            self._is_broken()
            met = self._faults.do(blow, time.monotonic() - began)
            self._is_broken()
            if met:
                done.append(blow.fault)
                self._say(f"{blow.fault}: {met}")
        self._until(began, max((blow.at + blow.seconds for blow in plan.blows), default=0.0))
        self._faults.heal()
        self._await_crew()
        return done

    def _await_crew(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not self._crew.is_whole():
            self._crew.look_after()
            if time.monotonic() > deadline:
                raise TimeoutError(f"the operators were not ready within {READY_SECONDS:.0f} s")
            time.sleep(TICK)

    def _until(self, began: float, moment: float) -> None:
        while True:
            now = time.monotonic() - began
            self._look_after(now)
            if now >= moment:
                return
            time.sleep(min(TICK, moment - now))

    def _await_quiet(self, seconds: float) -> None:
        """Let nothing be broken for so long: on a slow machine it takes longer than planned until all is whole."""
        while seconds and time.monotonic() < self._whole_since + seconds:
            self._look_after(float("inf"))
            time.sleep(TICK)

    def _look_after(self, now: float) -> None:
        self._faults.undo(now)
        self._crew.look_after()
        if not (self._faults.is_over() and self._crew.is_whole()):
            self._is_broken()

    def _is_broken(self) -> None:
        """Note that something is broken now, and that this excuses for a while."""
        patience, now = self._setup.patience, time.monotonic()
        excused = patience.recovery + patience.lateness * self._heart.stretch
        self._broken += min(now - self._whole_since, excused)
        self._whole_since = now

    def _wish(self, wishes: tuple[Wish, ...], began: float, broken_off: threading.Event) -> None:
        for wish in wishes:
            if broken_off.wait(max(0.0, began + wish.at - time.monotonic())):
                return
            self._do(wish)

    def _do(self, wish: Wish) -> Operation | None:
        clients = self._clients
        if wish.act is Act.CREATE:
            return clients.create(BODIES[wish.job] | {"spec": wish.spec})
        if wish.act is Act.EDIT:
            return clients.edit(wish.job, wish.spec)
        if wish.act is Act.STOP:
            return clients.stop_one(wish.job, wish.pick)
        if wish.act is Act.RUN:
            return clients.run(wish.job, force=wish.force)
        plain = {Act.DISABLE: clients.disable, Act.ENABLE: clients.enable, Act.DELETE: clients.delete}
        return plain[wish.act](wish.job)

    def _rest(self) -> None:
        """Disable all jobs once backfills are over, and take the last look when nothing runs and what has ended must be
        recorded."""
        self._await("all backfills to end", self._open)
        self._say("all jobs are disabled, until nothing runs any more")
        for name in self._restless():
            self._clients.disable(name)
        self._await("all jobs to rest", self._restless)
        self._await("all DkronRuns to end", self._undecided)
        self._pass(datetime.now(UTC) + self._setup.patience.lateness * self._heart.stretch * SECOND + SECOND)
        at = self._witness.look()
        self._crew.finish()
        self._journal.note(self._setup.patience.terms(at, heart=self._heart, rivals=self._setup.has_rivals))
        for fact in self._witness.facts(at):
            self._journal.note(fact)

    def _await(self, what: str, left: Callable[[], list[str]]) -> None:
        """Wait until nothing is left; what is nevertheless is judged."""
        try:
            self._kube.wait_for(what, left, lambda names: not names, seconds=REST)
        except AssertionError as error:
            self._say(str(error).partition("\nnamespace")[0])

    def _open(self) -> list[str]:
        there = self._kube.all(DKRON_BACKFILLS)
        return [each["metadata"]["name"] for each in there if not (each.get("status") or {}).get("finishedAt")]

    def _undecided(self) -> list[str]:
        """The DkronRuns that have not ended, and whose jobs are there."""
        jobs = {each["metadata"]["name"] for each in self._kube.all(DKRON_JOBS)}
        waiting = {*RunPhase} - {RunPhase.SUCCEEDED, RunPhase.FAILED, RunPhase.REFUSED}
        return [
            run["metadata"]["name"]
            for run in self._kube.all(DKRON_RUNS)
            if run["spec"]["job"] in jobs and (run.get("status") or {}).get("phase", RunPhase.PENDING) in waiting
        ]

    def _restless(self) -> list[str]:
        return [
            job["metadata"]["name"] for job in self._kube.all(DKRON_JOBS) if not is_at_rest(job.get("status") or {})
        ]

    def _pass(self, moment: datetime) -> None:
        while datetime.now(UTC) < moment:
            self._crew.look_after()
            time.sleep(TICK)


def last_calm(broken: float, lasted: float, *, wanted: float) -> float:
    """For how many seconds it has to be calm yet, where `broken` of the `lasted` seconds were not, and a share is
    `wanted`: longer where the machine took longer than planned. Pure."""
    missing = broken / (1 - wanted) * MARGIN - lasted if wanted else 0.0
    return min(max(LAST_CALM, missing), MOST_CALM)


def is_at_rest(status: Object) -> bool:
    """Whether the job is disabled, and nothing of it is active."""
    return condition(status, "Suspended").get("reason") == "Disabled" and not status.get("active")


@contextlib.contextmanager
def bed(setup: Setup, namespace: str, *, say: Say) -> Iterator[Bed]:
    """Prepare everything for a storm in this namespace; at its end nothing of it runs any more."""
    kubeconfig = setup.cluster.kubeconfig
    kube, journal = Kube(kubeconfig, namespace), Journal(setup.folder / "history.jsonl")
    hands, *others = (Kube(kubeconfig, namespace, once=True) for _ in range(4))
    clients, users, prober = (Recorder(other, journal.note) for other in others)
    with contextlib.ExitStack() as stack:
        for each in (kube, hands, *others):
            stack.callback(each.close)
        gateways = [stack.enter_context(gateway(kubeconfig, setup.folder, seed=n)) for n in range(setup.replicas)]
        operators = [
            operator(setup, namespace, number=n, kubeconfig=way.kubeconfig) for n, way in enumerate(gateways, 1)
        ]
        crew = Crew(operators, journal.note)
        faults = Faults(hands, clients, crew=crew, network=Network(gateways), cluster=setup.cluster, told=journal.note)
        witness = stack.enter_context(Witness(kubeconfig, namespace))
        heart = stack.enter_context(pulse(journal.note))
        stack.callback(crew.abandon)
        stack.callback(faults.leave)
        yield Bed(
            kube, faults, crew=crew, clients=clients, users=users, prober=prober, witness=witness, journal=journal,
            heart=heart, setup=setup, say=say,
        )  # fmt: skip


def operator(setup: Setup, namespace: str, *, number: int, kubeconfig: Path) -> ShiftedOperator:
    """One replica. Replicas of one machine must not have one name."""
    options = ["--kubeconfig", str(kubeconfig), "--namespace", namespace]
    log, names = setup.folder / f"operator-{number}.log", {"POD_NAME": f"operator-{number}"}
    return ShiftedOperator(log, *options, environment=names, elects=not setup.split_brain)
