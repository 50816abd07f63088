"""A DkronBackfill with everything that is derived from it once: what a client asked for, what the witness saw of it,
and which slots it may have found.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from dkron_crds.backfill import (
    BackfillCondition,
    BackfillOrder,
    BackfillReason,
    BackfillRuns,
    BackfillSpec,
    BackfillStatus,
)
from dkron_crds.job import JobSpec, Trigger
from tests.chaos import oracle
from tests.chaos.asked import Asked
from tests.chaos.case import Case, Group
from tests.chaos.fault_windows import Weather
from tests.chaos.history import FOREVER, BackfillObject, BackfillRequest, History, Suspended

TICK = timedelta(microseconds=1)
OF_A_SLOT = frozenset({Trigger.SCHEDULE, Trigger.BACKFILL})
Slot = tuple[datetime, str]
"""When it was due, and of which job: so they are in order."""
Times = tuple[datetime, ...]


@dataclass(frozen=True)
class Backfill:
    """A DkronBackfill: what a client asked for, what the witness saw of it, when it was suspended, its DkronRuns and
    its runs. `cases` are the jobs that it may be of."""

    request: BackfillRequest
    object: BackfillObject | None
    runs: tuple[Asked, ...]
    cases: tuple[Case, ...]
    weather: Weather
    suspensions: tuple[Suspended, ...] = ()

    @property
    def status(self) -> BackfillStatus:
        """Its last status."""
        return BackfillStatus() if self.object is None else self.object.status

    @property
    def groups(self) -> list[tuple[Case, Group]]:
        """What ran for it, in the order of their beginnings."""
        return sorted((each for run in self.runs for each in run.groups), key=lambda each: each[1].began)

    @cached_property
    def slots(self) -> list[Slot]:
        """Those that have to run, oldest first: as its status says, if that is what its jobs were set to."""
        found = ((slot, job) for job in self.jobs for slot in self._required(job))
        return sorted(found)

    @property
    def jobs(self) -> list[str]:
        """The names of its jobs."""
        told = {job for _, job in self.told or ()}
        return sorted(told | {case.life.job for case in self.cases})

    @property
    def told(self) -> list[Slot] | None:
        """The slots that its status has said will run; None if it never said so."""
        if self.object is None or not self.object.decided:
            return None if self.status.plan is None else []
        return sorted((slot, target.job) for target in self.object.decided[0] for slot in target.slots)

    def told_of(self, job: str) -> Times:
        """The runs of one job."""
        return tuple(slot for slot, each in self.told or () if each == job)

    def fits(self, job: str) -> bool:
        """Whether it has said what this job may have had: all slots of the range by some spec, or those that failed."""
        told = self.told_of(job)
        if self.request.spec.runs is BackfillRuns.FAILED:
            return self.surely_failed(job) <= {*told} <= self.perhaps_failed(job)
        return told in self._possible(job) or any(_is_grid(self, told, spec) for spec in self._steps(job))

    def surely_failed(self, job: str) -> set[datetime]:
        """The slots of this job whose newest run surely had failed, and was told in its record."""
        begin, by = self._decided_at
        return {slot for case in self._of(job) for slot in failed(case, self._range, begin, by).sure}

    def perhaps_failed(self, job: str) -> set[datetime]:
        """The slots of this job whose newest run may have failed."""
        begin, by = self._decided_at
        return {slot for case in self._of(job) for slot in failed(case, self._range, begin, by).perhaps}

    @cached_property
    def began(self) -> list[Slot]:
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

    @property
    def _range(self) -> tuple[datetime, datetime]:
        return self.request.spec.from_, min(self.request.spec.to, self.request.invoked)

    @property
    def _decided_at(self) -> tuple[datetime, datetime]:
        """Between which moments its slots were decided."""
        answered = self.request.answered
        return self.request.invoked, self.weather.terms.read if answered is None else self.weather.decided(answered)

    def _of(self, job: str) -> list[Case]:
        return [case for case in self.cases if case.life.job == job]

    def _required(self, job: str) -> Iterable[datetime]:
        if self.told is not None and self.fits(job):
            return self.told_of(job)
        if self.request.spec.runs is BackfillRuns.FAILED:
            return self.surely_failed(job)
        return max(self._possible(job), key=len, default=())

    def _possible(self, job: str) -> list[Times]:
        """All that it may have found of this job, by the specs that it may have had."""
        first, end = self._range
        begin, by = self._decided_at
        found = (
            oracle.due(each, first - TICK, end - TICK, since=None)
            for case in self._of(job)
            for each in case.life.specs(begin, by)
            if oracle.interval(each.schedule) is None
        )
        there = any(case.life.is_there(begin, by) for case in self._of(job))
        return [*(tuple(slots) for slots in found), *([] if there else [()])]

    def _steps(self, job: str) -> list[JobSpec]:
        """The specs that it may have found with a step, whose slots begin where only the operator knows."""
        begin = self.request.invoked
        specs = (each for case in self._of(job) for each in case.life.specs(begin, self.weather.terms.read))
        return [spec for spec in specs if oracle.interval(spec.schedule) is not None]


class Failed(NamedTuple):
    """Slots whose newest run surely had failed, and slots whose newest run may have."""

    sure: set[datetime]
    perhaps: set[datetime]


def failed(case: Case, within: tuple[datetime, datetime], begin: datetime, by: datetime) -> Failed:
    """The slots of a range that had failed at some moment from `begin` to `by`, by what the record showed then."""
    found, (first, end) = Failed(set(), set()), within
    of_slots: dict[datetime, list[Group]] = defaultdict(list)
    for group in case.groups:
        if group.trigger in OF_A_SLOT and first <= group.slot < end and group.began <= by:
            of_slots[group.slot].append(group)
    found.perhaps.update(each.slot for each in case.unseen if each.trigger in OF_A_SLOT and first <= each.slot < end)
    for slot, groups in of_slots.items():
        newest = max(groups, key=lambda group: group.ended or FOREVER)
        touched = any(case.is_hit(run) or case.is_replaced(run) for run in newest.runs)
        certain = case.weather.decided(case.free(newest)) <= begin and not touched
        if not (certain and succeeded(newest)):
            found.perhaps.add(slot)
            if certain and case.life.is_there(begin, by) and _is_shown(case, newest, by):
                found.sure.add(slot)
    return found


def _is_shown(case: Case, group: Group, by: datetime) -> bool:
    """Whether the record still had it then: it keeps so many of the newest."""
    since = min(run.end or run.began for run in group.runs)
    later = sum(run.end is not None and run.end >= since and run.began <= by for run in case.life.runs)
    kept = min((spec.history.executions for spec in case.life.specs(since, by)), default=0)
    return later <= kept and not case.is_wiped


def all_backfills(history: History, cases: Sequence[Case], runs: Sequence[Asked], weather: Weather) -> list[Backfill]:
    """Every DkronBackfill that a client asked for, and that may be there."""
    objects = {each.name: each for each in history.backfill_objects}
    found = []
    for request in history.backfill_requests:
        if request.refused or (request.answered is None and request.name not in objects):
            continue
        own = tuple(case for case in cases if _selects(request.spec, case))
        mine = tuple(run for run in runs if run.backfill == request.name)
        suspensions = tuple(each for each in history.suspensions if each.name == request.name)
        found.append(Backfill(request, objects.get(request.name), mine, own, weather, suspensions))
    return found


def _selects(spec: BackfillSpec, case: Case) -> bool:
    if spec.job is not None:
        return case.life.job == spec.job
    return {f"{key}={value}" for key, value in (spec.selector or {}).items()} <= case.life.labels


def _is_grid(it: Backfill, slots: Times, spec: JobSpec) -> bool:
    step, begin, end = oracle.interval(spec.schedule), it.request.spec.from_, it.request.spec.to
    if step is None or not slots:
        return False
    even = all(after - before == step for before, after in pairwise(slots))
    return even and begin <= slots[0] < begin + step and end - step <= slots[-1] < end


def succeeded(group: Group) -> bool:
    """Whether the last attempt of each member did."""
    last = {run.member: run for run in sorted(group.runs, key=lambda run: run.attempt)}
    return all(run.success for run in last.values())
