"""An operator that does everything right, second by second, and the history that it leaves: what the checker must
accept.

It shares nothing with the checker but the facts. Its slots come from the project's own schedules, so the checker's
oracle is tried as well.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from dkron_crds.job import (
    Attempt,
    AttemptState,
    Concurrency,
    GroupStatus,
    JobSpec,
    JobStatus,
    MissedRuns,
    Skipped,
    SkipReason,
    Trigger,
)
from dkron_crds.schedule import parse
from dkron_crds.schedule.timeline import TICK, Timeline
from tests.chaos.history import Act, Fault, History, Operation, Record, Run, Since, Terms

ZERO = datetime(2026, 3, 1, tzinfo=UTC)
READ = 100
STARTUP = timedelta(milliseconds=500)
TERMS = Terms(
    read=ZERO + timedelta(seconds=READ),
    lateness=timedelta(seconds=2),
    recovery=timedelta(seconds=2),
    start=timedelta(seconds=1),
    grain=timedelta(milliseconds=500),
)


def at(seconds: float) -> datetime:
    """So many seconds after the beginning."""
    return ZERO + timedelta(seconds=seconds)


@dataclass(frozen=True)
class Script:
    """What happens to one job. `lasts` and `fails` are its runs', in turn.

    `watched`: a witness writes down each `status.since`.
    """

    name: str
    spec: JobSpec
    made: int = 1
    edits: tuple[tuple[int, Act, JobSpec | None], ...] = ()
    requests: tuple[int, ...] = ()
    lasts: tuple[int, ...] = (2,)
    fails: tuple[bool, ...] = (False,)
    watched: bool = False


@dataclass(frozen=True)
class Outage:
    """No operator lives from one second to another."""

    begin: int
    end: int


@dataclass
class Model:
    """One job under an operator that is right."""

    script: Script
    outages: tuple[Outage, ...] = ()
    operations: list[Operation] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    active: list[Run] = field(default_factory=list)
    claims: list[tuple[datetime, Run]] = field(default_factory=list)
    executions: list[Attempt] = field(default_factory=list)
    skipped: list[tuple[datetime, SkipReason]] = field(default_factory=list)
    asked: list[datetime] = field(default_factory=list)
    spec: JobSpec | None = None
    seen: JobSpec | None = None
    since: datetime = ZERO
    sinces: list[Since] = field(default_factory=list)
    mark: datetime | None = None
    able: datetime = ZERO

    @property
    def uid(self) -> str:
        """The uid of its DkronJob."""
        return f"uid-{self.script.name}"

    def live(self) -> "Model":
        """Let all the seconds pass."""
        for second in range(READ):
            self._ask(second)
            if any(outage.begin < second < outage.end for outage in self.outages):
                continue
            if any(outage.end == second for outage in self.outages):
                self.able = at(second)
            self._operate(at(second))
        return self

    def _ask(self, second: int) -> None:
        """Clients act a moment before the second, so its slots are no matter of luck."""
        invoked, answered = at(second - 0.3), at(second - 0.2)
        if second == self.script.made:
            self.spec, created = self.script.spec, at(second - 1)
            self._tell(Act.CREATE, invoked, answered, spec=self.spec, uid=self.uid, created=created)
        for when, act, spec in self.script.edits:
            if when == second and self.spec is not None:
                self.spec = _edited(self.spec, act, spec)
                self._tell(act, invoked, answered, spec=spec)
        if second in self.script.requests and self.spec is not None:
            self._tell(Act.RUN, invoked, answered, at=invoked)
            self.asked.append(invoked)

    def _tell(self, act: Act, invoked: datetime, answered: datetime, **more: object) -> None:
        operation = Operation(act=act, job=self.script.name, invoked=invoked, answered=answered)
        self.operations.append(replace(operation, **more))  # type: ignore[arg-type]

    def _operate(self, now: datetime) -> None:
        if self.spec is None:
            self._vanish(now)
            return
        self._accept(now, self.spec)
        for run in [run for run in self.active if run.end is not None and run.end <= now]:
            self._record(run, self.spec)
        for claim in [claim for claim in self.claims if claim[0] <= now]:
            self.claims.remove(claim)
            if not self.spec.disabled:
                self._start(claim[1], now)
        for request in self.asked:
            self._request(request, now, self.spec)
        self.asked.clear()
        self._slots(now, self.spec)

    def _vanish(self, now: datetime) -> None:
        for run in [run for run in self.active if run.end is not None and run.end > now]:
            self._cut(run)
        self.active.clear()

    def _accept(self, now: datetime, spec: JobSpec) -> None:
        if self.seen is None:
            self.since = at(self.script.made - 1)
        elif self.seen is not spec and self.seen.fingerprint != spec.fingerprint:
            self.since = now
            self.sinces.append(Since(job=self.script.name, uid=self.uid, since=now))
        self.seen = spec

    def _slots(self, now: datetime, spec: JobSpec) -> None:
        if spec.disabled:
            return
        line = Timeline(parse(spec.schedule), self.since, spec.starts_at, spec.expires_at)
        while (slot := line.next(self.mark)) is not None and slot <= now:
            passed = self._passed(line, slot, now, spec)
            if passed is not None:
                newest, reason = passed
                for _ in range(line.count(self.mark, newest)):
                    self.skipped.append((newest, reason))
                self.mark = newest
            elif (self.active or self.claims) and spec.concurrency is Concurrency.FORBID:
                if spec.missed_runs is MissedRuns.ALL and slot <= self.able:
                    return
                self.skipped.append((slot, SkipReason.CONCURRENCY_FORBIDDEN))
                self.mark = slot
            else:
                self._replace(spec)
                self._start(self._attempt(Trigger.SCHEDULE, slot), now)
                self.mark = slot

    def _passed(
        self, line: Timeline, slot: datetime, now: datetime, spec: JobSpec
    ) -> tuple[datetime, SkipReason] | None:
        seconds = spec.starting_deadline_seconds
        late = seconds and line.latest(self.mark, now - timedelta(seconds=seconds) - TICK)
        if late:
            return late, SkipReason.DEADLINE_EXCEEDED
        newest = line.latest(self.mark, self.able)
        if newest is None or slot > self.able or spec.missed_runs is MissedRuns.ALL:
            return None
        if spec.missed_runs is MissedRuns.SKIP:
            return newest, SkipReason.MISSED
        before = line.latest(self.mark, newest - TICK)
        return (before, SkipReason.MISSED) if before else None

    def _request(self, request: datetime, now: datetime, spec: JobSpec) -> None:
        forbidden = spec.concurrency is Concurrency.FORBID and bool(self.active or self.claims)
        if spec.disabled or forbidden:
            reason = SkipReason.DISABLED if spec.disabled else SkipReason.CONCURRENCY_FORBIDDEN
            self.skipped.append((request, reason))
            return
        self._replace(spec)
        self._start(self._attempt(Trigger.MANUAL, request), now)

    def _replace(self, spec: JobSpec) -> None:
        if spec.concurrency is not Concurrency.REPLACE:
            return
        self.claims.clear()
        for run in list(self.active):
            self._cut(run)
            self._count(run, run.began + STARTUP, success=False, reason="Replaced")
        self.active.clear()

    def _attempt(self, trigger: Trigger, slot: datetime) -> Run:
        group = 0 if trigger is Trigger.SCHEDULE else int(slot.timestamp())
        return Run(job=self.script.name, uid=self.uid, name="", slot=slot, trigger=trigger, group=group)

    def _start(self, attempt: Run, now: datetime) -> None:
        number = len(self.runs)
        lasts, fails = self.script.lasts, self.script.fails
        start = now + STARTUP
        run = replace(
            _named(attempt),
            start=start,
            end=start + timedelta(seconds=lasts[number % len(lasts)]),
            success=not fails[number % len(fails)],
        )
        self.runs.append(run)
        self.active.append(run)

    def _record(self, run: Run, spec: JobSpec) -> None:
        assert run.end is not None
        self.active.remove(run)
        self._count(run, run.end, success=bool(run.success), reason="" if run.success else "Error")
        if not run.success and run.attempt <= spec.retries and not spec.disabled:
            wait = min(2.0 ** (run.attempt - 1), 60)
            self.claims.append((run.end + timedelta(seconds=wait), _named(replace(run, attempt=run.attempt + 1))))

    def _count(self, run: Run, ended: datetime, *, success: bool, reason: str) -> None:
        self.executions.insert(0, execution(run, ended, success=success, reason=reason))

    def _cut(self, run: Run) -> None:
        self.runs[self.runs.index(run)] = replace(run, end=None, success=None)

    @property
    def status(self) -> JobStatus:
        """The operator's records in the end."""
        newest = self.skipped[-1] if self.skipped else None
        going = [(run, run.began) for run in self.active] + [(run, due) for due, run in self.claims]
        return JobStatus(
            status=self._outcome,
            since=self.since,
            last_schedule_time=self.mark,
            active=tuple(active(run, started) for run, started in going),
            executions=tuple(self.executions[:100]),
            success_count=sum(execution.success for execution in self.executions),
            error_count=sum(not execution.success for execution in self.executions),
            skipped=newest and Skipped(count=len(self.skipped), last_time=newest[0], last_reason=newest[1]),
        )

    @property
    def _outcome(self) -> GroupStatus:
        """How the newest run ended that is over."""
        going = {(run.slot, run.group) for run in self.active} | {(run.slot, run.group) for _, run in self.claims}
        over = [e for e in self.executions if (e.slot, e.group) not in going]
        newest = max(over, key=lambda e: (e.slot, e.group, e.attempt), default=None)
        if newest is None:
            return GroupStatus.NEVER
        return GroupStatus.SUCCESS if newest.success else GroupStatus.FAILED

    @property
    def witnessed(self) -> list[Run]:
        """The runs as far as they had come when the last look was taken."""
        return [
            replace(run, end=None, success=None) if run.end is not None and run.end > TERMS.read else run
            for run in self.runs
        ]


