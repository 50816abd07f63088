"""A Job that the status does not know: it is new, or it was recorded long ago and forgotten since.
Lists and watches may lag, so the operator asks the API server."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from operator import attrgetter

from dkron_crds.job import JobStatus, Trigger
from dkron_crds.requests import group_of
from dkron_crds.status import MAX_ACTIVE
from dkron_operator.plan.situation.cause import ON_REQUEST, asked_at
from dkron_operator.plan.situation.requested_runs import NO_RUNS, RunsOfJob
from dkron_operator.plan.situation.view import AttemptJob, JobView
from dkron_operator.plan.status.deferred import is_in
from dkron_operator.plan.status.fold import recorded

TOLERANCE = timedelta(minutes=2)
"""How far ahead of the clock a slot may lie and still count: clocks of replicas differ by seconds only."""


def is_ahead(instant: datetime, now: datetime) -> bool:
    """Whether an instant is further ahead of the clock than clocks may differ."""
    return instant - now > TOLERANCE


def split(
    jobs: Mapping[str, AttemptJob], status: JobStatus, now: datetime
) -> tuple[dict[str, AttemptJob], tuple[AttemptJob, ...]]:
    """The Jobs that count, by name, and those that do not count yet: their slots lie ahead of the clock, and the status
    does not know them. Nor do the newest Jobs that the status does not know and has no room for."""
    done, active = recorded(status), {entry.job: entry.uid for entry in status.active}
    known = {name for name, attempt in jobs.items() if name in done or active.get(name) in ("", attempt.uid)}
    ahead = {name: attempt for name, attempt in jobs.items() if name not in known and is_ahead(_decisive(attempt), now)}
    counting = {name: attempt for name, attempt in jobs.items() if name not in ahead}
    room = MAX_ACTIVE - len(status.active)
    if len(counting) > room:
        new = [attempt for name, attempt in counting.items() if name not in active and name not in done]
        for attempt in sorted(new, key=attrgetter("created"))[room:]:
            del counting[attempt.name]
    return counting, tuple(ahead.values())


def _decisive(attempt: AttemptJob) -> datetime:
    """The time that decides whether a Job counts yet: of a run on request, when it was requested."""
    return asked_at(attempt.group) if attempt.trigger in ON_REQUEST else attempt.slot


def is_settled(job: JobView, status: JobStatus, attempt: AttemptJob, *, runs: RunsOfJob = NO_RUNS) -> bool:
    """Whether the cause of a Job is settled. If it is, a Job that the status does not know was recorded earlier.

    A slot is settled once the mark has reached it, a request once its annotation is gone or the status of its DkronRun
    says that it was decided. All other attempts are claimed in the status before their Jobs are created.
    """
    if attempt.attempt > 1 or attempt.trigger is Trigger.DEPENDENT:
        return True
    if attempt.trigger is Trigger.SCHEDULE:
        passed = status.last_schedule_time is not None and attempt.slot <= status.last_schedule_time
        return passed and not is_in(status.deferred, attempt.slot)
    if any(attempt.group == requested.group for requested in runs.undecided):
        return False
    return attempt.group not in {group_of(request.id, request.at) for request in job.requests if request.at is not None}
