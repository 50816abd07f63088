"""Runs whose end the witness did not see: they satisfy nothing, unless it is known what became of them."""

from collections.abc import Iterator
from datetime import datetime

from dkron_crds.attempt_names import start_of_request
from dkron_crds.base import rfc3339
from dkron_crds.job import Trigger
from tests.chaos.case import Case
from tests.chaos.history import Run
from tests.chaos.objections import Kind, Objection

BY_ITSELF = frozenset({"OOMKilled", "DeadlineExceeded", "Unknown"})
"""Reasons that a pod may have for not telling its end without anybody's doing."""
LOST = BY_ITSELF | {"Replaced", "Stopped", "JobLost", "PodLost", "NodeGone"}
"""All reasons for that."""


def check(case: Case) -> Iterator[Objection]:
    """Look at what has no end."""
    for run in case.life.runs:
        if run.end is None and (why := _unexplained(case, run)):
            text = f"{run} began at {rfc3339(run.began)} and was never seen to end, {why}"
            yield case.object_to(Kind.UNFINISHED, run.began, text)


def _unexplained(case: Case, run: Run) -> str:
    record, cut = case.executions.get(run.name), case.is_hit(run) or case.is_replaced(run)
    if record is None:
        return (
            "" if cut or _is_active(case, run) or is_forgotten(case, run) else "and its job does not say that it runs"
        )
    if record.reason == "JobRejected" and case.was_refused_first(run):
        # Who was refused has recorded it, and deletes what the other has created.
        return ""
    if record.success or record.reason not in LOST:
        return f"though its record says {'success' if record.success else record.reason or 'nothing'}"
    known = cut or run.start is None or record.reason in BY_ITSELF
    return "" if known else f"and nothing is known that explains {record.reason}"


def _is_active(case: Case, run: Run) -> bool:
    terms = case.weather.terms
    if case.life.record is None:
        return run.began > terms.read - terms.longest
    if case.weather.decided(run.began) + terms.shown > terms.read:
        # It appeared a moment ago, and the status could still be to be written.
        return True
    return any(entry.job == run.name for entry in case.life.record.status.active)


def is_forgotten(case: Case, run: Run) -> bool:
    """Whether its record was wiped, or may have made room for newer ones."""
    if case.is_wiped:
        return True
    if case.life.record is None:
        return False
    kept = case.life.record.status.executions
    limit = min((spec.history.executions for spec in case.life.specs(run.began, case.weather.terms.read)), default=0)
    # Kubelets tell whole seconds, and a clock that is behind takes it for an older one, or one that was ahead another
    # one for a newer one.
    wrong = max(case.weather.behind(run.began), case.weather.ahead)
    due = _due(case, run) - case.weather.terms.grain - wrong
    return len(kept) >= limit and all(due <= execution.ended_at for execution in kept)


def _due(case: Case, run: Run) -> datetime:
    """From when on it may have been due: a retry that comes late is as old as it would have been in time, a run on
    request as its request, and one that has waited in line as its slot."""
    before = (other.end for other in case.life.runs if other.group == run.group and other.attempt == run.attempt - 1)
    asked = [start_of_request(run.slot, run.began)] if run.trigger is Trigger.MANUAL else []
    waited = [run.slot] if case.has_line(case.life.specs(run.slot, run.began)) and run.slot < run.began else []
    return min([run.began, *asked, *waited, *(end for end in before if end is not None)])
