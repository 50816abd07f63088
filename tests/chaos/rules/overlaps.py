"""Runs that must not overlap: of a job that forbids it, or has them wait; and attempts of one run of any job."""

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise

from dkron_crds.base import rfc3339
from dkron_crds.job import Concurrency, Trigger
from tests.chaos.case import Case, Group
from tests.chaos.history import Act, Run
from tests.chaos.line import queues
from tests.chaos.objections import Kind, Objection


def check(case: Case) -> Iterator[Objection]:
    """Compare each group with those that began before it."""
    ended: list[tuple[datetime, Group]] = []
    for group in case.groups:
        if _is_alone(case, group):
            word = "queue" if queues(case.life.specs(group.slot, group.began)) else "forbid"
            for end, other in ended:
                if group.began + case.weather.terms.grain < end and not _was_first(case, group, other):
                    text = f"{group} began at {rfc3339(group.began)}, and {other} ran until {rfc3339(end)}"
                    yield case.object_to(Kind.OVERLAP, group.began, f"{text}: concurrency is {word}")
        # What one operator has recorded as refused, and another one created after that, blocks no run.
        ends = [_end(case, run) for run in group.runs if not case.was_refused_first(run)]
        if ends:
            ended.append((max(ends), group))
    yield from _attempts(case)


def _end(case: Case, run: Run) -> datetime:
    """When it was over. The end of one that was cut short may be unknown; then it blocks no run. If it has a record,
    that has the time at which an operator missed it, by its own clock."""
    end = case.end(run)
    if run.end is not None or not (case.is_hit(run) or case.is_replaced(run)):
        return end
    return end - case.weather.early(end) if run.name in case.executions else run.began


def _was_first(case: Case, group: Group, other: Group) -> bool:
    """Whether the group had its place before the other one was forced to run beside it: its first attempts were
    refused, so it began later than it was decided."""
    refused = min(run.attempt for run in group.runs) > 1
    return refused and group.slot <= other.began and _is_forced(case, other)


def _is_alone(case: Case, group: Group) -> bool:
    """Whether it may only begin while nothing else runs: unless it was forced, or is of a backfill."""
    if group.trigger is Trigger.BACKFILL or _is_forced(case, group):
        return False
    specs = case.life.specs(group.slot, group.began)
    return bool(specs) and all(spec.concurrency in (Concurrency.FORBID, Concurrency.QUEUE) for spec in specs)


def _is_forced(case: Case, group: Group) -> bool:
    """Whether a request, which may be the one for this run, was forced."""
    forced = any(op.force for op in case.life.operations if op.act is Act.RUN)
    forced_by_name = any(each.name == group.asked and each.spec.force for each in case.life.run_requests)
    return group.trigger is Trigger.MANUAL and (forced or forced_by_name)


def _attempts(case: Case) -> Iterator[Objection]:
    for group in case.groups:
        for member in {run.member for run in group.runs}:
            runs = sorted((run for run in group.runs if run.member == member), key=lambda run: run.attempt)
            for one, other in pairwise(runs):
                if case.was_refused_first(one):
                    continue
                if other.attempt > one.attempt and other.began + case.weather.terms.grain < _end(case, one):
                    text = f"{other} began at {rfc3339(other.began)}, before the attempt before it had ended"
                    yield case.object_to(Kind.OVERLAP, other.began, text)
