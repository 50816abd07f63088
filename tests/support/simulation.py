"""A world of plain data in which `advance` is carried out as the edges do it, and in which a process can die, or an
answer be lost, at every step. Time passes when a test says so.

`World` is what survives: the status in etcd and the Jobs. `Process` is what a crash throws away.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import count

from dkron_crds.job import Active, JobStatus, Trigger
from dkron_crds.requests import Request
from dkron_crds.stops import Stop
from dkron_operator.cache.write_accounting import WriteAccounting
from dkron_operator.plan.actions import AcceptJob, CreateJob, DeleteDkronJob, WriteStatus
from dkron_operator.plan.advance import advance
from dkron_operator.plan.dependencies import ALONE, Dependencies
from dkron_operator.plan.fold import Change, Started, fold_all, is_recorded
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.upstream_runs import Fullness, fullness
from dkron_operator.plan.view import AttemptJob, AttemptState, JobView, Node, Outcome, Situation
from dkron_operator.plan.written import Fact
from tests.support.builders import run
from tests.support.plans import (
    answers_removed,
    calls_begun,
    calls_cancelled,
    jobs_deleted,
    jobs_stopped,
    outcomes_read,
    requests_removed,
)
from tests.support.waiting import nothing

HOLD = timedelta(seconds=60)
PROCESSES = count()
STEPS = 500
"""More plans than this without a rest are a loop."""


class Fault(StrEnum):
    """What goes wrong once, at the next occasion."""

    DIES_BEFORE_THE_CLAIM = "dies before the claim"
    DIES_AFTER_THE_CLAIM = "dies after the claim"
    DIES_BEFORE_THE_CREATE = "dies before the create"
    DIES_AFTER_THE_CREATE = "dies after the create"
    DIES_BEFORE_THE_WRITE = "dies before the write"
    DIES_AFTER_THE_WRITE = "dies after the write"
    CLAIM_CONFLICTS = "the claim conflicts"
    CLAIM_IS_NOT_ANSWERED = "the claim is not answered"
    CREATE_IS_NOT_MADE = "the create is not made and not answered"
    CREATE_IS_NOT_ANSWERED = "the create is made and not answered"
    WRITE_IS_NOT_ANSWERED = "the write is not answered"
    DIES_BEFORE_THE_STOP = "dies before the Job is deleted that is to be stopped"
    DIES_AFTER_THE_STOP = "dies after that"
    DIES_BEFORE_THE_CALL = "dies before the call that it has claimed"
    DIES_AFTER_THE_CALL = "dies after the call has gone out"
    DIES_BEFORE_THE_ANSWER = "dies before the wish is removed"
    DIES_AFTER_THE_ANSWER = "dies after the wish is removed"
    DIES_BEFORE_THE_REMOVAL = "dies before the removal"
    DIES_AFTER_THE_REMOVAL = "dies after the removal"


class Died(Exception):
    """The process is no more."""


class NoAnswer(Exception):
    """The API server did not answer; the lane tries again a while later."""


class WroteFirst(Exception):
    """Somebody else has written: plan again at once."""


@dataclass
class World:
    """What survives every process. `delay` is how long it takes to get over a fault, `meanwhile` what else happens.

    `told` is what all processes together have counted.
    """

    job: JobView
    now: datetime
    status: JobStatus = field(default_factory=JobStatus)
    jobs: dict[str, AttemptJob] = field(default_factory=dict)
    created: list[AttemptJob] = field(default_factory=list)
    vanished: dict[str, AttemptJob] = field(default_factory=dict)
    fault: Fault | None = None
    delay: timedelta = timedelta()
    most_at_once: int = 0
    removed: bool = False
    nodes: dict[str, Node] = field(default_factory=dict)
    meanwhile: Callable[[], object] = nothing
    calls: list[Active] = field(default_factory=list)
    told: list[Fact] = field(default_factory=list)
    version: int = 0

    def strikes(self, *faults: Fault) -> bool:
        """Whether one of these faults happens now; it happens once."""
        if self.fault not in faults:
            return False
        self.fault = None
        self.meanwhile()
        return True

    def dies(self, fault: Fault) -> None:
        """Raise `Died` if that is what happens now."""
        if self.strikes(fault):
            raise Died

    def write(self, changes: Iterable[Change]) -> None:
        """The API server accepts a status, folded onto whatever it has."""
        self.status = fold_all(self.status, changes, self.job.spec.history)
        self.show(replace(self.job, status_written=True))

    def show(self, job: JobView) -> None:
        """The object has another version."""
        self.job = job
        self.version += 1

    def edit(self, job: JobView) -> None:
        """A person changes the spec to that of this job."""
        before = self.job
        self.show(replace(job, accepted=before.accepted, status_written=before.status_written,
                          generation=before.generation + 1, requests=before.requests, stops=before.stops))  # fmt: skip

    def accept(self) -> None:
        """The annotation says that an operator has accepted the job."""
        self.show(replace(self.job, accepted=True))

    def create(self, entry: Active) -> AttemptJob:
        """The Job of this entry: a new one, or the one of that name."""
        if entry.job not in self.jobs:
            made = run(entry, created=self.now)
            self.created.append(made)
            self.jobs[entry.job] = made
            self.most_at_once = max(self.most_at_once, len(self.unfinished()))
        return self.jobs[entry.job]

    def unfinished(self) -> list[AttemptJob]:
        """The Jobs that run."""
        return [job for job in self.jobs.values() if not job.finished]

    def finish(self, name: str, *, success: bool) -> None:
        """A Job ends."""
        state = AttemptState.SUCCEEDED if success else AttemptState.FAILED
        self.jobs[name] = replace(self.jobs[name], state=state, finished_at=self.now)

    def delete(self, name: str) -> None:
        """A Job is deleted, by us or by hand."""
        gone = self.jobs.pop(name, None)
        if gone is not None:
            self.vanished[name] = replace(gone, gone=True)

    def ask(self, request: str) -> None:
        """A person wants a run."""
        wanted = Request(request, self.now, "me", "")
        self.show(replace(self.job, requests=(*self.job.requests, wanted)))

    def forget(self, requests: Iterable[str]) -> None:
        """The annotations are removed."""
        kept = tuple(r for r in self.job.requests if r.id not in set(requests))
        if kept != self.job.requests:
            self.show(replace(self.job, requests=kept))

    def wish(self, target: str) -> None:
        """A person wants an attempt to stop."""
        wanted = Stop(target, self.now, "me", "")
        self.show(replace(self.job, stops=(*self.job.stops, wanted)))

    def stop(self, job: AttemptJob) -> None:
        """A Job is deleted, and its pod takes a grace period."""
        if not self.jobs[job.name].finished:
            self.jobs[job.name] = replace(self.jobs[job.name], deleting=True)

    def reap(self) -> None:
        """The grace periods are over."""
        for job in [job for job in self.jobs.values() if job.deleting]:
            self.delete(job.name)

    def answer(self, keys: Iterable[str]) -> None:
        """The wishes are removed."""
        kept = tuple(stop for stop in self.job.stops if stop.key not in set(keys))
        self.show(replace(self.job, stops=kept))

    def remove(self) -> None:
        """The DkronJob is deleted, and its Jobs with it."""
        self.dies(Fault.DIES_BEFORE_THE_REMOVAL)
        self.removed = True
        self.vanished |= {name: replace(job, gone=True) for name, job in self.jobs.items()}
        self.jobs.clear()
        self.dies(Fault.DIES_AFTER_THE_REMOVAL)

    def outcome(self, name: str) -> Outcome:
        """What a perfect observer finds."""
        ended = self.jobs.get(name) or self.vanished.get(name)
        if ended is None or not ended.finished or ended.finished_at is None:
            return Outcome(success=False, finished_at=self.now, lost=True)
        return Outcome(success=ended.state is AttemptState.SUCCEEDED, finished_at=ended.finished_at)


class Process:
    """One operator that looks after the world's only DkronJob. It learns of every change at once."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.pending: list[Change] = []
        self.outcomes: dict[str, Outcome] = {}
        self.last_words: dict[str, Outcome] = {}
        self.caller = f"call-{next(PROCESSES)}"
        self.calling: set[str] = set()
        self.leaving = False
        self.unconfirmed_create: Active | None = None
        self.fireable_since = world.now
        self.wake: datetime | None = None
        self.done_with = set(world.vanished)
        self.full: Fullness | None = None
        self.accounting = WriteAccounting()
        self.accounting.remember(world.status)

    @property
    def base(self) -> tuple[JobView, JobStatus]:
        """The object as this process has last seen it."""
        return self.world.job, self.world.status

    @property
    def status(self) -> JobStatus:
        """As this process sees it: what is written, with what is still to be."""
        job, status = self.base
        return fold_all(status, self.pending, job.spec.history)

    def runs(self) -> dict[str, AttemptJob]:
        """The Jobs that exist, and those that this process saw going before their record was written."""
        self.done_with |= {name for name in self.world.vanished if is_recorded(self.world.status, name)}
        gone = {name: job for name, job in self.world.vanished.items() if name not in self.done_with}
        return {**gone, **self.world.jobs}

    def situation(self) -> Situation:
        """All that the next plan depends on."""
        job, persisted = self.base
        self.full = fullness(job, persisted, self.full, now=self.world.now)
        return Situation(
            job=job,
            status=self.status,
            persisted=persisted,
            now=self.world.now,
            fireable_since=self.fireable_since,
            hold=HOLD,
            runs=self.runs(),
            outcomes=self.outcomes,
            troubles={},
            probed={},
            unconfirmed_create=self.unconfirmed_create,
            last_words=self.last_words,
            dependencies=self.dependencies(),
            nodes=dict(self.world.nodes),
            caller="" if self.leaving else self.caller,
            signature=self.caller,
            calling=frozenset(self.calling),
            accepted=job.accepted,
            full_since=None if self.full is None else self.full.since,
        )

    def dependencies(self) -> Dependencies:
        """The jobs around this one: none."""
        return ALONE

    def settle(self) -> None:
        """Plan until there is nothing left to do now. Raises `Died`."""
        for _ in range(STEPS):
            if not self.step():
                return
        raise AssertionError(f"no rest after {STEPS} plans: {self.status}")

    def step(self) -> bool:
        """Make one plan and carry it out; whether another should follow at once."""
        if self.world.removed:
            return False
        if self.unconfirmed_create is not None and self.unconfirmed_create.job in self.world.jobs:
            self.unconfirmed_create = None
        plan = advance(self.situation())
        self.pending += plan.changes
        self.wake = plan.wake
        self._carry_out(plan)
        try:
            if plan.wants(WriteStatus) or plan.wants(AcceptJob):
                self.flush()
            if plan.wants(AcceptJob):
                self.accept()
            if plan.create is not None:
                self._fire(plan.create)
        except NoAnswer:
            self.fireable_since = self.world.now
            self.world.now += self.world.delay
        except WroteFirst:
            pass
        if plan.wants(DeleteDkronJob):
            self.world.remove()
        begun = plan.create or jobs_stopped(plan) or calls_cancelled(plan)
        return bool(
            outcomes_read(plan)
            or requests_removed(plan)
            or answers_removed(plan)
            or plan.wants(WriteStatus)
            or plan.wants(AcceptJob)
            or begun
        )

    def accept(self) -> None:
        """Have the annotation say that the job is accepted."""
        self.world.accept()

    def _carry_out(self, plan: Plan) -> None:
        """What needs no answer before the next plan."""
        for job in jobs_deleted(plan):
            self.world.delete(job.name)
        for name in outcomes_read(plan):
            self.outcomes[name] = self.world.outcome(name)
        self._begin_and_end(plan)
        self.world.forget(requests_removed(plan))
        self._answer(answers_removed(plan))

    def flush(self) -> None:
        """Write what is pending. Raises `Died`."""
        if not self.pending or self.world.removed:
            return
        self.world.dies(Fault.DIES_BEFORE_THE_WRITE)
        if self._write(self.pending, Fault.WRITE_IS_NOT_ANSWERED):
            self.world.dies(Fault.DIES_AFTER_THE_WRITE)
            self.pending.clear()

    def _write(self, changes: Iterable[Change], lost: Fault) -> bool:
        """Write these changes; whether there was an answer."""
        world, before = self.world, self.world.status
        self.accounting.send(before, changes)
        world.write(changes)
        if world.strikes(lost):
            world.told += (*self.accounting.unanswered(before), *self.accounting.see(before, world.status))
            return False
        # It counts, though the process may die in the next moment.
        world.told += self.accounting.taken()
        self.accounting.remember(world.status)
        return True

    def _begin_and_end(self, plan: Plan) -> None:
        for job in jobs_stopped(plan):
            self._stop(job)
        for entry in calls_begun(plan):
            self._call(entry)
        for name in calls_cancelled(plan):
            self._cancel(name)

    def end_call(self, name: str, *, success: bool) -> None:
        """The server answers."""
        self.calling.discard(name)
        self.outcomes[name] = Outcome(success=success, finished_at=self.world.now, reason="" if success else "Error")

    def _call(self, entry: Active) -> None:
        if entry.job in self.calling:
            return
        self.world.dies(Fault.DIES_BEFORE_THE_CALL)
        self.world.calls.append(entry)
        self.calling.add(entry.job)
        self.world.dies(Fault.DIES_AFTER_THE_CALL)

    def _cancel(self, name: str) -> None:
        if name in self.calling:
            self.calling.discard(name)
            self.outcomes[name] = Outcome(success=False, finished_at=self.world.now, lost=True)

    def _stop(self, job: AttemptJob) -> None:
        self.last_words[job.name] = Outcome(success=False, finished_at=self.world.now, output="bye")
        self.world.dies(Fault.DIES_BEFORE_THE_STOP)
        self.world.stop(job)
        self.world.dies(Fault.DIES_AFTER_THE_STOP)

    def _answer(self, keys: list[str]) -> None:
        if keys:
            self.world.dies(Fault.DIES_BEFORE_THE_ANSWER)
            self.world.answer(keys)
            self.world.dies(Fault.DIES_AFTER_THE_ANSWER)

    def _fire(self, create: CreateJob) -> None:
        world = self.world
        if create.before:
            self._claim(create.before)
        for job in create.replaces:
            world.delete(job.name)
        if create.call:
            self.pending += create.after
            for name in create.cancels:
                self._cancel(name)
            self._call(create.entry)
            return
        world.dies(Fault.DIES_BEFORE_THE_CREATE)
        made = self._create(create)
        world.dies(Fault.DIES_AFTER_THE_CREATE)
        self.unconfirmed_create = None
        if made is None:
            self.pending += create.otherwise
        else:
            self.pending += (*create.after, Started(made.entry(create.entry.started_at)))

    def _claim(self, before: tuple[Change, ...]) -> None:
        world = self.world
        world.dies(Fault.DIES_BEFORE_THE_CLAIM)
        if world.strikes(Fault.CLAIM_CONFLICTS):
            raise WroteFirst
        if not self._write((*self.pending, *before), Fault.CLAIM_IS_NOT_ANSWERED):
            raise NoAnswer
        self.pending.clear()
        world.dies(Fault.DIES_AFTER_THE_CLAIM)

    def _create(self, create: CreateJob) -> AttemptJob | None:
        world, name = self.world, create.entry.job
        unmade, unanswered = Fault.CREATE_IS_NOT_MADE, Fault.CREATE_IS_NOT_ANSWERED
        if world.fault is unmade and name not in world.jobs:
            self._lose_answer(create, unmade)
        made = world.jobs.get(name) if create.late else world.create(create.entry)
        if world.fault is unanswered:
            self._lose_answer(create, unanswered)
        return made

    def _lose_answer(self, create: CreateJob, fault: Fault) -> None:
        self.world.strikes(fault)
        self.unconfirmed_create = create.entry
        raise NoAnswer


