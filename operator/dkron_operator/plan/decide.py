"""What to do about one slot or one request."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from dkron_crds.job import Concurrency, JobSpec, SkipReason
from dkron_operator.plan.situation.view import JobView

MOST_ACTIVE = 1000
"""How many attempts of one job may be active. The status lists all of them, and it has to fit into etcd."""


@dataclass(frozen=True, slots=True)
class Fire:
    """Create the Job."""

    claim: bool = False
    """Create it only after the API server has accepted the entry in `status.active`."""

    replace: bool = False
    """Delete the running Jobs of the job first."""

    queue: bool = False
    """It waits in line until its turn comes."""


@dataclass(frozen=True, slots=True)
class Skip:
    """Do not run, for this reason."""

    reason: SkipReason
    why: str = ""
    """A sentence for cases where the reason says too little."""


Decision = Fire | Skip


def decide(job: JobView, *, slot: datetime, now: datetime, active: int) -> Decision:
    """Decide a scheduled slot that is due. `active` counts running executions, claims and waiting retries."""
    deadline = start_deadline(job)
    if deadline is not None and now - slot > deadline:
        return Skip(SkipReason.DEADLINE_EXCEEDED)
    if active >= MOST_ACTIVE:
        return Skip(SkipReason.TOO_MANY_ACTIVE)
    return _by_concurrency(job, active)


def decide_request(
    job: JobView, *, active: int, force: bool = False, revive: bool = False, beside: bool = False
) -> Decision:
    """Decide a requested run. Start and expiry dates do not matter, but a disabled job does not run, unless a DkronRun
    is to `revive` it. `force` overrules `forbid` and `queue`. A run `beside` others is of a backfill, which has a
    policy of its own: the job's concurrency does not apply."""
    if refuses_requests(job) and not revive:
        return Skip(SkipReason.DISABLED)
    if active >= MOST_ACTIVE:
        return Skip(SkipReason.TOO_MANY_ACTIVE)
    if beside:
        return Fire(claim=job.spec.ephemeral)
    if force and job.spec.concurrency in (Concurrency.FORBID, Concurrency.QUEUE):
        return Fire(claim=True)
    return _by_concurrency(job, active)


def decide_dependent(job: JobView, *, slot: datetime, now: datetime, active: int) -> Decision:
    """Decide a run after the parents, the last of which ended at `slot`. It is always claimed: the same write records
    that the parents' runs have had their effect."""
    reason = _closed(job.spec, slot)
    if reason is not None:
        return Skip(reason)
    decision = decide(job, slot=slot, now=now, active=active)
    return replace(decision, claim=True) if isinstance(decision, Fire) else decision


def _closed(spec: JobSpec, slot: datetime) -> SkipReason | None:
    """Why nothing runs after a parent that ended at this time. The bounds are inclusive (Dkron behaviour §2.7)."""
    if spec.disabled:
        return SkipReason.DISABLED
    if spec.starts_at is not None and slot < spec.starts_at:
        return SkipReason.NOT_STARTED
    if spec.expires_at is not None and slot > spec.expires_at:
        return SkipReason.EXPIRED
    return None


def refuses_requests(job: JobView) -> bool:
    """Whether it is disabled and has no parent: a disabled child still runs by hand (Dkron behaviour §1.6)."""
    return job.spec.disabled and not job.spec.parents


def start_deadline(job: JobView) -> timedelta | None:
    """How late a slot may still start: the shorter of `startingDeadlineSeconds` and the grace of an `@after`."""
    seconds = job.spec.starting_deadline_seconds
    limits = [] if seconds is None else [timedelta(seconds=seconds)]
    if job.schedule is not None and job.schedule.grace is not None and not job.spec.parents:
        limits.append(job.schedule.grace)
    return min(limits, default=None)


def _by_concurrency(job: JobView, active: int) -> Decision:
    match job.spec.concurrency:
        case Concurrency.FORBID:
            return Skip(SkipReason.CONCURRENCY_FORBIDDEN) if active else Fire(claim=True)
        case Concurrency.REPLACE:
            return Fire(claim=True, replace=active > 0)
        case Concurrency.QUEUE:
            return Fire(claim=True, queue=active > 0)
        case _:
            # Deleting a finished ephemeral job deletes its Jobs too, and with them the names that keep a second
            # operator from creating them again. A claim prevents that.
            return Fire(claim=job.spec.ephemeral)
