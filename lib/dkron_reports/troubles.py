"""What needs a person about a job: each trouble with a sentence, a remedy, and the moment from which it is one.

A job is judged once for each version of its object, and the time decides afterwards.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from dkron_crds.attempt_state import AttemptState
from dkron_crds.requests import read_request
from dkron_crds.schedule.instants import shifted
from dkron_crds.stops import STOPPED, read_stop
from dkron_reports.job import Job
from dkron_reports.line import is_waiting
from dkron_reports.reading import Object, mapping, objects
from dkron_reports.run import attempts_of, last_line, reason_of, runs_of
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
    execution: str = ""
    """The id of the attempt that failed."""
    output: str = ""
    """The last line of its output."""

    @property
    def sentence(self) -> str:
        """The trouble in words."""
        return f"{self.found}: {self.detail}" if self.detail else self.found


class Troubles:
    """The troubles of one version of a job. `changed` is when its spec was last written, if that is known.

    Whether a job is stale takes its schedule, which costs more than all the rest. So that is computed when it may be:
    a job in order has run again until then, and has another version.
    """

    __slots__ = ("_fresh_until", "_job", "_judged")

    def __init__(self, job: Job, *, changed: datetime | None = None) -> None:
        timing = read_timing(job)
        earliest: dict[str, Trouble] = {}
        for each in _troubles(job, timing, changed):
            known = earliest.get(each.found)
            if known is None or each.since < known.since:
                earliest[each.found] = each
        self._judged = tuple(earliest.values())
        self._fresh_until = _fresh_until(job, timing)
        self._job: Job | None = job

    def at(self, now: datetime) -> list[Trouble]:
        """Return the troubles that the job has at this time, if its object is still the same."""
        if self._job is not None and now >= self._fresh_until:
            self._judged += _staleness(self._job)
            self._job = None
        return [each for each in self._judged if each.since <= now]


def problem_in_words(job: Job) -> str:
    """Return why a job does not run by itself, after one word for that, or why it is degraded; empty for neither."""
    return f"{'Degraded' if job.state in AS_IT_IS else job.state}: {job.problem}" if job.problem else ""


def _troubles(job: Job, timing: Timing, changed: datetime | None) -> Iterator[Trouble]:
    metadata, status = mapping(job.raw, "metadata"), mapping(job.raw, "status")
    written = changed or _changed(metadata) or job.created
    if not timing.seen and written is not None:
        remedy = "check that the operator runs and watches this namespace"
        yield Trouble(Kind.UNSEEN, shifted(written, PATIENCE), "no operator has processed it", remedy)
    if job.state not in AS_IT_IS:
        remedy = "dkronctl describe JOB says what to fix"
        yield Trouble(Kind.INVALID, ALWAYS, f"not ready ({job.state})", remedy, job.problem)
    elif job.problem:
        yield Trouble(Kind.DEGRADED, ALWAYS, "degraded", "dkronctl describe JOB says why", job.problem)
    if timing.seen and not job.disabled and job.state != "Paused" and job.next is not None:
        remedy = "see the operator's log; docs: It runs late"
        yield Trouble(Kind.LATE, shifted(job.next, PATIENCE), "due for more than a minute and not started", remedy)
    yield from _stuck_attempts(status)
    yield from _old_requests(metadata)
    if job.result in BAD:
        yield from _failure(status)


def _stuck_attempts(status: Object) -> Iterator[Trouble]:
    for each in objects(status, "active"):
        began = read_time(each.get("startedAt"))
        if began is None or is_waiting(each):
            continue
        if each.get("state") == AttemptState.CLAIMED:
            found, remedy = (
                "claimed, but without a Job for more than a minute",
                "see the operator's log, quotas, webhooks",
            )
            yield Trouble(Kind.STUCK, shifted(began, PATIENCE), found, remedy)
        else:
            found, remedy = "running for more than a day", "dkronctl stop JOB; set a timeout to end such runs"
            yield Trouble(Kind.LONG, shifted(began, LONG), found, remedy)


def _old_requests(metadata: Object) -> Iterator[Trouble]:
    for key, text in mapping(metadata, "annotations").items():
        request, stop = read_request(key, str(text)), read_stop(key, str(text))
        if request is not None and request.at is not None:
            found, remedy = "run requested more than a minute ago, and not started", "check that the operator runs"
            yield Trouble(Kind.STUCK, shifted(request.at, PATIENCE), found, remedy)
        if stop is not None and stop.at is not None:
            found, remedy = "stop requested, and still running", "its pod may ignore SIGTERM; see its grace period"
            yield Trouble(Kind.LONG, shifted(stop.at, STOPPING), found, remedy)


def _changed(metadata: Object) -> datetime | None:
    """Return when the spec was last written."""
    times = [
        read_time(each.get("time"))
        for each in objects(metadata, "managedFields")
        if not each.get("subresource") and "f:spec" in mapping(each, "fieldsV1")
    ]
    return max((at for at in times if at is not None), default=None)


def _failure(status: Object) -> Iterator[Trouble]:
    """Yield that the newest run failed, unless a user stopped it: what was stopped on purpose needs no person."""
    executions = objects(status, "executions")
    group = executions[0].get("group") if executions else None
    runs = runs_of(attempts_of({"executions": [each for each in executions if each.get("group") == group]}))
    failed = [each for each in runs[0].last_of_each if not each.success] if runs else []
    if failed and all(each.reason == STOPPED for each in failed):
        return
    found, remedy = "its newest run failed", "dkronctl logs JOB --failed"
    bad = next((each for each in failed if each.reason != STOPPED), None)
    if bad is None:
        yield Trouble(Kind.FAILING, ALWAYS, found, remedy)
    else:
        yield Trouble(Kind.FAILING, ALWAYS, found, remedy, reason_of(bad), bad.id, last_line(bad))


def _fresh_until(job: Job, timing: Timing) -> datetime:
    """Return a time before which the job is not stale. It is so from the second slot after its latest success on, or
    later. If the operator has decided no slot since that success, `status.next` is the first one."""
    success = _success(mapping(job.raw, "status"))
    if not timing.seen or job.next is None or success is None or success >= job.next:
        return ALWAYS
    return job.next if timing.mark is None or timing.mark <= success else ALWAYS


def _staleness(job: Job) -> tuple[Trouble, ...]:
    stale = _stale_from(job, read_timing(job), mapping(job.raw, "status"))
    remedy = "dkronctl history JOB; dkronctl explain JOB"
    return () if stale is None else (Trouble(Kind.STALE, stale, "without a success for two intervals", remedy),)


def _success(status: Object) -> datetime | None:
    """Return when the job last succeeded, or when its slots began."""
    return read_time(status.get("lastSuccess")) or read_time(status.get("since"))


def _stale_from(job: Job, timing: Timing, status: Object) -> datetime | None:
    """Return from when on a job with a schedule of its own is stale. One whose Job waits in a queue of Kueue is not."""
    if any(each.get("state") == AttemptState.QUEUED for each in objects(status, "active")):
        return None
    line = None if job.disabled or job.state != "Scheduled" else timing.line()
    since = read_time(status.get("since"))
    if line is None or since is None:
        return None
    limit = mapping(job.raw, "spec").get("startingDeadlineSeconds")
    try:
        overdue = line.overdue_from(_success(status) or since)
        deadline = timedelta(seconds=limit) if isinstance(limit, int) else None
    except OverflowError:
        return None
    if overdue is None:
        return None
    patience = [each for each in (line.schedule.grace, deadline) if each is not None]
    longest = _longest_success(status)
    stale = shifted(overdue, min(patience, default=timedelta()) + longest)
    active = [each for each in objects(status, "active") if not is_waiting(each)]
    begun = [at for each in active if (at := read_time(each.get("startedAt"))) is not None]
    if not begun or mapping(job.raw, "spec").get("concurrency") == "replace":
        # The next slot ends a run that is replaced, so that it may never succeed.
        return stale
    # What runs may still succeed: as long as it takes twice the usual time, or as long as it runs if that is not known.
    return max(stale, shifted(max(begun), 2 * longest)) if longest else None


def _longest_success(status: Object) -> timedelta:
    """Return how long the longest kept attempt took that succeeded; 0 for none. A run may take longer than its
    interval, and then the next success comes that much later."""
    good = [each for each in objects(status, "executions") if each.get("state") == AttemptState.SUCCEEDED]
    spans = ((read_time(each.get("startedAt")), read_time(each.get("finishedAt"))) for each in good)
    return max((end - start for start, end in spans if start and end and end > start), default=timedelta())
