"""A life with everything that is derived from it once: what the rules look at."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

from dkron_crds.job import Attempt, Concurrency, JobSpec, MissedRuns, Trigger
from tests.chaos.fault_windows import Weather, end_of
from tests.chaos.history import FOREVER, Act, Operation, Run
from tests.chaos.holds import holds
from tests.chaos.job_lifetimes import Life
from tests.chaos.line import Crowd, Line, Stay, Wait, has_line, newest_first, turn
from tests.chaos.needs import Need
from tests.chaos.objections import Kind, Objection
from tests.chaos.targets import Target, targets

NAME = re.compile(r".+-(\d+)-[0-9a-f]{8}")
"""Of a Job: the job, the second, and a hash of its cause."""


@dataclass(frozen=True)
class Group:
    """All attempts and members of one trigger."""

    runs: tuple[Run, ...]

    def __str__(self) -> str:
        return str(self.first)

    @property
    def first(self) -> Run:
        """The first attempt, or what there is of it."""
        return min(self.runs, key=lambda run: (run.attempt, run.began))

    @property
    def slot(self) -> datetime:
        """What all of them belong to."""
        return self.first.slot

    @property
    def asked(self) -> str:
        """The name of the DkronRun that it is for."""
        return self.first.asked

    @property
    def trigger(self) -> Trigger:
        """What caused all of them."""
        return self.first.trigger

    @property
    def began(self) -> datetime:
        """The first that was seen of it."""
        return min(run.began for run in self.runs)

    @property
    def ended(self) -> datetime | None:
        """The last that was seen of it; None if one has not ended."""
        ends = [run.end for run in self.runs if run.end is not None]
        return max(ends) if len(ends) == len(self.runs) else None


@dataclass(frozen=True)
class Case:
    """One life under the weather of its time; `crowd` is in the pools of the job, if it names some, and where the
    quota of its namespace is used up."""

    life: Life
    weather: Weather
    crowd: Crowd | None = None

    def object_to(self, kind: Kind, at: datetime, text: str) -> Objection:
        """An objection to something about this life."""
        return Objection(kind, self.life.job, self.life.uid, at, text)

    @cached_property
    def targets(self) -> list[Target]:
        """Its slots."""
        return targets(self.life, self.weather)

    @cached_property
    def groups(self) -> list[Group]:
        """Its runs by trigger, in the order of their beginnings."""
        found: dict[object, list[Run]] = defaultdict(list)
        for run in self.life.runs:
            found[run.of].append(run)
        return sorted((Group(tuple(runs)) for runs in found.values()), key=lambda group: group.began)

    def of(self, trigger: Trigger) -> list[Group]:
        """The groups of one trigger."""
        return [group for group in self.groups if group.trigger is trigger]

    @cached_property
    def unrun(self) -> list[Target]:
        """The slots without a run."""
        first = {run.slot for run in self.life.runs if run.trigger is Trigger.SCHEDULE and run.attempt == 1}
        run = first | {e.slot for e in self.unseen if e.trigger is Trigger.SCHEDULE and e.attempt == 1}
        return [target for target in self.targets if target.slot not in run and not self.is_refused(target.slot)]

    @cached_property
    def executions(self) -> dict[str, Attempt]:
        """What its record tells about Jobs that have ended."""
        return {e.job: e for e in self.life.record.status.executions} if self.life.record else {}

    @cached_property
    def unseen(self) -> list[Attempt]:
        """Attempts that never came so far that a pod could have told the witness: only their record tells of them. If
        nothing escapes it, only those are that it knows to have been refused."""
        names = {run.name for run in self.life.runs}
        told = (e for e in self.executions.values() if e.job not in names)
        if self.weather.terms.complete:
            known = {("JobRejected", name) for name in self.refused} | {("Stopped", name) for name in self.stopped}
            return [e for e in told if (e.reason, e.job) in known]
        return [e for e in told if not e.success and e.exit_code is None and e.reason not in ("", "Error")]

    @cached_property
    def hit(self) -> dict[str, datetime]:
        """The names of its Jobs that something was done to, and until when."""
        found: dict[str, datetime] = {}
        for fault in self.weather.faults:
            mine = [] if fault.is_mild else [name for name in fault.hits if name.startswith(f"{self.life.job}-")]
            found |= {name: max(end_of(fault), found.get(name, fault.begin)) for name in mine}
        return found

    @cached_property
    def refused(self) -> frozenset[str]:
        """The names of its Jobs that something was done to that were never seen: they were refused."""
        return frozenset(self.hit.keys() - {run.name for run in self.life.runs})

    @cached_property
    def stopped(self) -> dict[str, datetime]:
        """The names of its Jobs that were stopped and never seen, and until when: their claims still waited, and the
        record says so, or has made room for newer ones."""
        seen = {run.name for run in self.life.runs}
        stops = (op for op in self.life.operations if op.act is Act.STOP and op.hits and op.hits not in seen)
        return {op.hits: op.answered or FOREVER for op in stops if self._was_waiting(op)}

    def _was_waiting(self, stop: Operation) -> bool:
        record = self.executions.get(stop.hits)
        if record is not None:
            return record.reason == "Stopped" and record.exit_code is None
        return self.is_full and self.weather.excuse(stop.invoked) is not None

    @cached_property
    def is_full(self) -> bool:
        """Whether its record may have made room for newer executions."""
        specs = self.life.specs(self.life.created, self.weather.terms.read)
        return len(self.executions) >= min((spec.history.executions for spec in specs), default=0)

    def is_refused(self, moment: datetime) -> bool:
        """Whether the Job of that slot, or of that request, was refused, or stopped before it was there: the name of a
        Job has its second."""
        return any(second_of(name) == int(moment.timestamp()) for name in (*self.refused, *self.stopped))

    def was_refused_first(self, run: Run) -> bool:
        """Whether of two operators that both act, one was refused the Job that the other created a moment later."""
        return self.weather.terms.rivals and run.name in self.hit

    def claims_in_the_way(self, moment: datetime, begin: datetime, end: datetime) -> bool:
        """Whether a run whose Jobs were never there, other than the one of this moment, may have been claimed at this
        time."""
        ends = {name: self.hit[name] for name in self.refused} | self.stopped
        others = ((second_of(name), name) for name in ends)
        return any(
            second != int(moment.timestamp())
            and datetime.fromtimestamp(second, UTC) <= end
            and begin <= self.weather.decided(ends[name])
            for second, name in others
        )

    @cached_property
    def busy(self) -> list[tuple[datetime, datetime, Group]]:
        """When one of its runs may have stood in the way of another: from its slot, when it may have been claimed,
        until its end must have been seen."""
        return [(self._claimed(group), self.free(group), group) for group in self.groups]

    def excused(self, target: Target) -> bool:
        """Whether it is right that this slot has not run."""
        left = self.is_forbidden(target) or self.may_have_left(target)
        return target.need is not Need.MUST or left or not self.is_settled(target)

    def is_settled(self, target: Target) -> bool:
        """Whether its turn came before the job was changed, or looked at for the last time."""
        return self.is_decided(target, marked=False)

    def is_decided(self, target: Target, *, marked: bool) -> bool:
        """Whether its turn came before the job was changed; and before the last look, or so the status says."""
        latest = self.latest(target)
        return latest <= target.until and (marked or latest <= self.weather.terms.read)

    def is_forbidden(self, target: Target) -> bool:
        """Whether another run stood in the way."""
        if not any(spec.concurrency is Concurrency.FORBID for spec in target.due.specs) or self._waits(target):
            return False
        begin, end = target.due.opens, target.due.by
        return self.claims_in_the_way(target.slot, begin, end) or any(
            group.trigger is not Trigger.SCHEDULE or group.slot != target.slot for group in self.in_the_way(begin, end)
        )

    def _waits(self, target: Target) -> bool:
        """Whether it was surely missed by a job that wants each slot, and so has to wait for the runs before it."""
        return self.weather.outage(target.due.opens) is not None and all(
            spec.missed_runs is MissedRuns.ALL and spec.starting_deadline_seconds is None for spec in target.due.specs
        )

    def is_surely_forbidden(self, target: Target) -> bool:
        """Whether another run stood in the way all the time: then it had to be counted as skipped."""
        forbidden = all(spec.concurrency is Concurrency.FORBID for spec in target.due.specs)
        return forbidden and any(
            group.slot != target.slot and run.began < target.due.opens and target.due.by < self.end(run)
            for group in self.groups
            for run in group.runs
        )

    def was_refused_in_time(self, target: Target, group: Group) -> bool:
        """Whether an operator that nothing hindered had to refuse it, because another run was active all the time. What
        began before that one ended overlaps with it."""
        if target.need is not Need.MUST or target.held or self.weather.excuse(target.due.opens) is not None:
            return False
        # How long a run without an end was in the way is unknown.
        others = (run for other in self.groups if other.slot != target.slot for run in other.runs)
        active = any(
            run.end is not None and run.began < target.due.opens and target.due.by < run.end <= group.began
            for run in others
        )
        return active and all(spec.concurrency is Concurrency.FORBID for spec in target.due.specs)

    def in_the_way(self, begin: datetime, end: datetime) -> list[Group]:
        """The runs that may have stood in the way of another at this time."""
        return [group for first, last, group in self.busy if first <= end and begin <= last]

    def latest(self, target: Target) -> datetime:
        """When its Job may appear at the latest. Who wants every missed run, and no two at once, has them in a row, and
        what comes due meanwhile has to wait for its turn."""
        specs, latest = target.due.specs, self.wait_of(target).turn
        lines = self.has_line(self.life.specs(target.due.opens, self.weather.terms.read))
        row = any(spec.concurrency is Concurrency.FORBID and spec.missed_runs is MissedRuns.ALL for spec in specs)
        late = any(pause.begin <= target.due.by for pause in self.life.pauses)
        if row and (late or self.weather.has_stormed(target.due.opens)):
            for group in self.groups:
                sooner = lines or group.slot < target.slot or group.trigger is not Trigger.SCHEDULE
                if sooner and group.began <= latest:
                    latest = max(latest, self.free(group))
        return latest

    def has_line(self, specs: Iterable[JobSpec]) -> bool:
        """Whether runs of the job may wait in line by one of these, or a quota may have them wait."""
        return self.crowd is not None or has_line(specs)

    def wait_of(self, target: Target) -> Wait:
        """How long it may have waited in line."""
        due = target.due
        if not self.has_line(due.specs):
            return Wait(due.opens, due.by, due.by)
        groups = (group for group in self.of(Trigger.SCHEDULE) if group.slot == target.slot)
        return self.wait(due.opens, due.by, target.slot, *groups)

    def may_have_left(self, target: Target) -> bool:
        """Whether it may have waited in line, and have been dropped there."""
        wait = self.wait_of(target)
        return bool(wait.reasons) or wait.is_late(target.slot)

    def wait(self, opens: datetime, by: datetime, *own: object, overrules: bool = False) -> Wait:
        """How long a run may have waited in line that came due at `opens`, and had to be decided by `by`. `own` are its
        group, its slot or its request; `overrules`: the line of the job does not hold for it, only its pools do."""
        return self._line.wait(opens, by, lambda end: self.life.specs(opens, end), own, overrules=overrules)

    @cached_property
    def _line(self) -> Line:
        stays, pauses, terms = tuple(self._stays()), holds(self.life, self.weather), self.weather.terms
        dropped = []
        for of, due, by in self._without_a_run():
            newest = newest_first(self.life.specs(due, FOREVER))
            left = turn(due, by, stays, pauses, crowd=self.crowd, newest=newest)
            dropped.append(Stay(of, due, left, left))
        return Line(stays, tuple(dropped), pauses, self.weather.wrong, terms.grain, self.crowd)

    def _stays(self) -> Iterator[Stay]:
        for group in self.groups:
            fires = group.trigger in (Trigger.SCHEDULE, Trigger.DEPENDENT)
            yield Stay(group, group.first.due, group.began, self.free(group), fires=fires)
        ends = {name: self.hit[name] for name in self.refused} | self.stopped
        for name, end in ends.items():
            claimed = datetime.fromtimestamp(second_of(name), UTC)
            yield Stay(name, claimed, claimed, max(claimed, self.weather.decided(end)))

    def _without_a_run(self) -> Iterator[tuple[object, datetime, datetime]]:
        """Slots and requests that no run is of: each, when it came due, and by when it must have been decided."""
        yield from ((target.slot, target.due.opens, target.due.by) for target in self.unrun)
        ran = {group.slot for group in self.of(Trigger.MANUAL)} | {group.asked for group in self.groups}
        asked = [op for op in self.life.operations if op.act is Act.RUN and op.at not in ran]
        named = [(each.name, each.invoked) for each in self.life.run_requests if each.name not in ran]
        unrun: list[tuple[object, datetime]] = [*((op, op.invoked) for op in asked), *named]
        yield from ((of, at, self.weather.decided(at)) for of, at in unrun)

    def may_be_paused(self, begin: datetime, end: datetime) -> bool:
        """Whether a pause may have held the job at some moment of that time."""
        return any(hold.touches(begin, end) for hold in holds(self.life, self.weather))

    def is_paused(self, begin: datetime, end: datetime) -> bool:
        """Whether one pause surely held it all that time, and nothing was broken that it had begun before."""
        calm = [hold for hold in holds(self.life, self.weather) if not self.weather.storm(hold.pause.begin, end)]
        return any(hold.covers(begin) and hold.covers(end) for hold in calm)

    @property
    def is_wiped(self) -> bool:
        """Whether its status was cleared."""
        return any(op.act is Act.WIPE for op in self.life.operations)

    def is_hit(self, run: Run) -> bool:
        """Whether this run may have been cut short, or removed before its end was known."""
        end = min(self.known(run), self.weather.terms.read)
        asked = (op for op in self.life.operations if op.act is Act.STOP and op.invoked <= end)
        stopped = any(op.hits in ("", run.name) for op in asked)
        faults = self.weather.around(run.began, end, self.weather.terms.lateness)
        calm = self.weather.storm(run.began, end) is None
        hit = any({"*", run.name} & set(fault.hits) for fault in faults if not (calm and fault.is_mild))
        return stopped or hit or self.life.deleted <= end

    def is_replaced(self, run: Run, until: datetime | None = None) -> bool:
        """Whether a newer run of a job that keeps only the newest took its place, before its end was known, or until
        `until`."""
        end = until or self.known(run)
        specs = self.life.specs(run.began, min(end, self.weather.terms.read))
        replaces = any(spec.concurrency is Concurrency.REPLACE for spec in specs)
        # The concurrency of the job does not apply to the runs of a backfill.
        others = (group for group in self.groups if group.trigger is not Trigger.BACKFILL)
        # One that waits for a place has replaced it when it came into line.
        came = [(group, group.began if self.crowd is None else min(group.began, group.first.due)) for group in others]
        later = any(group.first.of != run.of and run.began <= at <= end for group, at in came)
        # A slot that was claimed has the place of the run before it, whether it comes to run or not.
        claimed = any(run.began <= target.slot <= end and self._may_be_claimed(target) for target in self.unrun)
        return replaces and (later or claimed)

    def _may_be_claimed(self, target: Target) -> bool:
        """Whether a slot that did not run may have had a claim: an operator died, or it waited for room."""
        waited = self.crowd is not None and self.crowd.may_refuse(target.due.opens, target.due.by)
        return waited or self.weather.excuse(target.slot) is not None

    def end(self, run: Run) -> datetime:
        """When it was over; of one whose end the witness did not see, when its record says so."""
        record = self.executions.get(run.name)
        return run.end or (record.ended_at if record else FOREVER)

    def told(self, run: Run) -> datetime:
        """From when on anybody could know that it was over."""
        end = self.end(run)
        return end if run.over is None else max(end, run.over)

    def known(self, run: Run) -> datetime:
        """By when its end must have been recorded, if the witness saw one."""
        return FOREVER if run.end is None else self.weather.decided(self.told(run))

    def _claimed(self, group: Group) -> datetime:
        """From when on it may have stood in the way: a request may name any time, so only a storm, or a wait in
        line, leads back to it."""
        soonest = min(group.first.due, group.began)
        waited = self.crowd is not None or self.weather.excuse(group.began - self.weather.terms.lateness)
        if group.trigger is Trigger.SCHEDULE or waited:
            return soonest
        return max(soonest, group.began - self.weather.terms.lateness)

    def free(self, group: Group) -> datetime:
        """By when it must be known that nothing of it runs or is to come."""
        over = self.over(group)
        return over if over >= FOREVER else self.weather.decided(over)

    def over(self, group: Group) -> datetime:
        """From when on nothing of it runs, and no attempt of it waits for its backoff."""
        ends = [self.told(run) for run in group.runs]
        last = max(ends)
        if last >= FOREVER:
            return FOREVER
        failed = any(not run.success for run in group.runs if self.told(run) == last)
        return last + self.backoff(last, len(ends)) if failed else last

    def may_be_retried(self, run: Run) -> bool:
        """Whether its retry could still come when the last look was taken."""
        return self._allows_retry(run) and self.weather.decided(self.final(run)) > self.weather.terms.read

    def final(self, run: Run) -> datetime:
        """By when one could know that no attempt follows this one: one that is replaced while its retry waits is over
        with that."""
        end = self.told(run)
        return end + self.backoff(end, run.attempt) if self._allows_retry(run) else end

    def _allows_retry(self, run: Run) -> bool:
        end = self.told(run)
        if run.success or end >= FOREVER:
            return False
        return any(run.attempt <= spec.retries for spec in self.life.specs(run.began, self.weather.decided(end)))

    def backoff(self, at: datetime, attempt: int) -> timedelta:
        """The longest wait that may follow this attempt."""
        specs = self.life.specs(at, self.weather.decided(at))
        return max((waits(spec, attempt) for spec in specs), default=timedelta(0))


def second_of(job: str) -> int:
    """The second in the name of a Job, since the epoch; 0 for a name that the operator gives no Job."""
    named = NAME.fullmatch(job)
    return int(named[1]) if named else 0


def waits(spec: JobSpec, attempt: int) -> timedelta:
    """How long a job waits after an attempt that failed."""
    backoff = spec.retry_backoff
    return timedelta(seconds=min(backoff.initial_seconds * backoff.factor ** min(attempt - 1, 64), backoff.max_seconds))
