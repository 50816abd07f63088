"""Several jobs that run after one another, in worlds of plain data with one time and one operator, which dies as a
whole."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from dkron_crds.depends import dependent_group
from dkron_crds.job import JobStatus, Trigger
from dkron_operator.cache.dependencies import DependencyTracker
from dkron_operator.plan.dependencies import Dependencies
from dkron_operator.plan.view import AttemptJob, AttemptState, JobView
from tests.support.builders import NOON, job_view
from tests.support.simulation import STEPS, Died, Fault, Process, World

EVERYBODY: frozenset[str] | None = None


def member(name: str, **spec: object) -> JobView:
    """A job of a family; without parents it runs on request alone."""
    fields: dict[str, object] = {"schedule": "@manually" if not spec.keys() & {"parentJob", "dependsOn"} else ""}
    return job_view(name=name, uid=f"uid-{name}", **{**fields, **spec})


@dataclass
class Known:
    """A job and what the API server has of it."""

    job: JobView
    base: JobStatus


class Member(Process):
    """The part of the operator that looks after one of the jobs."""

    def __init__(self, world: World, family: "Family") -> None:
        super().__init__(world)
        self.family = family

    def dependencies(self) -> Dependencies:
        return self.family.dependencies(self.world.job)


@dataclass(frozen=True, slots=True)
class Group:
    """A run of a job that has ended, as it was in truth."""

    uid: str
    number: int
    success: bool
    followed_by: int


class Family:
    """The worlds of all jobs by name. Jobs that were deleted are in `departed`; those in `silent` cannot be written, so
    that nothing is done about them."""

    def __init__(self, *jobs: JobView) -> None:
        self.worlds = {job.dkron_name: World(job, NOON) for job in jobs}
        self.departed: list[World] = []
        self.silent: set[str] = set()
        self.deaths = 0
        self.requests = 0
        self._begin()

    def __getitem__(self, name: str) -> World:
        return self.worlds[name]

    def dependencies(self, job: JobView) -> Dependencies:
        """The jobs around this one, found as the operator finds them."""
        known = {w.job.uid: Known(w.job, w.status) for w in self.worlds.values()}
        names = {(k.job.namespace, k.job.dkron_name): k for k in known.values()}
        dependencies = DependencyTracker(names.get, known.get, requeue=lambda _: None)
        for each in known.values():
            dependencies.see(each, None)
        return dependencies.of(job)

    # --- what happens ----------------------------------------------------------------------------------------------

    def add(self, job: JobView) -> None:
        """Somebody creates a job, or one of this name anew."""
        self.delete(job.dkron_name)
        self.worlds[job.dkron_name] = World(job, self.now)
        self.processes[job.dkron_name] = Member(self.worlds[job.dkron_name], self)

    def delete(self, name: str) -> None:
        """Somebody deletes a job."""
        world = self.worlds.pop(name, None)
        self.processes.pop(name, None)
        if world is not None:
            self.departed.append(world)

    def edit(self, name: str, job: JobView) -> None:
        """Somebody edits a job: it is the one of that view from now on."""
        world = self.worlds[name]
        world.job = replace(
            job, uid=world.job.uid, created=world.job.created, generation=world.job.generation + 1,
            requests=world.job.requests, status_written=world.job.status_written,
        )  # fmt: skip

    def wipe(self, name: str) -> None:
        """Somebody wipes the status, and the operator has nothing to write at that moment."""
        self.worlds[name].status = JobStatus()

    def ask(self, name: str) -> None:
        """Somebody wants a run."""
        self.requests += 1
        self.worlds[name].ask(f"r{self.requests}")

    def will_go_wrong(self, fault: Fault | None, *, delay: float = 0.0) -> None:
        """This happens at the next occasion, to whichever job."""
        for world in self.worlds.values():
            world.fault, world.delay = fault, timedelta(seconds=delay)

    def restart(self) -> None:
        """The operator dies, and another one finds what is left."""
        self.deaths += 1
        delay = max((world.delay for world in self.worlds.values()), default=timedelta())
        self._set_time(self.now + delay)
        self._begin()

    def wait(self, seconds: float, *, write: Iterable[str] | None = EVERYBODY) -> None:
        """Let time pass, from one wake-up to the next."""
        end = self.now + timedelta(seconds=seconds)
        while True:
            self.settle(write=write)
            if self.now >= end:
                return
            heard = [process for name, process in self.processes.items() if name not in self.silent]
            wakes = [process.wake for process in heard if process.wake is not None]
            self._set_time(max(self.now, min([end, *wakes])))

    def settle(self, *, write: Iterable[str] | None = EVERYBODY) -> None:
        """Do what is to be done now, whoever dies on the way; of these jobs, write what is to be written."""
        writing = None if write is None else frozenset(write)
        for _ in range(STEPS):
            try:
                before = self._state()
                self._round(writing)
            except Died:
                self.restart()
                continue
            if self._state() == before:
                return
        raise AssertionError(f"no rest: {[world.status for world in self.worlds.values()]}")

    def end(self, name: str, *, success: bool) -> None:
        """The oldest Job of this one that runs ends."""
        running = self.worlds[name].unfinished()
        if running:
            self.worlds[name].finish(running[0].name, success=success)

    def end_all(self, *, success: bool = True) -> None:
        """Let every Job end, the ones that follow too, and write it all down."""
        self.will_go_wrong(None)
        self.settle()
        for _ in range(STEPS):
            busy = [
                name for name in self.worlds if self.worlds[name].unfinished() or self.processes[name].status.active
            ]
            if not busy:
                return
            for name in busy:
                self.end(name, success=success)
            self.settle()
            self.wait(61)
        raise AssertionError("jobs run one another for ever")

    # --- what has happened ------------------------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        """The time."""
        return max(world.now for world in (*self.worlds.values(), *self.departed))

    def groups(self, name: str) -> list[Group]:
        """The runs of a job that have ended, by the Jobs that there have been."""
        return list(_groups(self.worlds[name]))

    def runs(self, name: str) -> list[int]:
        """The groups of the runs that a job made after others, in the order of their first Jobs."""
        return [run.group for run in self.worlds[name].created if run.trigger is Trigger.DEPENDENT and run.attempt == 1]

    def _begin(self) -> None:
        self.processes = {name: Member(world, self) for name, world in self.worlds.items()}

    def _round(self, writing: frozenset[str] | None) -> None:
        for name in sorted(self.processes.keys() - self.silent):
            process = self.processes[name]
            process.settle()
            if writing is None or name in writing:
                process.flush()
            self._share(self.worlds[name])
            if self.worlds[name].removed:
                self.delete(name)

    def _share(self, world: World) -> None:
        """What one of the worlds has seen of the time and of the fault, all have."""
        self._set_time(self.now)
        if world.fault is None:
            self.will_go_wrong(None, delay=world.delay.total_seconds())

    def _set_time(self, now: datetime) -> None:
        for world in self.worlds.values():
            world.now = now

    def _state(self) -> list[object]:
        return [
            (name, world.status, dict(world.jobs), self.processes[name].status, world.job.requests)
            for name, world in self.worlds.items()
        ]


def _groups(world: World) -> Iterator[Group]:
    last: dict[int, list[AttemptJob]] = {}
    ended = {**world.jobs, **world.vanished}
    for made in world.created:
        last.setdefault(made.group, []).append(ended[made.name])
    for number, runs in last.items():
        final = max(runs, key=lambda run: run.attempt)
        at = max(run.finished_at or world.now for run in runs)
        yield Group(
            uid=world.job.uid,
            number=number,
            success=final.state is AttemptState.SUCCEEDED,
            followed_by=dependent_group(world.job.uid, number, at),
        )
