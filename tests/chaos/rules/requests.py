"""Runs that a client asked for by an annotation: each answered request runs once, unless something stood in its way,
and nothing runs that no client asked for.
"""

from collections.abc import Iterator
from datetime import datetime

from dkron_crds.base import rfc3339
from dkron_crds.job import Concurrency, JobSpec, Trigger
from tests.chaos.case import Case, Group
from tests.chaos.history import FOREVER, Act, Operation
from tests.chaos.line import Wait
from tests.chaos.matching import Point, Window, match
from tests.chaos.objections import Kind, Objection


def check(case: Case) -> Iterator[Objection]:
    """Match requests with the groups that ran for them, by the time that each of them says."""
    asked = [op for op in case.life.operations if op.act is Act.RUN]
    by_name = case.life.asked_by_name
    groups = [Point(group.slot, group) for group in case.of(Trigger.MANUAL) if group.asked not in by_name]
    matching = match((_window(case, op) for op in asked), groups)
    for point in matching.over:
        yield case.object_to(Kind.EXTRA, point.what.began, f"{point.what} ran, and no client had asked for it")
    for window in match((_window(case, op) for op in asked if _is_owed(case, op)), groups).empty:
        text = f"a run was asked for at {rfc3339(window.what.invoked)}, and nothing ran for it"
        yield case.object_to(Kind.REQUEST, window.what.invoked, text)
    for window, point in matching.pairs:
        group, invoked = point.what, window.what.invoked
        if not window.what.force and case.is_paused(invoked, group.began):
            yield case.object_to(Kind.EXTRA, group.began, f"{group} ran, though the job was paused")
        if group.began < invoked - case.weather.terms.grain:
            text = f"{group} began at {rfc3339(group.began)}, and was asked for at {rfc3339(invoked)}"
            yield case.object_to(Kind.UNTIMELY, group.began, text)


def _window(case: Case, op: Operation) -> Window[Operation]:
    if op.at is not None:
        return Window(op.at, op.at, op)
    return Window(op.invoked - case.weather.terms.grain, (op.answered or FOREVER), op)


def _is_owed(case: Case, op: Operation) -> bool:
    return not excuse(case, op)


def excuse(case: Case, op: Operation) -> str:
    """Why it is right that nothing ran for a request; empty if it is not."""
    if op.answered is None:
        return "it had no answer"
    if op.at is not None and case.is_refused(op.at):
        return "the API server has refused its Job"
    decided = case.weather.decided(op.answered)
    wait = _wait(case, op, decided)
    by, specs = wait.turn, case.life.specs(op.invoked, wait.turn)
    if not specs or by >= case.life.deleted:
        return "the job was deleted"
    if by > case.weather.terms.read:
        return "it could still have come when the last look was taken"
    if not op.force and case.may_be_paused(op.invoked, decided):
        return "the job may have been paused"
    left = "it may have left the line" if wait.reasons else ""
    return next((why for spec in specs if (why := _refuses(case, spec, op, decided))), left)


def _wait(case: Case, op: Operation, by: datetime) -> Wait:
    if (op.force and case.crowd is None) or not case.has_line(case.life.specs(op.invoked, by)):
        return Wait(op.invoked, by, by)
    own = (group for group in case.groups if _is_its_own(group, op))
    return case.wait(op.invoked, by, op, *own, overrules=op.force)


def _refuses(case: Case, spec: JobSpec, op: Operation, by: datetime) -> str:
    if spec.disabled and not spec.parents:
        return "the job was disabled"
    if spec.ephemeral:
        return "the job is ephemeral"
    if spec.concurrency is not Concurrency.FORBID or op.force:
        return ""
    others = any(not _is_its_own(group, op) for group in case.in_the_way(op.invoked, by))
    claims = case.claims_in_the_way(op.at or op.invoked, op.invoked, by)
    return "another run may have been in its way" if others or claims else ""


def _is_its_own(group: Group, op: Operation) -> bool:
    return group.trigger is Trigger.MANUAL and group.slot == op.at
