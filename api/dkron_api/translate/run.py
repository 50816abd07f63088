"""A run that was asked for: how far it is, as far as the job tells. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dkron_api.translate.record import Job
from dkron_crds.job import ConditionType, ReadyReason
from dkron_crds.requests import group_of, run_annotation
from dkron_crds.traceparent import TraceContext

_OF_PARENTS = frozenset({ReadyReason.PARENT_NOT_FOUND, ReadyReason.PARENT_CYCLE})


class Progress(StrEnum):
    """How far a run is."""

    ASKED = "asked"
    RUNNING = "running"
    OVER = "over"
    REFUSED = "refused"
    UNSEEN = "unseen"
    """Nobody asks any more, and there is no trace of it yet."""


@dataclass(frozen=True, slots=True)
class Run:
    """A request for a run, by its id and its time; `trace` is the span in which it was asked for."""

    id: str
    at: datetime
    by: str = ""
    force: bool = False
    trace: TraceContext | None = None

    @property
    def annotation(self) -> tuple[str, str]:
        """By which the operator is asked."""
        return run_annotation(self.id, self.at, by=self.by, force=self.force, trace=self.trace)

    @property
    def group(self) -> int:
        """The group of its executions."""
        return group_of(self.id, self.at)


def progress(job: Job, run: Run) -> Progress:
    """How far the run is in this version of the job."""
    status = job.raw_status
    if any(active.get("group") == run.group for active in status.get("active") or ()):
        return Progress.RUNNING
    if any(execution.get("group") == run.group for execution in status.get("executions") or ()):
        return Progress.OVER
    if run.annotation[0] in job.annotations:
        return Progress.ASKED
    return Progress.REFUSED if refusal(job, run) else Progress.UNSEEN


def refusal(job: Job, run: Run) -> str:
    """Why the operator did not run it, in words; empty if it has not said so."""
    status = job.status
    if status.skipped is not None and status.skipped.last_time >= run.at:
        return f"the operator skipped it: {status.skipped.last_reason}"
    return problem(job)


def problem(job: Job) -> str:
    """Why the job as it stands cannot run at all, as the operator has found out; empty if it has not."""
    for condition in job.raw_status.get("conditions") or ():
        if condition.get("type") == ConditionType.READY and condition.get("status") == "False":
            if condition.get("reason") in _OF_PARENTS:
                # Nothing starts it but a person.
                return ""
            current = condition.get("observedGeneration", job.generation) == job.generation
            return f"the job cannot run: {condition.get('message') or condition.get('reason')}" if current else ""
    return ""
