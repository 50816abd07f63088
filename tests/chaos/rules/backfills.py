"""Backfills: which slots run is decided once, each of them runs exactly once and for its own time, in the order and
beside as many others as the spec says, and the status tells that.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise

from dkron_crds.backfill import BackfillCondition, BackfillOrder, BackfillReason, BackfillStatus, OnFailure
from dkron_crds.base import rfc3339
from dkron_crds.job import JobSpec
from tests.chaos import oracle
from tests.chaos.asked import Asked
from tests.chaos.case import Case, Group, Kind, Objection
from tests.chaos.fault_windows import Weather
from tests.chaos.history import BackfillObject, BackfillRequest, History

TICK = timedelta(microseconds=1)
Slots = tuple[datetime, ...]
Told = tuple[datetime, str]


@dataclass(frozen=True)
class Backfill:
    """A DkronBackfill of one job: what a client asked for, what the witness saw of it, its DkronRuns and its runs."""

    request: BackfillRequest
    object: BackfillObject | None
    runs: tuple[Asked, ...]
    cases: tuple[Case, ...]
    weather: Weather

    @property
    def status(self) -> BackfillStatus:
        """What it said of itself last."""
        return BackfillStatus() if self.object is None else self.object.status

    @property
    def groups(self) -> list[tuple[Case, Group]]:
        """What ran for it, in the order of their beginnings."""
        return sorted((each for run in self.runs for each in run.groups), key=lambda each: each[1].began)

    @cached_property
    def slots(self) -> Slots:
        """Those that have to run, oldest first: as its status says, if that is what its job was set to."""
        return (
            self.told if self.told is not None and _fits(self, self.told) else max(self.possible, key=len, default=())
        )

    @property
    def told(self) -> Slots | None:
        """The slots that its status has said will run; None if it never said so."""
        if self.object is None or not self.object.decided:
            return None if self.status.plan is None else ()
        return tuple(sorted(slot for target in self.object.decided[0] for slot in target.slots))

    @property
    def possible(self) -> list[Slots]:
        """All that it may have found, by the specs that the job may have had: those in the range before now."""
        spec, begin = self.request.spec, self.request.invoked
        by = self.weather.terms.read if self.request.answered is None else self.weather.decided(self.request.answered)
        end = min(spec.to, begin) - TICK
        found = (
            oracle.due(each, spec.from_ - TICK, end, since=None)
            for case in self.cases
            for each in case.life.specs(begin, by)
            if oracle.interval(each.schedule) is None
        )
        return [tuple(slots) for slots in found]

    @property
    def steps(self) -> list[JobSpec]:
        """The specs that it may have found with a step, whose slots begin where only the operator knows."""
        specs = (each for case in self.cases for each in case.life.specs(self.request.invoked, self.weather.terms.read))
        return [spec for spec in specs if oracle.interval(spec.schedule) is not None]

    @cached_property
    def began(self) -> list[datetime]:
        """The slots that had to begin, in their order: all, unless a failure has stopped it."""
        order = sorted(self.slots, reverse=self.request.spec.order is BackfillOrder.NEWEST_FIRST)
        return order if self.is_complete else order[: self.status.begun]

    @property
    def is_complete(self) -> bool:
        """Whether it says that all of its slots ran."""
        return self.status.finished_at is not None and self.reason != BackfillReason.STOPPED

    @property
    def reason(self) -> str:
        """How it says that it has ended."""
        final = (BackfillCondition.COMPLETE, BackfillCondition.FAILED)
        return next((each.reason for each in self.status.conditions if each.type in final), "")


def all_backfills(history: History, cases: Sequence[Case], runs: Sequence[Asked], weather: Weather) -> list[Backfill]:
    """Every DkronBackfill that a client asked for, and that may be there. Raises ValueError for one with a selector."""
    objects = {each.name: each for each in history.backfill_objects}
    found = []
    for request in history.backfill_requests:
        if request.spec.job is None:
            raise ValueError(f'the checker cannot judge "{request.name}"; use a backfill of one job')
        if request.refused or (request.answered is None and request.name not in objects):
            continue
        own = tuple(case for case in cases if case.life.job == request.spec.job)
        mine = tuple(run for run in runs if run.backfill == request.name)
        found.append(Backfill(request, objects.get(request.name), mine, own, weather))
    return found


def check(backfills: Sequence[Backfill], runs: Sequence[Asked]) -> Iterator[Objection]:
    """Look at each of them, and at DkronRuns of others."""
    names = {each.request.name for each in backfills}
    for run in runs:
        if run.backfill and run.backfill not in names:
            text = f"DkronRun {run.name} is of the backfill {run.backfill}, which nobody had asked for"
            yield Objection(Kind.EXTRA, "", "", run.invoked, text)
    for each in backfills:
        for part in (_plan, _slots, _jobs, _order, _parallel, _stop, _end):
            for at, text in part(each):
                told = f"DkronBackfill {each.request.name}: {text}"
                nobody = Objection(Kind.BACKFILL, "", "", at, told)
                yield each.cases[0].object_to(Kind.BACKFILL, at, told) if each.cases else nobody


def _fits(it: Backfill, slots: Slots) -> bool:
    """Whether these are all slots of the range by some spec that the job may have had."""
    return slots in it.possible or any(_is_grid(it, slots, spec) for spec in it.steps)


def _is_grid(it: Backfill, slots: Slots, spec: JobSpec) -> bool:
    step, begin, end = oracle.interval(spec.schedule), it.request.spec.from_, it.request.spec.to
    if step is None or not slots:
        return False
    even = all(after - before == step for before, after in pairwise(slots))
    return even and begin <= slots[0] < begin + step and end - step <= slots[-1] < end


def _plan(it: Backfill) -> Iterator[Told]:
    """Decided once, and all of the range."""
    at, decided = it.request.invoked, () if it.object is None else it.object.decided
    if len(decided) > 1:
        yield at, "its slots were decided, and then others"
    if it.told is not None and not _fits(it, it.told):
        yield at, f"it runs {_listed(it.told)}, and its job was due at {_listed(it.slots)}"
    plan = it.status.plan
    if plan is not None and plan.count != len(it.slots):
        yield at, f"status.plan counts {plan.count} slots of {len(it.slots)}"


def _slots(it: Backfill) -> Iterator[Told]:
    """Each that had to begin runs once, for its own time, and no other one does."""
    found: dict[datetime, list[str]] = defaultdict(list)
    for run in it.runs:
        found[run.spec.scheduled_time or run.invoked].append(run.name)
    ran: dict[datetime, list[Group]] = defaultdict(list)
    for _, group in it.groups:
        ran[group.slot].append(group)
    for slot in it.began:
        if slot not in ran and not _is_kept(it, slot):
            yield slot, f"nothing ran for its slot {rfc3339(slot)}"
    for slot in sorted(found.keys() | ran.keys()):
        if slot not in it.slots:
            yield slot, f"{rfc3339(slot)} is none of its slots, and ran"
        elif len(found[slot]) > 1:
            yield slot, f"its slot {rfc3339(slot)} has the DkronRuns {' and '.join(found[slot])}"
        elif len(ran[slot]) > 1:
            yield slot, f"its slot {rfc3339(slot)} ran twice, as {' and '.join(map(str, ran[slot]))}"


def _jobs(it: Backfill) -> Iterator[Told]:
    """They run as the very job of which they are slots."""
    decided = () if it.object is None else it.object.decided
    uids = {target.uid for targets in decided for target in targets}
    for case, group in it.groups:
        if uids and case.life.uid not in uids:
            yield group.slot, f"its slot {rfc3339(group.slot)} ran as another job of the same name ({case.life.uid})"


def _is_kept(it: Backfill, slot: datetime) -> bool:
    """Whether the API server refused the Job, or the DkronRun may still become one."""
    mine = [run for run in it.runs if run.spec.scheduled_time == slot]
    late = any(run.owed is None or run.owed[1] > it.weather.terms.read for run in mine)
    return late or any(case.is_refused(run.invoked) for run in mine for case in it.cases)


def _order(it: Backfill) -> Iterator[Told]:
    """DkronRuns are created one after another, in the order of their slots; of one at a time the runs, too."""
    newest = it.request.spec.order is BackfillOrder.NEWEST_FIRST
    made = sorted((run.object for run in it.runs if run.object is not None), key=lambda each: each.created)
    for one, other in pairwise(made):
        first, second = one.spec.scheduled_time, other.spec.scheduled_time
        if first and second and one.created != other.created and (first < second if newest else second < first):
            yield other.created, f"it began {rfc3339(first)} before {rfc3339(second)}"


def _parallel(it: Backfill) -> Iterator[Told]:
    """Not more at once than the spec says. If a failure stops it, no other run takes the place of one that failed."""
    most, grain = it.request.spec.parallelism, it.weather.terms.grain
    stops = it.request.spec.on_failure is OnFailure.STOP
    groups = [(case, group) for case, group in it.groups if not any(map(case.is_hit, group.runs))]
    for _, group in groups:
        beside = [
            other
            for _, other in groups
            if other is not group
            and other.began <= group.began
            and (group.began + grain < (other.ended or other.began) or (stops and not _succeeded(other)))
        ]
        if len(beside) >= most:
            yield group.began, f"{group} began beside {' and '.join(map(str, beside))}, and {most} may run at once"


def _stop(it: Backfill) -> Iterator[Told]:
    """After a failure nothing begins, if the spec says so."""
    if it.request.spec.on_failure is not OnFailure.STOP:
        return
    ends = [case.free(group) for case, group in it.groups if not _succeeded(group)]
    known = min((it.weather.decided(end) for end in ends), default=None)
    for _, group in it.groups:
        if known is not None and group.began > known:
            yield group.began, f"{group} began, though a run had failed by {rfc3339(known)}"


def _end(it: Backfill) -> Iterator[Told]:
    """It ends, and says how many of its runs succeeded."""
    read, status, spec = it.weather.terms.read, it.status, it.request.spec
    known = [it.request.answered or it.request.invoked, *(case.free(group) for case, group in it.groups)]
    by = it.weather.decided(it.weather.decided(max(known)))
    if status.finished_at is None:
        if by <= read and not spec.suspend:
            yield it.request.invoked, f"it has not ended, and nothing has begun since {rfc3339(max(known))}"
        return
    failed = sum(not _succeeded(group) for _, group in it.groups)
    touched = any(case.is_hit(run) or case.is_wiped for case, group in it.groups for run in group.runs)
    if status.succeeded + status.failed + status.remaining != len(it.slots):
        counts = f"{status.succeeded} succeeded, {status.failed} failed and {status.remaining} remaining"
        yield status.finished_at, f"it counts {counts} of {len(it.slots)} slots"
    if status.failed != failed and not touched:
        yield status.finished_at, f"it counts {status.failed} failures, and {failed} of its runs have failed"
    wanted = BackfillReason.RUNS_FAILED if status.failed else BackfillReason.FINISHED
    wanted = BackfillReason.STOPPED if spec.on_failure is OnFailure.STOP and status.remaining else wanted
    if it.reason != wanted:
        yield status.finished_at, f"it ended as {it.reason or 'nothing'}, and that is {wanted}"


def _succeeded(group: Group) -> bool:
    last = {run.member: run for run in sorted(group.runs, key=lambda run: run.attempt)}
    return all(run.success for run in last.values())


def _listed(slots: Slots) -> str:
    return f"{len(slots)} slots ({', '.join(map(rfc3339, slots[:3]))}{', …' if len(slots) > 3 else ''})"
