"""The state of one job, as a word and a few timestamps; the sums over all jobs are computed from these."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dkron_crds.conditions import ConditionStatus, ConditionType
from dkron_crds.job import GroupStatus, JobStatus
from dkron_operator.monitoring.staleness import stale_at
from dkron_operator.plan.situation.view import JobView

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
    state = _state(job, status)
    return JobSummary(
        namespace=job.namespace,
        name=job.dkron_name,
        state=state,
        failing=status.status in FAILING,
        degraded=_has(status, ConditionType.DEGRADED, ConditionStatus.TRUE),
        stale=stale_at(status, paces, resumed=resumed) if state in RUNS else None,
        next=status.next if state is JobState.SCHEDULED else None,
        last_success=status.last_success,
        paused=status.paused is not None,
    )


def is_invalid(job: JobView, status: JobStatus) -> bool:
    """Whether the job cannot run: by its spec, or because the installation or the API server refuses it."""
    return job.problem is not None or _has(status, ConditionType.READY, ConditionStatus.FALSE)


def _state(job: JobView, status: JobStatus) -> JobState:
    if is_invalid(job, status):
        return JobState.INVALID
    if job.spec.disabled or _has(status, ConditionType.SUSPENDED, ConditionStatus.TRUE):
        return JobState.SUSPENDED
    return JobState.DEPENDENT if job.spec.parents else JobState.SCHEDULED


def _has(status: JobStatus, kind: ConditionType, value: ConditionStatus) -> bool:
    return any(each.type == kind and each.status is value for each in status.conditions)
