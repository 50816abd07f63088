"""Tracks a requested run as far as the job shows it, and the runs of other jobs that it causes. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dkron_api.translate.readiness import pause_of, problem
from dkron_api.translate.record import Job, Object
from dkron_crds.attempt_names import execution_id, job_name, start_of_request
from dkron_crds.depends import dependent_group
from dkron_crds.job import Attempt, AttemptState, SkipReason, Trigger
from dkron_crds.requests import RUN_PREFIX, group_of, read_request, run_annotation
from dkron_crds.traceparent import TraceContext
from dkron_reports.skipping import because


class Progress(StrEnum):
    """The progress of a run."""

    ASKED = "asked"
    RUNNING = "running"
    OVER = "over"
    REFUSED = "refused"
    UNSEEN = "unseen"
    """The request is gone, and there is no trace of the run yet."""


@dataclass(frozen=True, slots=True)
class Run:
    """A request for a run, by its id and time; `trace` is the span that made the request. For a DkronRun (`of_object`)
    these are its uid and the time of its creation, and `slot` is the time that it stands for, if it names one."""

    id: str
    at: datetime
    by: str = ""
    force: bool = False
    trace: TraceContext | None = None
    slot: datetime | None = None
    of_object: bool = False

    @property
    def annotation(self) -> tuple[str, str]:
        """The annotation that requests the run from the operator."""
        return run_annotation(self.id, self.at, by=self.by, force=self.force, trace=self.trace)

    @property
    def group(self) -> int:
        """The group of its executions."""
        return group_of(self.id, self.at)


def requests(job: Job) -> list[Run]:
    """Return the valid run requests on this version of the job, from any client."""
    read = (read_request(key, str(text)) for key, text in job.annotations.items())
    return [Run(each.id, each.at) for each in read if each is not None and each.at is not None]


def progress(job: Job, run: Run) -> Progress:
    """Return the progress of the run in this version of the job."""
    status = job.raw_status
    if any(active.get("group") == run.group for active in status.get("active") or ()):
        return Progress.RUNNING
    if any(execution.get("group") == run.group for execution in status.get("executions") or ()):
        return Progress.OVER
    if run.of_object:
        # The job shows a DkronRun that is refused until this says so. Of others, the waiter reads the object as well.
        return Progress.REFUSED if _first_job(job, run) in (status.get("refused") or ()) else Progress.ASKED
    if RUN_PREFIX + run.id in job.annotations:
        return Progress.ASKED
    return Progress.REFUSED if refusal(job, run) else Progress.UNSEEN


def refusal(job: Job, run: Run) -> str:
    """Return why the operator did not run it, as a sentence; empty if the job does not show a reason."""
    status = job.status
    if status.skipped is None or status.skipped.last_time < run.at:
        return problem(job)
    if status.skipped.last_reason is SkipReason.NOT_READY and (why := problem(job)):
        return why
    if status.skipped.last_reason is SkipReason.PAUSED and (why := pause_of(job)):
        return why
    return f"the operator did not run it: {because(status.skipped.last_reason)}"


def finds_no_node(job: Job, run: Run) -> bool:
    """Whether the operator skipped the run because no node matched."""
    skipped = job.status.skipped
    return skipped is not None and skipped.last_time >= run.at and skipped.last_reason is SkipReason.NO_MATCHING_NODE


def coming(job: Job, run: Run, now: datetime) -> Attempt:
    """Return the execution that a run will become, under the name that the operator will give it. If tags ask for
    several, it stands for all of them until they exist."""
    begun, name = start_of_request(run.at, now), _first_job(job, run)
    return Attempt(
        id=execution_id(begun, name), job=name, state=AttemptState.CLAIMED, slot=run.slot or run.at,
        trigger=Trigger.MANUAL, group=run.group, attempt=1, started_at=begun,
    )  # fmt: skip


def _first_job(job: Job, run: Run) -> str:
    """Return the name of the run's Job, after the time of the request, whatever slot it stands for."""
    return job_name(uid=job.uid, name=job.object_name, trigger=Trigger.MANUAL.value, slot=run.at, group=run.group)


def goes_on(job: Job, group: int) -> bool:
    """Whether the run has not ended yet, or some dependent jobs have not recorded its end."""
    status = job.raw_status
    return _has(status.get("active"), group) or _has(status.get("ended"), group)


def has_begun(job: Job, group: int) -> bool:
    """Whether there is a trace of the run."""
    return goes_on(job, group) or _has(job.raw_status.get("executions"), group)


def following(job: Job, group: int) -> int | None:
    """Return the group of the runs that other jobs start after this run; None if it has not ended, or if its end is
    no longer known. The end is exact while `ended` still shows it; executions may be trimmed."""
    status = job.raw_status
    if _has(status.get("active"), group):
        return None
    shown = _times(status.get("ended"), group, "at") or _times(status.get("executions"), group, "finishedAt")
    return dependent_group(job.uid, group, max(shown)) if shown else None


def _times(entries: list[Object] | None, group: int, key: str) -> list[datetime]:
    return [datetime.fromisoformat(each[key]) for each in entries or () if each.get("group") == group and key in each]


def _has(entries: list[Object] | None, group: int) -> bool:
    return any(entry.get("group") == group for entry in entries or ())
