"""The state of a job for clients that do not know conditions: a job that cannot run shows as failed, with the reason.
Pure.

In Dkron this job runs, fails and has the reason as output. Here it does not run. Clients of Dkron look for failures
in `error_count`, `last_error` and the executions, so these have one that follows from the condition and is stored
nowhere: it is gone once the job can run.
"""

from dkron_api.translate.record import Job, lenient
from dkron_crds.attempt_names import execution_id, job_name, nanoseconds
from dkron_crds.conditions import NOT_BY_ITSELF
from dkron_crds.job import (
    Attempt,
    AttemptState,
    ConditionType,
    GroupStatus,
    JobStatus,
    SkipReason,
    SuspendedReason,
    Trigger,
)


def problem(job: Job) -> str:
    """Return why the job in its current state cannot run at all, according to the operator; empty if it can."""
    reason, message = _not_ready(job)
    return message if reason and reason not in NOT_BY_ITSELF else ""


def obstacle(job: Job) -> str:
    """Return why the job does not run by itself, according to the operator; empty if nothing prevents it."""
    return _not_ready(job)[1]


def reason(job: Job) -> str:
    """Return that in one word."""
    return _not_ready(job)[0]


def pause_of(job: Job) -> str:
    """Return by whom and why the job is paused, as a sentence; empty if no DkronPause holds it."""
    for condition in job.raw_status.get("conditions") or ():
        if (condition.get("type"), condition.get("reason")) == (ConditionType.SUSPENDED, SuspendedReason.PAUSED):
            return f"the job is {condition.get('message') or 'paused'}"
    return ""


def refusing_pause(job: Job, *, forced: bool) -> str:
    """Return by whom and why the job is paused, as a sentence, if that refuses a run; empty if it does not."""
    why = pause_of(job)
    if why and (job.raw_status.get("paused") or {}).get("enforce") is True:
        return f"{why}; force does not override this pause"
    return f"{why}; add ?force=true to run it anyway" if why and not forced else ""


def status_of(job: Job) -> str:
    """Return the status to show: how the last run ended, or `failed` while the job cannot run."""
    return GroupStatus.FAILED.value if problem(job) else str(job.raw_status.get("status") or "")


def failure(job: Job) -> Attempt | None:
    """Return the failed execution that stands for an enabled job that cannot run; None for any other. It is as old as
    the problem, or as the newest request that was refused for it."""
    if job.raw["spec"].get("disabled") or not problem(job):
        return None
    status = lenient(JobStatus, {key: job.raw_status.get(key) for key in ("conditions", "skipped")})
    ready = next((each for each in status.conditions if each.type == ConditionType.READY), None)
    if ready is None:
        return None
    at, skipped = ready.last_transition_time, status.skipped
    if skipped is not None and skipped.last_reason is SkipReason.NOT_READY:
        at = max(at, skipped.last_time)
    group = nanoseconds(at)
    name = job_name(uid=job.uid, name=job.object_name, trigger=Trigger.SCHEDULE.value, slot=at, group=group)
    return Attempt(
        id=execution_id(at, name), job=name, state=AttemptState.FAILED, slot=at, trigger=Trigger.SCHEDULE, group=group,
        attempt=1, started_at=at, finished_at=at, reason=ready.reason, message=ready.message,
    )  # fmt: skip


def _not_ready(job: Job) -> tuple[str, str]:
    """Return reason and sentence of the condition Ready, if it is False and describes the current generation."""
    for condition in job.raw_status.get("conditions") or ():
        if condition.get("type") != ConditionType.READY:
            continue
        current = condition.get("observedGeneration", job.generation) == job.generation
        if condition.get("status") == "False" and current:
            reason = str(condition.get("reason") or "NotReady")
            return reason, f"the job cannot run: {condition.get('message') or reason}"
    return "", ""
