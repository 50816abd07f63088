"""What to do about one slot or one request. The heart of the promise, and nothing but a few comparisons."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from dkron_crds.job import Concurrency, SkipReason
from dkron_operator.plan.view import JobView

MOST_ACTIVE = 1000
"""How many attempts of one job may be active: all of them stand in its status, which has to fit into etcd."""


@dataclass(frozen=True, slots=True)
class Fire:
    """Create the Job. `claim`: only after the entry in `status.active` was accepted by the API server."""

    claim: bool = False
    replace: bool = False


@dataclass(frozen=True, slots=True)
class Skip:
    """Do not run, and say why; `why` is a sentence where the reason alone says too little."""

    reason: SkipReason
    why: str = ""


Decision = Fire | Skip


def decide(job: JobView, *, slot: datetime, now: datetime, active: int) -> Decision:
    """A scheduled slot that is due. `active` counts running executions, claims and waiting retries."""
    deadline = start_deadline(job)
    if deadline is not None and now - slot > deadline:
        return Skip(SkipReason.DEADLINE_EXCEEDED)
    if active >= MOST_ACTIVE:
        return Skip(SkipReason.TOO_MANY_ACTIVE)
    return _by_concurrency(job, active)


def decide_request(job: JobView, *, active: int, force: bool = False) -> Decision:
    """A run that was asked for: dates do not matter, but a disabled job stays silent. `force` overrules `forbid`."""
    if refuses_requests(job):
        return Skip(SkipReason.DISABLED)
    if active >= MOST_ACTIVE:
        return Skip(SkipReason.TOO_MANY_ACTIVE)
    if force and job.spec.concurrency is Concurrency.FORBID:
        return Fire(claim=True)
    return _by_concurrency(job, active)


def refuses_requests(job: JobView) -> bool:
    """Whether it is disabled and has no parent: a child can be run by hand all the same (Dkron behaviour §1.6)."""
    return job.spec.disabled and not job.spec.parent_job


def start_deadline(job: JobView) -> timedelta | None:
    """How late a slot may still start: the shorter of `startingDeadlineSeconds` and the grace of an `@after`."""
    seconds = job.spec.starting_deadline_seconds
    limits = [] if seconds is None else [timedelta(seconds=seconds)]
    if job.schedule is not None and job.schedule.grace is not None:
        limits.append(job.schedule.grace)
    return min(limits, default=None)


def _by_concurrency(job: JobView, active: int) -> Decision:
    match job.spec.concurrency:
        case Concurrency.FORBID:
            return Skip(SkipReason.CONCURRENCY_FORBIDDEN) if active else Fire(claim=True)
        case Concurrency.REPLACE:
            return Fire(claim=True, replace=active > 0)
        case _:
            return Fire()
