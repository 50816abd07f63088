"""What needs a person about a job: each trouble with a sentence, a remedy, and the moment from which it is one.

So a job is judged once for each version of its object, and the time decides afterwards.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from dkron_crds.requests import read_request
from dkron_crds.schedule.instants import shifted
from dkron_crds.stops import read_stop
from dkron_reports.job import Job
from dkron_reports.reading import Object, mapping, objects
from dkron_reports.run import attempts_of, reason_of
from dkron_reports.slots import Timing, read_timing
from dkron_reports.words import read_time

PATIENCE = timedelta(minutes=1)
"""How long the operator may take for what usually takes a second."""
STOPPING = timedelta(minutes=5)
LONG = timedelta(hours=24)
ALWAYS = datetime.min.replace(tzinfo=UTC)
AS_IT_IS = ("Scheduled", "Disabled", "Expired", "NotStarted", "Paused", "Pending")
"""States of a job that is in order."""
BAD = ("failed", "partially_failed")


class Kind(StrEnum):
    """Kinds of trouble, the worst first."""

    UNSEEN = "unseen"
    INVALID = "invalid"
    LATE = "late"
    STUCK = "stuck"
    FAILING = "failing"
    STALE = "stale"
    DEGRADED = "degraded"
    LONG = "long"


SEVERE = frozenset({Kind.UNSEEN, Kind.INVALID, Kind.LATE, Kind.STUCK})
"""Kinds that keep a job from running. The others are warnings."""
RANK = {kind: rank for rank, kind in enumerate(Kind)}


@dataclass(frozen=True, slots=True)
class Trouble:
    """A trouble that a job has from `since` on, unless its object changes before. `detail` is what the job itself says;
    `found` is the same for all jobs that have it."""

    kind: Kind
    since: datetime
    found: str
    remedy: str
    detail: str = ""

    @property
    def sentence(self) -> str:
        """What is wrong."""
        return f"{self.found}: {self.detail}" if self.detail else self.found


def troubles(job: Job, *, changed: datetime | None = None) -> tuple[Trouble, ...]:
    """Return the troubles that the job has, or will have if its object stays as it is, each as early as it is one.
    `changed` is when its spec was last written, if that is known."""
    earliest: dict[str, Trouble] = {}
    for each in _troubles(job, changed):
        known = earliest.get(each.found)
        if known is None or each.since < known.since:
            earliest[each.found] = each
    return tuple(earliest.values())


def _troubles(job: Job, changed: datetime | None) -> Iterator[Trouble]:
    timing, metadata = read_timing(job), mapping(job.raw, "metadata")
    status = mapping(job.raw, "status")
    written = changed or _changed(metadata) or job.created
    if not timing.seen and written is not None:
        remedy = "is the operator running, and does it watch this namespace?"
        yield Trouble(Kind.UNSEEN, shifted(written, PATIENCE), "not looked at by an operator", remedy)
    if job.state not in AS_IT_IS:
        remedy = "dkronctl describe JOB says what to mend"
        yield Trouble(Kind.INVALID, ALWAYS, f"not ready ({job.state})", remedy, job.problem)
    elif job.problem:
        yield Trouble(Kind.DEGRADED, ALWAYS, "degraded", "dkronctl describe JOB says why", job.problem)
    if timing.seen and not timing.disabled and job.state != "Paused" and job.next is not None:
        remedy = "see the operator's log; docs: It runs late"
        yield Trouble(Kind.LATE, shifted(job.next, PATIENCE), "due for more than a minute and not started", remedy)
    yield from _stuck_attempts(status)
    yield from _old_requests(metadata)
    if job.result in BAD:
        yield Trouble(Kind.FAILING, ALWAYS, "its newest run failed", "dkronctl logs JOB --failed", _why(status))
    if (stale := _stale_from(job, timing, status)) is not None:
        remedy = "dkronctl history JOB; dkronctl explain JOB"
        yield Trouble(Kind.STALE, stale, "without a success for two intervals", remedy)


def _stuck_attempts(status: Object) -> Iterator[Trouble]:
    for each in objects(status, "active"):
        began = read_time(each.get("startedAt"))
        if began is None:
            continue
        if not each.get("uid"):
            found, remedy = (
                "claimed and without a Job for more than a minute",
                "see the operator's log, quotas, webhooks",
            )
            yield Trouble(Kind.STUCK, shifted(began, PATIENCE), found, remedy)
        else:
            found, remedy = "running for more than a day", "dkronctl stop JOB; a timeout would end it"
            yield Trouble(Kind.LONG, shifted(began, LONG), found, remedy)


def _old_requests(metadata: Object) -> Iterator[Trouble]:
    for key, text in mapping(metadata, "annotations").items():
        request, stop = read_request(key, str(text)), read_stop(key, str(text))
        if request is not None and request.at is not None:
            found, remedy = "asked to run more than a minute ago and not run", "is the operator running?"
            yield Trouble(Kind.STUCK, shifted(request.at, PATIENCE), found, remedy)
        if stop is not None and stop.at is not None:
            found, remedy = "asked to stop and still running", "its pod may ignore SIGTERM; see its grace period"
            yield Trouble(Kind.LONG, shifted(stop.at, STOPPING), found, remedy)


def _changed(metadata: Object) -> datetime | None:
    """Return when the spec was last written."""
    times = [
        read_time(each.get("time"))
        for each in objects(metadata, "managedFields")
        if not each.get("subresource") and "f:spec" in mapping(each, "fieldsV1")
    ]
    return max((at for at in times if at is not None), default=None)


def _why(status: Object) -> str:
    """Return why the newest execution failed."""
    newest = attempts_of({"executions": objects(status, "executions")[:1]})
    return reason_of(newest[0]) if newest and newest[0].success is False else ""


def _stale_from(job: Job, timing: Timing, status: Object) -> datetime | None:
    """Return from when on a job with a schedule of its own is stale."""
    line = None if timing.disabled or job.state != "Scheduled" else timing.line()
    since = read_time(status.get("since"))
    if line is None or since is None:
        return None
    try:
        overdue = line.overdue_from(read_time(status.get("lastSuccess")) or since)
    except OverflowError:
        return None
    if overdue is None:
        return None
    limit = mapping(job.raw, "spec").get("startingDeadlineSeconds")
    deadlines = [line.schedule.grace, timedelta(seconds=limit) if isinstance(limit, int) else None]
    return shifted(overdue, min((each for each in deadlines if each is not None), default=timedelta()))
