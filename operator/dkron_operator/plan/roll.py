"""How one job stands, in a word and a few instants; what is shown of all jobs together is summed up from these."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dkron_crds.conditions import ConditionStatus, ConditionType
from dkron_crds.job import GroupStatus, JobStatus
from dkron_operator.plan.stale import stale_at
from dkron_operator.plan.view import JobView

FAILING = frozenset({GroupStatus.FAILED, GroupStatus.PARTIALLY_FAILED})


class JobState(StrEnum):
    """By what a job runs, or why it does not."""

    SCHEDULED = "scheduled"
    DEPENDENT = "dependent"
    SUSPENDED = "suspended"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class Line:
    """One job. `failing`: its newest run failed; `stale`: from when on it has been without a success for too long."""

    namespace: str
    name: str
    state: JobState
    failing: bool
    stale: datetime | None
    next: datetime | None
    last_success: datetime | None


def line(job: JobView, status: JobStatus) -> Line:
    """How the job stands, with the status that the API server has."""
    state = _state(job, status)
    runs = state is JobState.SCHEDULED
    return Line(
        namespace=job.namespace,
        name=job.dkron_name,
        state=state,
        failing=status.status in FAILING,
        stale=stale_at(job, status) if runs else None,
        next=status.next if runs else None,
        last_success=status.last_success,
    )


def _state(job: JobView, status: JobStatus) -> JobState:
    found = {(condition.type, condition.status) for condition in status.conditions}
    if job.problem is not None or (ConditionType.READY, ConditionStatus.FALSE) in found:
        return JobState.INVALID
    if job.spec.disabled or (ConditionType.SUSPENDED, ConditionStatus.TRUE) in found:
        return JobState.SUSPENDED
    return JobState.DEPENDENT if job.spec.parents else JobState.SCHEDULED
