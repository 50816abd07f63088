"""Attempts: as many as the job allows, each after a failure, and no failure without the next one."""

from collections.abc import Iterator
from datetime import timedelta

from dkron_crds.base import rfc3339
from tests.chaos.case import Case, Group, waits
from tests.chaos.history import FOREVER, Run
from tests.chaos.objections import Kind, Objection

ZERO = timedelta(0)
FINAL = frozenset({"Stopped", "JobLost", "Replaced", "NodeGone", "Unknown"})
"""Reasons after which no attempt follows: a client wanted it to end, or its end is unknown."""


def check(case: Case) -> Iterator[Objection]:
    """Look at the attempts of each member of each group."""
    for group in case.groups:
        for member in sorted({run.member for run in group.runs}):
            attempts = {run.attempt: run for run in group.runs if run.member == member}
            for number, run in sorted(attempts.items()):
                before = attempts.get(number - 1)
                if number > 1 and (wrong := _wrong(case, group, run, before)):
                    yield case.object_to(Kind.ATTEMPTS, run.began, f"{run} ran, {wrong}")
            last = attempts[max(attempts)]
            if _is_owed(case, last):
                text = f"{last} failed at {rfc3339(case.end(last))}, and attempt {last.attempt + 1} was not made"
                yield case.object_to(Kind.ATTEMPTS, case.end(last), text)


def _wrong(case: Case, group: Group, run: Run, before: Run | None) -> str:
    # Its claim may have waited since before an edit.
    since = min(group.began, run.due)
    allowed = max((spec.retries for spec in case.life.specs(since, run.began)), default=0) + 1
    if run.attempt > allowed:
        return f"and the job allows {allowed}"
    if before is None:
        told = {e.attempt for e in case.unseen if e.slot == run.slot and e.member == run.member}
        return "" if run.attempt - 1 in told or case.is_refused(run.due) else f"and attempt {run.attempt - 1} did not"
    if case.was_refused_first(before):
        return ""
    if before.success:
        # One that was deleted before anybody saw its end is lost, and a lost one has failed.
        return "" if case.is_hit(before) else f"though attempt {before.attempt} succeeded"
    end = case.end(before)
    if end >= FOREVER:
        return ""
    soonest = end + min((waits(spec, before.attempt) for spec in case.life.specs(end, run.began)), default=ZERO)
    slack = case.weather.terms.grain + case.weather.early(run.began)
    return f"before its backoff was over at {rfc3339(soonest)}" if run.began < soonest - slack else ""


def _is_owed(case: Case, run: Run) -> bool:
    if run.end is None or run.success is not False or case.is_hit(run) or case.is_wiped:
        return False
    record = case.executions.get(run.name)
    if record is not None and record.reason in FINAL:
        return False
    if case.is_refused(run.due):
        # The API server has refused the Job of the attempt that follows.
        return False
    due = max(run.end + case.backoff(run.end, run.attempt), case.told(run))
    by = case.weather.decided(due)
    if case.crowd is not None and case.crowd.of_quota:
        by = max(by, case.crowd.turn(due))
    if by > case.weather.terms.read or by >= case.life.deleted:
        return False
    if case.is_replaced(run, by):
        return False
    specs = case.life.specs(run.end, by)
    return bool(specs) and all(run.attempt <= spec.retries and not spec.disabled for spec in specs)