@dataclass(frozen=True)
class Story:
    """Some jobs, and when no operator lived."""

    scripts: tuple[Script, ...]
    outages: tuple[Outage, ...] = ()

    def __repr__(self) -> str:
        return f"Story({', '.join(map(_shortly, self.scripts))}; {self.outages})"

    @cached_property
    def history(self) -> History:
        """What all these jobs leave behind."""
        models = [Model(script, self.outages).live() for script in self.scripts]
        return History(
            terms=TERMS,
            operations=tuple(op for model in models for op in model.operations),
            runs=tuple(run for model in models for run in model.witnessed),
            sinces=tuple(since for model in models if model.script.watched for since in model.sinces),
            records=tuple(
                Record(job=model.script.name, uid=model.uid, read=TERMS.read, status=model.status)
                for model in models
                if model.spec is not None
            ),
            faults=tuple(
                Fault(what="kill -9 of every operator", begin=at(o.begin + 0.1), end=at(o.end - 0.1), down=True)
                for o in self.outages
            ),
        )


def _shortly(script: Script) -> str:
    edits = [(when, str(act), spec and spec.to_wire()) for when, act, spec in script.edits]
    return (
        f"{script.name}: made {script.made} {script.spec.to_wire()} edits {edits} requests {script.requests} "
        f"lasts {script.lasts} fails {script.fails}"
    )


def _edited(spec: JobSpec, act: Act, new: JobSpec | None) -> JobSpec | None:
    match act:
        case Act.DELETE:
            return None
        case Act.DISABLE | Act.ENABLE:
            return spec.model_copy(update={"disabled": act is Act.DISABLE})
        case _:
            return new


def _named(run: Run) -> Run:
    return replace(run, name=f"{run.job}-{run.slot:%H%M%S}-{run.trigger}-{run.attempt}")


def active(run: Run, started: datetime) -> Attempt:
    """The entry of an attempt that goes on."""
    return Attempt(**_attempt(run), state=AttemptState.RUNNING, uid="seen", started_at=started)


def execution(run: Run, ended: datetime, *, success: bool, reason: str) -> Attempt:
    """The entry of an attempt that is over."""
    state = AttemptState.SUCCEEDED if success else AttemptState.FAILED
    return Attempt(**_attempt(run), state=state, started_at=run.began, finished_at=ended, reason=reason)


def _attempt(run: Run) -> dict[str, Any]:
    cause = {"slot": run.slot, "trigger": run.trigger, "group": run.group, "attempt": run.attempt}
    return {"id": run.name, "job": run.name, **cause}
