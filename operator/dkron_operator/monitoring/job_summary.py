"""The state of one job, as a word and a few timestamps; the sums over all jobs are computed from these."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dkron_crds.conditions import ConditionStatus, ConditionType
from dkron_crds.job import GroupStatus, JobStatus
from dkron_operator.monitoring.staleness import stale_at
from dkron_operator.plan.view import JobView

FAILING = frozenset({GroupStatus.FAILED, GroupStatus.PARTIALLY_FAILED})


class JobState(StrEnum):
    """How a job is triggered, or why it does not run."""

    SCHEDULED = "scheduled"
    DEPENDENT = "dependent"
    SUSPENDED = "suspended"
    INVALID = "invalid"


RUNS = frozenset({JobState.SCHEDULED, JobState.DEPENDENT})


@dataclass(frozen=True, slots=True)
class JobSummary:
    """The state of one job."""

    namespace: str
    name: str
    state: JobState
    failing: bool
    """Its newest run failed."""

    degraded: bool
    """It needs a person's attention."""

    stale: datetime | None
    """From when on it counts as without a success for too long; None if never."""

    next: datetime | None
    last_success: datetime | None
    paused: bool = False
    """A DkronPause holds it."""


def summarize(
    job: JobView, status: JobStatus, paces: Sequence[JobView], *, resumed: datetime | None = None
) -> JobSummary:
    """Summarize the job, with the status that the API server has. `paces` come from `staleness.paces_of`. `resumed` is
    when it, or a job that it follows, was last suspended."""
    conditions = {(condition.type, condition.status) for condition in status.conditions}
    state = _state(job, conditions)
    return JobSummary(
        namespace=job.namespace,
        name=job.dkron_name,
        state=state,
        failing=status.status in FAILING,
        degraded=(ConditionType.DEGRADED, ConditionStatus.TRUE) in conditions,
        stale=stale_at(status, paces, resumed=resumed) if state in RUNS else None,
        next=status.next if state is JobState.SCHEDULED else None,
        last_success=status.last_success,
        paused=status.paused is not None,
    )


def _state(job: JobView, found: AbstractSet[tuple[str, ConditionStatus]]) -> JobState:
    if job.problem is not None or (ConditionType.READY, ConditionStatus.FALSE) in found:
        return JobState.INVALID
    if job.spec.disabled or (ConditionType.SUSPENDED, ConditionStatus.TRUE) in found:
        return JobState.SUSPENDED
    return JobState.DEPENDENT if job.spec.parents else JobState.SCHEDULED
