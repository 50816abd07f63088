"""When a job that should run by schedule has been without a success for too long. Pure: the instant follows from the
spec and the status, and whoever asks compares it with the time.
"""

from datetime import datetime, timedelta

from dkron_crds.job import JobStatus
from dkron_crds.schedule.timeline import Timeline
from dkron_operator.plan.decide import start_deadline
from dkron_operator.plan.view import JobView


def stale_at(job: JobView, status: JobStatus) -> datetime | None:
    """From when on the job is stale, unless it succeeds before: two of its own intervals and its start deadline after
    the last success, or after `since` if there was none. None if it never will be.

    Intervals are counted in slots: the second slot after the success, and as long again as the success came after its
    own slot. So a job of workdays is not stale on Sunday, and a run may take its time.
    """
    spec, since = job.spec, status.since
    if job.schedule is None or since is None or spec.disabled or spec.parents or job.problem is not None:
        return None
    line = Timeline(job.schedule, since, spec.starts_at, spec.expires_at)
    good = status.last_success or since
    second = _next(line, _next(line, good))
    if second is None:
        return None
    own = line.latest(None, good)
    took = timedelta() if own is None else good - own
    return second + took + (start_deadline(job) or timedelta())


def _next(line: Timeline, mark: datetime | None) -> datetime | None:
    return None if mark is None else line.next(mark)
