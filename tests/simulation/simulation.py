"""Carries out a plan, and judges what came of it."""

import asyncio
import logging
import random
import traceback
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from dkron_crds.job import JobSpec, JobStatus
from dkron_crds.kube.errors import KubeError
from dkron_crds.kube.paths import DKRON_JOBS, JOBS
from dkron_crds.names import API_VERSION
from dkron_crds.requests import run_annotation
from dkron_crds.schedule import parse
from dkron_crds.schedule.timeline import Timeline
from dkron_operator.plan.cause import scheduled
from tests.chaos.history import Act, Fault, History, Operation, Record, Since, Terms
from tests.chaos.verdict import judge
from tests.simulation import world as worlds
from tests.simulation.controllers import Controllers
from tests.simulation.loop import Livelock, VirtualLoop
from tests.simulation.network import Ill, Network, Trouble
from tests.simulation.plans import HANDOVER, LATENESS, LONGEST_RUN, RECOVERY, Event, Plan, What
from tests.simulation.replica import HOME, Replica
from tests.simulation.world import Object, World

ZERO = datetime(2026, 3, 1, 11, 59, 30, tzinfo=UTC)
NAMESPACE = "default"
RESTART = 0.3
"""Seconds until a process that has ended is started again, at least."""
MOST_CALLS = 20_000
LOG = logging.getLogger("dkron_operator")
_SPECS = (What.CREATE, What.EDIT)
_ENDS_A_LEASE = (What.KILL, What.FREEZE, What.TERMINATE)


@dataclass(frozen=True)
class Result:
    """What came of a plan: what is wrong with it, in sentences, and what happened, line by line."""

    plan: Plan
    wrong: tuple[str, ...]
    trace: tuple[str, ...]
    history: History


def simulate(plan: Plan, *, verbose: bool = False) -> Result:
    """Carry out a plan. `verbose`: have the logs of the operators in the trace."""
    # Lanes and watches spread their retries by the one source of chance that all programs share.
    random.seed(plan.seed)
    loop = VirtualLoop(plan.seed)
    simulation = Simulation(plan, loop)
    loop.set_exception_handler(simulation.unexpected)
    handler = _Logs(simulation.log)
    level, LOG.propagate = LOG.level, False
    LOG.addHandler(handler)
    LOG.setLevel(logging.DEBUG if verbose else logging.ERROR)
    try:
        loop.run_until_complete(simulation.run())
    except Livelock as exc:
        simulation.wrong.append(f"LIVELOCK: {exc}")
    finally:
        LOG.removeHandler(handler)
        LOG.setLevel(level)
        LOG.propagate = True
        loop.close()
    return simulation.result()


