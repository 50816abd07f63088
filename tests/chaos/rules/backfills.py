"""Backfills: which slots run is decided once, each of them runs exactly once and for its own time, in the order and
beside as many others as the spec says, none while it is suspended, and the status tells that.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise

from dkron_crds.backfill import BackfillOrder, BackfillReason, OnFailure
from dkron_crds.base import rfc3339
from tests.chaos.asked import Asked
from tests.chaos.backfilled import Backfill, Slot, succeeded
from tests.chaos.case import Group
from tests.chaos.history import Second
from tests.chaos.objections import Kind, Objection

Told = tuple[datetime, str]


def check(backfills: Sequence[Backfill], runs: Sequence[Asked]) -> Iterator[Objection]:
    """Look at each of them, and at DkronRuns of others."""
    names = {each.request.name for each in backfills}
    for run in runs:
        if run.backfill and run.backfill not in names:
            text = f"DkronRun {run.name} is of the backfill {run.backfill}, which no client had created"
            yield Objection(Kind.EXTRA, "", "", run.invoked, text)
    for each in backfills:
        for part in (_plan, _slots, _jobs, _order, _parallel, _suspended, _stop, _end):
            for at, text in part(each):
                told = f"DkronBackfill {each.request.name}: {text}"
                of_no_job = Objection(Kind.BACKFILL, "", "", at, told)
                yield each.cases[0].object_to(Kind.BACKFILL, at, told) if each.cases else of_no_job


def _plan(it: Backfill) -> Iterator[Told]:
    """Decided once, and all of the range."""
    at, decided = it.request.invoked, () if it.object is None else it.object.decided
    if len(decided) > 1:
        yield at, "its slots were decided, and then others"
    for job in it.jobs if it.told is not None else ():
        if not it.fits(job):
            of_job = [slot for slot, each in it.slots if each == job]
            yield at, f"it runs {_listed(it.told_of(job))} of {job}, which had {_listed(of_job)}"
    plan = it.status.plan
    if plan is not None and plan.count != len(it.slots):
        yield at, f"status.plan counts {plan.count} slots of {len(it.slots)}"


def _slots(it: Backfill) -> Iterator[Told]:
    """Each that had to begin runs once, for its own time, and no other one does."""
    found: dict[Slot, list[str]] = defaultdict(list)
    for run in it.runs:
        found[_slot_of(run)].append(run.name)
    ran: dict[Slot, list[Group]] = defaultdict(list)
    for case, group in it.groups:
        ran[group.slot, case.life.job].append(group)
    for slot in it.began:
        if slot not in ran and not _is_kept(it, slot):
            yield slot[0], f"nothing ran for its slot {_named(slot)}"
    for slot in sorted(found.keys() | ran.keys()):
        if slot not in it.slots:
            yield slot[0], f"{_named(slot)} is none of its slots, and ran"
        elif len(found[slot]) > 1:
            yield slot[0], f"its slot {_named(slot)} has the DkronRuns {' and '.join(found[slot])}"
        elif len(ran[slot]) > 1:
            yield slot[0], f"its slot {_named(slot)} ran twice, as {' and '.join(map(str, ran[slot]))}"


def _jobs(it: Backfill) -> Iterator[Told]:
    """They run as the very job of which they are slots."""
    decided = () if it.object is None else it.object.decided
    uids = {target.uid for targets in decided for target in targets}
    for case, group in it.groups:
        if uids and case.life.uid not in uids:
            yield group.slot, f"its slot {rfc3339(group.slot)} ran as another job of the same name ({case.life.uid})"


def _is_kept(it: Backfill, slot: Slot) -> bool:
    """Whether the API server refused the Job, or the DkronRun may still become one."""
    mine = [run for run in it.runs if _slot_of(run) == slot]
    late = any(run.owed is None or run.owed[1] > it.weather.terms.read for run in mine)
    return late or any(case.is_refused(run.created) for run in mine for case in it.cases)


def _order(it: Backfill) -> Iterator[Told]:
    """DkronRuns are created one after another, in the order of their slots; of one at a time the runs, too."""
    newest = it.request.spec.order is BackfillOrder.NEWEST_FIRST
    made = sorted((run.object for run in it.runs if run.object is not None), key=lambda each: each.created)
    for one, other in pairwise(made):
        first, second = ((each.spec.scheduled_time or each.created, each.spec.job) for each in (one, other))
        if one.created != other.created and (first < second if newest else second < first):
            yield other.created, f"it began {_named(first)} before {_named(second)}"


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
            and (group.began + grain < (other.ended or other.began) or (stops and not succeeded(other)))
        ]
        if len(beside) >= most:
            yield group.began, f"{group} began beside {' and '.join(map(str, beside))}, and {most} may run at once"


def _suspended(it: Backfill) -> Iterator[Told]:
    """While it is suspended, nothing begins. The API server tells whole seconds."""
    for each in it.suspensions:
        seen = it.weather.decided(each.made)
        for run in it.runs:
            if run.object is not None and seen < run.object.created and run.object.created + Second <= each.end:
                yield (
                    run.object.created,
                    f"its slot {_named(_slot_of(run))} began, and by {rfc3339(seen)} it was suspended",
                )


def _stop(it: Backfill) -> Iterator[Told]:
    """After a failure nothing begins, if the spec says so."""
    if it.request.spec.on_failure is not OnFailure.STOP:
        return
    ends = [case.free(group) for case, group in it.groups if not succeeded(group)]
    known = min((it.weather.decided(end) for end in ends), default=None)
    for _, group in it.groups:
        if known is not None and group.began > known:
            yield group.began, f"{group} began, though a run had failed by {rfc3339(known)}"


def _end(it: Backfill) -> Iterator[Told]:
    """It ends, and says how many of its runs succeeded."""
    read, status, spec = it.weather.terms.read, it.status, it.request.spec
    resumed = [each.gone for each in it.suspensions]
    known = [it.request.answered or it.request.invoked, *resumed, *(case.free(group) for case, group in it.groups)]
    by = it.weather.decided(it.weather.decided(max(known)))
    if status.finished_at is None:
        if by <= read and not spec.suspend:
            yield it.request.invoked, f"it has not ended, and nothing has begun since {rfc3339(max(known))}"
        return
    failed = sum(not succeeded(group) for _, group in it.groups)
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


def _slot_of(run: Asked) -> Slot:
    return run.spec.scheduled_time or run.invoked, run.spec.job


def _named(slot: Slot) -> str:
    return f"{rfc3339(slot[0])} of {slot[1]}"


def _listed(slots: Sequence[datetime]) -> str:
    return f"{len(slots)} slots ({', '.join(map(rfc3339, slots[:3]))}{', …' if len(slots) > 3 else ''})"
