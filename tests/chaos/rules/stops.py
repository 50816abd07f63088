"""Stops: what was to be stopped is over soon, is stopped because a client asked for that, and is not tried again."""

from collections.abc import Iterator
from datetime import timedelta

from dkron_crds.base import rfc3339
from tests.chaos.case import Case
from tests.chaos.history import Act, Operation, Run
from tests.chaos.objections import Kind, Objection

STOPPED = "Stopped"


def check(case: Case) -> Iterator[Objection]:
    """Look at each stop that was answered, and at each record that tells of one."""
    asked = [op for op in case.life.operations if op.act is Act.STOP]
    runs = {run.name: run for run in case.life.runs}
    for op in asked:
        if op.hits in runs and (wrong := _goes_on(case, op, runs[op.hits])):
            text = f"{runs[op.hits]} was to be stopped at {rfc3339(op.invoked)}, {wrong}"
            yield case.object_to(Kind.STOP, op.invoked, text)
    for name, execution in case.executions.items():
        if execution.reason != STOPPED:
            continue
        if not any(op.hits in ("", name) and op.invoked <= case.weather.terms.read for op in asked):
            text = f"Job {name} is recorded as stopped, and no client had asked for that"
            yield case.object_to(Kind.STOP, execution.ended_at, text)
        if name in runs and (before := _ended_before(case, runs[name], asked)):
            text = f"{runs[name]} is recorded as stopped, and {before}"
            yield case.object_to(Kind.STOP, execution.ended_at, text)
        if name in runs and (later := _tried_again(case, runs[name])) is not None:
            yield case.object_to(Kind.STOP, later.began, f"{later} ran, though attempt {later.attempt - 1} was stopped")


def _goes_on(case: Case, op: Operation, run: Run) -> str:
    if op.answered is None:
        return ""
    # It is read first, and its pod is listened to.
    by = case.weather.decided(max(op.answered, run.began)) + case.weather.terms.start
    if by > case.weather.terms.read or by >= case.life.deleted:
        return ""
    if run.end is not None and run.end > by:
        return f"and ran until {rfc3339(run.end)}"
    active = case.life.record.status.active if case.life.record else ()
    return "and is active all the same" if any(entry.job == run.name for entry in active) else ""


def _ended_before(case: Case, run: Run, asked: list[Operation]) -> str:
    """A run that is over is not stopped any more, unless no operator could see that it was."""
    first = min((op.invoked for op in asked if op.hits in ("", run.name)), default=None)
    if run.end is None or first is None or case.weather.storm(run.end, case.weather.decided(first)) is not None:
        return ""
    grain = timedelta(0) if case.weather.terms.complete else case.weather.terms.grain
    asked_at = f"it had ended at {rfc3339(run.end)}, before anybody asked for that at {rfc3339(first)}"
    return asked_at if run.end + grain < first else ""


def _tried_again(case: Case, run: Run) -> Run | None:
    others = (each for each in case.life.runs if each.of == run.of and each.member == run.member)
    return next((each for each in others if each.attempt == run.attempt + 1), None)
