"""Runs whose end the witness did not see: they satisfy nothing, unless it is known what became of them."""

from collections.abc import Iterator

from dkron_crds.base import rfc3339
from tests.chaos.case import Case, Kind, Objection
from tests.chaos.history import Run

LOST = frozenset({"Replaced", "Stopped", "JobLost", "PodLost", "NodeGone", "OOMKilled", "DeadlineExceeded", "Unknown"})
"""Reasons of an execution whose pod could not tell its end."""


def check(case: Case) -> Iterator[Objection]:
    """Look at what has no end."""
    for run in case.life.runs:
        if run.end is None and (why := _unexplained(case, run)):
            text = f"{run} began at {rfc3339(run.began)} and was never seen to end, {why}"
            yield case.object_to(Kind.UNFINISHED, run.began, text)


def _unexplained(case: Case, run: Run) -> str:
    life, record = case.life, case.executions.get(run.name)
    if life.deleted <= case.weather.terms.read:
        return ""
    if life.record is None:
        return "" if case.is_hit(run) or case.is_replaced(run) else "and nobody told why"
    if record is None:
        active = any(entry.job == run.name for entry in life.record.status.active)
        return "" if active or case.is_wiped or is_forgotten(case, run) else "and its job does not say that it runs"
    if record.success or record.reason not in LOST:
        return f"though its record says {'success' if record.success else record.reason or 'nothing'}"
    if run.start is None or record.reason in ("OOMKilled", "DeadlineExceeded", "Unknown"):
        return ""
    if case.is_hit(run) or case.is_replaced(run):
        return ""
    return f"and nothing is known that explains its {record.reason}"


def is_forgotten(case: Case, run: Run) -> bool:
    """Whether its record may have made room for newer ones."""
    if case.life.record is None:
        return True
    kept = case.life.record.status.executions
    limit = min((spec.history.executions for spec in case.life.specs(run.began, case.weather.terms.read)), default=0)
    return len(kept) >= limit and all(run.began <= execution.finished_at for execution in kept)
