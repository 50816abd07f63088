"""When a job is due next: from the operator, or computed here if the operator has not processed the job yet."""

from datetime import datetime

from dkron_api.translate.record import Job
from dkron_crds.job import JobSpec, JobStatus
from dkron_crds.schedule import ScheduleError, TimezoneError, parse
from dkron_crds.schedule.timeline import Timeline
from dkron_reports.slots import following


def upcoming(job: Job, *, spec: JobSpec, status: JobStatus, now: datetime) -> datetime | None:
    """Return the next slot; None for never: a child, a disabled or expired job, `@manually`, a schedule that is over.

    It respects the job's zone, unlike Dkron (Dkron behaviour §2.5).
    """
    if status.observed_generation == job.generation:
        return status.next
    line = timeline(job, spec=spec, status=status, now=now)
    return None if line is None else following(line, max(now, status.last_schedule_time or now))


def timeline(job: Job, *, spec: JobSpec, status: JobStatus, now: datetime) -> Timeline | None:
    """Return the slots of the job's own schedule; None if it has none."""
    if spec.disabled or spec.parents or not spec.schedule:
        return None
    try:
        schedule = parse(spec.schedule, timezone=spec.timezone, name=job.name)
    except (ScheduleError, TimezoneError):
        return None
    return Timeline(schedule, _since(job, spec, status, now), spec.starts_at, spec.expires_at)


def _since(job: Job, spec: JobSpec, status: JobStatus, now: datetime) -> datetime:
    """Return when the schedule starts to count: an edit that the operator has not seen counts from now."""
    if status.since is None:
        return job.created
    return status.since if status.fingerprint == spec.fingerprint else now