class Simulation:
    """The world and its process, which is replaced when it dies."""

    def __init__(self, job: JobView, *, now: datetime | None = None) -> None:
        self.world = World(job, now or job.created)
        self.process = Process(self.world)
        self.deaths = 0

    def restart(self) -> None:
        """The process dies, time passes, and another one finds what is left."""
        self.deaths += 1
        self.world.now += self.world.delay
        self.process = Process(self.world)

    def settle(self, *, write: bool = True) -> None:
        """Do what is to be done now, whoever dies on the way; then write, if the writer gets through."""
        while True:
            try:
                self.process.settle()
                if write:
                    self.process.flush()
            except Died:
                self.restart()
            else:
                return

    def wait(self, seconds: float, *, write: bool = True) -> None:
        """Let time pass, from one wake-up to the next."""
        end = self.world.now + timedelta(seconds=seconds)
        while True:
            self.settle(write=write)
            if self.world.now >= end:
                return
            wake = self.process.wake
            self.world.now = end if wake is None else max(self.world.now, min(wake, end))

    def fired(self) -> list[datetime]:
        """The slots whose first Job was created, in that order."""
        firsts = [j for j in self.world.created if j.trigger is Trigger.SCHEDULE and j.attempt == 1]
        return [job.slot for job in firsts]

    def skipped(self) -> int:
        """How many slots the process says it did not run."""
        return self.process.status.skipped.count if self.process.status.skipped else 0

    def finish_all(self) -> None:
        """Let every Job succeed, the ones that follow too, and write it all down."""
        self.world.fault = None
        self.settle()
        while self.world.unfinished() or self.process.status.active:
            self.world.reap()
            for job in self.world.unfinished():
                self.world.finish(job.name, success=True)
            self.settle()
            due = [entry.started_at for entry in self.process.status.active if not entry.uid]
            self.world.now = max([self.world.now, *due])
            self.settle()