class Simulation:
    """The world, two or fewer operators, and those who break them."""

    def __init__(self, plan: Plan, loop: VirtualLoop) -> None:
        self.plan = plan
        self.wrong: list[str] = []
        self.trace: list[str] = []
        self._loop = loop
        self._operations: list[Operation] = []
        self._records: list[Record] = []
        self._sinces: dict[tuple[str, str, datetime], None] = {}
        self._faults: list[Fault] = []
        self._specs: dict[str, Object] = {}
        self._requests = 0
        self._calls = 0
        self._alone: datetime | None = None
        self._back: dict[str, float] = {}

    async def run(self) -> None:
        """From the first second to the last look."""
        plan = self.plan
        self.world = World(self.now, seed=plan.seed)
        self.world.heard.append(self._hear)
        self.controllers = Controllers(self.world, plan.course, seed=plan.seed, clock=self.now)
        network = Network(tuple(_trouble(event) for event in plan.events if event.what is What.ILL))
        self.replicas = {
            f"operator-{number}": Replica(
                f"operator-{number}", self.world, network, seed=plan.seed, wall=self.now, told=self._told,
                elects=plan.elects,
            )
            for number in range(plan.replicas)
        }
        for skew, replica in zip(plan.skews, self.replicas.values(), strict=True):
            replica.skew = timedelta(seconds=skew)
            replica.ended = self._ended
            self._start(replica)
        for event in plan.events:
            self._at(event.at, partial(self._do, event))
        await asyncio.sleep(plan.ends)
        self._look()
        await self._close()

    def now(self) -> datetime:
        """The true time."""
        return ZERO + timedelta(seconds=self._loop.time())

    def result(self) -> Result:
        """What came of it."""
        terms = Terms(
            read=ZERO + timedelta(seconds=self.plan.ends), lateness=timedelta(seconds=LATENESS),
            recovery=timedelta(seconds=RECOVERY), start=timedelta(seconds=2), longest=timedelta(seconds=LONGEST_RUN + 2),
        )  # fmt: skip
        history = History(
            terms=terms,
            operations=tuple(self._operations),
            runs=tuple(self.controllers.runs.values()),
            records=tuple(self._records),
            sinces=tuple(Since(job=job, uid=uid, since=since) for job, uid, since in self._sinces),
            faults=tuple(self._faults),
        )
        verdict = judge(history)
        wrong = [*self.wrong, *map(verdict.paragraph, verdict.objections)]
        return Result(self.plan, tuple(wrong), tuple(self.trace), history)

    def unexpected(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A callback or a task has failed."""
        exc = context.get("exception")
        text = "" if exc is None else "".join(traceback.format_exception(exc))
        self.wrong.append(f"UNEXPECTED: {context['message']}\n{text}")

    def log(self, record: logging.LogRecord) -> None:
        """Something that an operator says. What it did not expect is wrong."""
        self._note("log", f"{record.levelname} {record.name}: {record.getMessage()}")
        if record.exc_info:
            kind, value, _ = record.exc_info
            text = logging.Formatter().formatException(record.exc_info)
            self._note("log", text)
            self.wrong.append(f"UNEXPECTED: {record.getMessage()}: {kind and kind.__name__}: {value}\n{text}")

    # --- what happens ------------------------------------------------------------------------------------------------

    def _at(self, second: float, act: Callable[[], None]) -> None:
        self._loop.call_at(second, act, context=Context())

    def _do(self, event: Event) -> None:
        self._note("plan", str(event))
        if event.what is What.ILL:
            self._fault(event)
            if event.ill is Ill.GAP:
                self._at(event.ends, partial(self._relist, event.on))
        elif event.what is What.SQUAT:
            self._squat(event)
        elif event.is_fault:
            self._break(event)
        else:
            self._ask(event)

    def _break(self, event: Event) -> None:
        replica = self.replicas.get(event.on)
        if replica is None:
            return
        self._fault(event)
        match event.what:
            case What.KILL:
                self._back[replica.name] = event.ends
                replica.kill(event.steps, calls=event.calls)
            case What.TERMINATE:
                self._back[replica.name] = event.ends
                replica.stop()
            case What.FREEZE:
                replica.freeze()
                self._at(event.ends, replica.thaw)
            case What.SKEW:
                before = replica.skew
                replica.skew = timedelta(seconds=event.skew)
                self._at(event.ends, partial(setattr, replica, "skew", before))

    def _squat(self, event: Event) -> None:
        """Have a Job there that belongs to nobody, by the name of the next slot's."""
        try:
            job = self.world.get(DKRON_JOBS, NAMESPACE, event.on)
        except KubeError:
            return
        spec = JobSpec.from_wire(job["spec"])
        since = datetime.fromisoformat((job.get("status") or {}).get("since") or job["metadata"]["creationTimestamp"])
        slot = Timeline(parse(spec.schedule), since, None, None).next(self.now())
        if slot is None:
            return
        name = scheduled(slot).job_name(uid=job["metadata"]["uid"], name=event.on)
        try:
            made = self.world.create(JOBS, NAMESPACE, {"metadata": {"name": name}, "spec": {}})
        except KubeError:
            return
        self._fault(event)
        uid = made["metadata"]["uid"]
        self._at(event.ends, partial(self.world.delete, JOBS, NAMESPACE, name, uid=uid))

    def _fault(self, event: Event) -> None:
        begin = self.now()
        # Whoever leads may be gone, and another one leads once its Lease is over.
        handover = HANDOVER if self.plan.elects and event.what in _ENDS_A_LEASE or event.ill is not None else 0.0
        self._faults.append(
            Fault(
                what=f"{event.ill or event.what} on {event.on or 'all'}",
                begin=begin,
                end=begin + timedelta(seconds=event.lasts + handover),
                skew=timedelta(seconds=max(event.skew, 0.0)),
            )
        )

    def _start(self, replica: Replica) -> None:
        if self._alone is not None:
            self._faults.append(Fault(what="no operator", begin=self._alone, end=self.now(), down=True))
            self._alone = None
        replica.start()
        self._note(replica.name, "starts")

    def _ended(self, replica: Replica) -> None:
        self._note(replica.name, "has ended")
        if self._alone is None and not any(each.lives for each in self.replicas.values()):
            self._alone = self.now()
        # Its pod starts it again.
        again = max(self._back.get(replica.name, 0.0), self._loop.time() + RESTART)
        self._at(again, partial(self._start, replica))

    def _relist(self, on: str) -> None:
        for name, replica in self.replicas.items():
            if on in ("", name) and replica.lives:
                replica.relist()

    # --- what clients do ---------------------------------------------------------------------------------------------

    def _ask(self, event: Event) -> None:
        now, act = self.now(), Act(event.what)
        try:
            answer = self._request(event)
        except KubeError:
            return
        made: Any = {}
        if event.what is What.CREATE:
            created = datetime.fromisoformat(answer["metadata"]["creationTimestamp"])
            made = {"uid": answer["metadata"]["uid"], "created": created}
        if event.what in _SPECS:
            made["spec"] = JobSpec.from_wire(event.spec)
        if event.what is What.RUN:
            made |= {"at": _asked_at(now), "force": event.force}
        self._operations.append(Operation(act=act, job=event.on, invoked=now, answered=now, **made))

    def _request(self, event: Event) -> Object:
        world, name = self.world, event.on
        match event.what:
            case What.CREATE:
                body = {"apiVersion": API_VERSION, "kind": "DkronJob", "metadata": {"name": name}, "spec": event.spec}
                return world.create(DKRON_JOBS, NAMESPACE, body)
            case What.DELETE:
                world.delete(DKRON_JOBS, NAMESPACE, name)
                return {}
            case What.RUN:
                self._requests += 1
                key, text = run_annotation(f"r{self._requests}", _asked_at(self.now()), force=event.force)
                return world.patch(DKRON_JOBS, NAMESPACE, name, {"metadata": {"annotations": {key: text}}})
            case What.EDIT:
                spec = dict.fromkeys(world.get(DKRON_JOBS, NAMESPACE, name)["spec"]) | event.spec
                return world.patch(DKRON_JOBS, NAMESPACE, name, {"spec": spec})
            case _:
                body = {"spec": {"disabled": event.what is What.DISABLE}}
                return world.patch(DKRON_JOBS, NAMESPACE, name, body)

    # --- what is seen ------------------------------------------------------------------------------------------------

    def _hear(self, event: worlds.Event) -> None:
        if event.plural == JOBS.plural and event.kind == "DELETED":
            self._check_deletion(event.body)
        if event.plural == DKRON_JOBS.plural:
            since = (event.body.get("status") or {}).get("since")
            if since is not None:
                metadata = event.body["metadata"]
                self._sinces[metadata["name"], metadata["uid"], datetime.fromisoformat(since)] = None

    def _check_deletion(self, job: Object) -> None:
        """A Job that is over is kept until its record is written."""
        owner = next(iter(job["metadata"].get("ownerReferences") or ()), {})
        try:
            dkron_job = self.world.get(DKRON_JOBS, NAMESPACE, owner.get("name", ""))
        except KubeError:
            return
        ours = dkron_job["metadata"]["uid"] == owner["uid"] and dkron_job["spec"]["concurrency"] != "replace"
        status, name = dkron_job.get("status") or {}, job["metadata"]["name"]
        told = {*status.get("counted", ()), *(each["job"] for each in status.get("executions", ()))}
        if ours and (job.get("status") or {}).get("conditions") and name not in told:
            self.wrong.append(f"TOO SOON: Job {name} was deleted at {self._loop.time():.3f} before its record was written")

    def _told(self, process: str, verb: str, plural: str, name: str, answer: str) -> None:
        self._note(process, f"{verb} {plural} {name}: {answer}")
        self._calls += 1
        if self._calls == MOST_CALLS:
            self.wrong.append(f"TOO MANY CALLS: {MOST_CALLS} and more")

    def _note(self, who: str, what: str) -> None:
        self.trace.append(f"{self._loop.time():10.6f} {who} {what}")

    def _look(self) -> None:
        for body in self.world.list(DKRON_JOBS, None):
            metadata, status = body["metadata"], JobStatus.from_wire(body.get("status") or {})
            self._records.append(Record(job=metadata["name"], uid=metadata["uid"], read=self.now(), status=status))
        for name, replica in self.replicas.items():
            if not replica.lives:
                self.wrong.append(f"NO OPERATOR: {name} does not run in the end")

    async def _close(self) -> None:
        """End everything in an orderly way, so that nothing is left to the garbage collector."""
        for replica in self.replicas.values():
            replica.ended = lambda _: None
            replica.close()
        while strays := asyncio.all_tasks() - {asyncio.current_task()}:
            for stray in strays:
                stray.cancel()
            await asyncio.wait(strays, timeout=1)


class _Logs(logging.Handler):
    def __init__(self, log: Callable[[logging.LogRecord], None]) -> None:
        super().__init__()
        self.emit = log  # type: ignore[method-assign]


def _asked_at(now: datetime) -> datetime:
    """What a client writes: its clock is as far off as those of the operators, and it took a moment to write."""
    return now - timedelta(seconds=1)


def _trouble(event: Event) -> Trouble:
    assert event.ill is not None
    return Trouble(
        event.ill, event.at, event.ends, replica=event.on, calls=event.calls, share=event.share, status=event.status
    )


__all__ = ["HOME", "JOBS", "Result", "Simulation", "simulate"]
