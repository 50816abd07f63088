"""Runs after other jobs: each follows the end of a run of a parent that counts, and each such end is followed once.

With several parents it is only asked that there are not more runs than ends of the parent that had the fewest: which
ends met, only the operator knows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from dkron_crds.base import rfc3339
from dkron_crds.job import Concurrency, Dependency, JobSpec, MissedRuns, Trigger
from tests.chaos.case import Case, Group
from tests.chaos.history import FOREVER
from tests.chaos.holds import holds
from tests.chaos.line import ZERO, Wait
from tests.chaos.matching import Point, Window, match
from tests.chaos.objections import Kind, Objection


@dataclass(frozen=True, slots=True)
class End:
    """A run of a parent was over, and from `told` on one could know that. `sure`: the witness saw it."""

    what: str
    at: datetime
    told: datetime
    sure: bool = True


def check(case: Case, cases: Sequence[Case]) -> Iterator[Objection]:
    """Match the ends of parents with the groups that ran after them."""
    groups = [Point(group.began, group) for group in case.of(Trigger.DEPENDENT)]
    for point in groups:
        # It was claimed a moment before.
        if case.is_paused(point.at - case.weather.terms.lateness, point.at):
            yield case.object_to(Kind.EXTRA, point.at, f"{point.what} began in a pause")
    ties = {tie for span in case.life.settings if span.value is not None for tie in span.value.parents}
    ends = {tie: [end for parent in cases if parent.life.job == tie.job for end in _ends(parent, tie)] for tie in ties}
    every = (_window(case, end) for those in ends.values() for end in those)
    for point in match(every, groups).over:
        text = f"{point.what} began at {rfc3339(point.at)}, and no run of a parent had ended that has not been followed"
        yield case.object_to(Kind.CHAIN, point.at, text)
    fewest = min((len(those) for those in ends.values()), default=0)
    if len(ties) == 1:
        yield from _unfollowed(case, next(iter(ends.values())), groups)
        yield from _after_pauses(case, next(iter(ends.values())))
    elif ties and len(groups) > fewest:
        text = f"it ran {len(groups)} times after its parents, of which one has ended {fewest} times"
        yield case.object_to(Kind.CHAIN, groups[-1].at, text)


def _unfollowed(case: Case, ends: list[End], groups: list[Point[Group]]) -> Iterator[Objection]:
    owed = (_window(case, end) for end in ends if end.sure and _is_owed(case, end) and not _has_twin(case, end, ends))
    for window in match(owed, groups).empty:
        text = f"nothing ran after {window.what.what}, which ended at {rfc3339(window.what.at)}"
        yield case.object_to(Kind.CHAIN, window.what.at, text)


def _after_pauses(case: Case, ends: list[End]) -> Iterator[Objection]:
    """Of the ends in a pause, the latest starts the job, once; if it drops them, or missedRuns is skip, none does."""
    for hold in holds(case.life, case.weather):
        if case.weather.storm(hold.pause.begin, hold.noticed) is not None:
            continue
        # What ended in it may have been heard of when it was over.
        known = [end for end in ends if hold.covers(end.at) and hold.covers(case.weather.decided(end.told))]
        groups = [group for group in case.of(Trigger.DEPENDENT) if _is_after(case, group, known, ends)]
        owed = [end for end in known if end.sure]
        specs = case.life.specs(hold.pause.begin, hold.noticed)
        skips = hold.pause.drop or all(spec.missed_runs is MissedRuns.SKIP for spec in specs)
        if len(groups) > (0 if skips else 1):
            text = f"{groups[-1]} ran, after a run that ended in a pause, and {0 if skips else 1} may"
            yield case.object_to(Kind.EXTRA, groups[-1].began, text)
        by = hold.noticed + case.weather.terms.start
        told = any(spec.missed_runs is MissedRuns.SKIP for spec in specs) or hold.pause.drop
        told = told or (case.has_line(specs) and _is_busy(case, hold.pause.begin, by))
        if not owed or groups or told or by > case.weather.terms.read or by >= case.life.deleted:
            continue
        later = [group for group in case.of(Trigger.DEPENDENT) if hold.opens <= group.slot <= hold.noticed]
        if specs and not later and all(_runs(case, spec, owed[-1].at, by) for spec in specs):
            text = f"nothing ran after the pause that ended at {rfc3339(hold.opens)}, in which {owed[-1].what} ended"
            yield case.object_to(Kind.CHAIN, hold.opens, text)


def _is_after(case: Case, group: Group, some: list[End], ends: list[End]) -> bool:
    """Whether it ran after one of these ends, and after no other one."""
    near = [end for end in ends if abs(end.at - group.slot) <= case.weather.terms.grain]
    return bool(near) and all(end in some for end in near)


def _has_twin(case: Case, end: End, ends: list[End]) -> bool:
    """Whether a job that forbids two at a time, or whose line is full, may have run after another end instead. Its Job
    has the second of that end, which therefore counts for ends up to a second apart as their own."""
    wait = _wait(case, end)
    forbids = any(spec.concurrency is Concurrency.FORBID for spec in case.life.specs(end.at, wait.turn))
    near = 2 * case.weather.terms.grain
    return (forbids or bool(wait.reasons)) and any(
        other is not end and abs(other.at - end.at) <= near for other in ends
    )


def _ends(parent: Case, tie: Dependency) -> Iterator[End]:
    """The runs of a parent that have ended as the tie wants it; the last attempt of each member decides."""
    for group in parent.groups:
        last = {run.member: run for run in sorted(group.runs, key=lambda run: run.attempt)}
        at = max(parent.end(run) for run in last.values())
        # One that is removed after its success, and before anybody took note of that, has none.
        touched = any(parent.is_hit(run) or parent.is_replaced(run) for run in last.values())
        failed = touched and tie.when.fits(success=False)
        if at < FOREVER and (failed or tie.when.fits(success=all(run.success for run in last.values()))):
            told = max(parent.final(run) for run in last.values())
            if group.ended is None:
                # A record tells of it, by a clock that may have been ahead.
                at = max(group.began, at - parent.weather.ahead)
            # If an attempt was refused, the run ended with that one.
            over = group.ended is not None and not any(map(parent.may_be_retried, last.values()))
            sure = over and not touched and not parent.is_refused(group.slot)
            yield End(str(group), at, told, sure=sure)
        elif at >= FOREVER and failed:
            # It was cut short, and the record that said when has made room for newer ones.
            yield End(str(group), group.began, FOREVER, sure=False)
    for execution in parent.unseen:
        if tie.when.fits(success=False):
            at = execution.ended_at
            yield End(f"Job {execution.job}", at - parent.weather.ahead, at, sure=False)
    for name in sorted(parent.refused - parent.executions.keys()):
        # It failed at once, and the record of that has made room for newer ones.
        if tie.when.fits(success=False):
            at = datetime.fromtimestamp(int(name.split("-")[-2]), UTC)
            yield End(f"Job {name}", at, FOREVER, sure=False)


def _window(case: Case, end: End) -> Window[End]:
    """Until it must have been followed: by then it was seen to end, and that was heard of."""
    terms, by = case.weather.terms, _by(case, end)
    return Window(end.at - terms.grain, by if by >= FOREVER else by + terms.start, end)


def _by(case: Case, end: End) -> datetime:
    return _wait(case, end).turn


def _wait(case: Case, end: End) -> Wait:
    """How long the run after it may have waited in line. Which one that is of two ends, is unknown."""
    by = _decided(case, end)
    if by >= FOREVER or not case.has_line(case.life.specs(end.at, by)):
        return Wait(end.at, by, by)
    # The slot of its run has the second of this end. A later second belongs to another end.
    near = case.weather.terms.grain
    own = [group for group in case.of(Trigger.DEPENDENT) if ZERO <= end.at - group.slot <= near]
    return case.wait(end.at, by, *(own if len(own) == 1 else ()))


def _decided(case: Case, end: End) -> datetime:
    seen = case.weather.decided(end.told)
    by = seen if seen >= FOREVER else case.weather.decided(seen)
    return max([by, *(hold.noticed for hold in holds(case.life, case.weather) if hold.touches(end.at, by))])


def _is_owed(case: Case, end: End) -> bool:
    wait, life = _wait(case, end), case.life
    by = wait.turn
    specs = life.specs(end.at - case.weather.terms.lateness, by)
    if case.is_refused(end.at) or case.is_refused(end.at + case.weather.terms.grain):
        # The Job that was to follow is named after the second of this end, which only the Job of a lost pod tells.
        return False
    if case.may_be_paused(end.at, wait.by) or wait.reasons:
        return False
    sure = by <= case.weather.terms.read and end.at > life.created + case.weather.terms.lateness and by < life.deleted
    return sure and bool(specs) and all(_runs(case, spec, end.at, by) for spec in specs)


def _runs(case: Case, spec: JobSpec, end: datetime, by: datetime) -> bool:
    """Whether nothing keeps a job with this spec from running after that end."""
    closed = spec.disabled or not spec.parents or spec.ephemeral
    outside = end < (spec.starts_at or end) or by > (spec.expires_at or by)
    limit = spec.starting_deadline_seconds
    hurried = limit is not None and (by - end).total_seconds() > limit
    return not (closed or outside or hurried or (spec.concurrency is Concurrency.FORBID and _is_busy(case, end, by)))


def _is_busy(case: Case, end: datetime, by: datetime) -> bool:
    own = case.weather.terms.grain
    others = (
        group
        for group in case.in_the_way(end, by)
        if group.trigger is not Trigger.DEPENDENT or abs(group.slot - end) > own
    )
    return any(others) or case.claims_in_the_way(end, end, by)
