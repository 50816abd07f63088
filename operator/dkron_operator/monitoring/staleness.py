"""When a job that should run has been without a success for too long. Pure: the moment follows from the spec and the
status, and the caller compares it with the time."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from dkron_crds.depends import When
from dkron_crds.job import AttemptState, JobStatus
from dkron_crds.schedule.instants import shifted
from dkron_crds.schedule.timeline import Timeline
from dkron_operator.plan.decide import start_deadline
from dkron_operator.plan.situation.view import JobView

MOST_ABOVE = 100
"""Jobs between a dependent and its schedules. On a longer chain a job never counts as stale."""


def stale_at(status: JobStatus, paces: Sequence[JobView], *, resumed: datetime | None = None) -> datetime | None:
    """From when on the job is stale, unless it succeeds first: two intervals plus the start deadline after the last
    success, or after `since` if there was none. None if it never will be.

    The intervals come from `paces`: the job itself, or the scheduled jobs that it follows, the slowest of which
    counts. They are counted in slots, see `Timeline.overdue_from`. After a pause, they are counted from when the job
    was `resumed`. The time that the active attempts waited in queues of Kueue or in line does not count, and a job
    whose Job waits in a queue is not stale.
    """
    since = status.since
    if since is None or any(entry.state is AttemptState.QUEUED for entry in status.active):
        return None
    waits = (entry.started_at - entry.queued_at for entry in status.active if not entry.is_claim and entry.queued_at)
    good = status.last_success or since
    instants = [_stale_at(pace, since, good, resumed) for pace in paces]
    found = [each for each in instants if each is not None]
    if len(found) < len(instants):
        return None
    return shifted(max(found), max(waits, default=timedelta())) if found else None


def paces_of(job: JobView, parents_of: Callable[[JobView], Sequence[JobView]]) -> tuple[JobView, ...]:
    """The jobs whose schedules make this one run: itself, or those at the top of its parents. Empty if nothing says
    when it has to succeed: one of these is disabled, broken or missing, or a parent's failure is awaited.

    `parents_of` returns the parents of a job that exist and are not refused.
    """
    found: dict[str, JobView] = {}
    met, ahead = {job.uid}, [job]
    while ahead:
        here = ahead.pop()
        links = here.spec.parents
        parents = parents_of(here) if links else ()
        missing = len(parents) < len(links) or any(link.when is When.FAILURE for link in links)
        if here.spec.disabled or here.problem is not None or missing:
            return ()
        if not links:
            found[here.uid] = here
        ahead += [each for each in parents if each.uid not in met]
        met.update(each.uid for each in parents)
        if len(met) > MOST_ABOVE:
            return ()
    return tuple(found[uid] for uid in sorted(found))


def _stale_at(pace: JobView, since: datetime, good: datetime, resumed: datetime | None) -> datetime | None:
    if pace.schedule is None:
        return None
    line = Timeline(pace.schedule, since, pace.spec.starts_at, pace.spec.expires_at)
    if resumed is not None and resumed > good:
        first = line.next(resumed)
        overdue = None if first is None else line.next(first)
    else:
        overdue = line.overdue_from(good)
    return None if overdue is None else overdue + (start_deadline(pace) or timedelta())
