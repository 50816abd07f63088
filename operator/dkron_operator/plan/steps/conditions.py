"""What users see of a job: the conditions Ready, Suspended, Degraded and Stalled, and when it runs next."""

from datetime import datetime, timedelta

from dkron_crds.base import rfc3339
from dkron_crds.conditions import MENDED_BY_AN_EDIT, condition
from dkron_crds.job import (
    Condition,
    ConditionStatus,
    ConditionType,
    JobSpec,
    JobStatus,
    ReadyReason,
    SuspendedReason,
)
from dkron_crds.schedule.instants import shifted
from dkron_crds.schedule.timeline import TICK
from dkron_crds.status import MAX_RUNS_AFTER
from dkron_operator.notifications import notices
from dkron_operator.plan.job import placement
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.situation.obstacle import KEPT_BY_FINALIZERS, SUSPENDED
from dkron_operator.plan.situation.quota import QUOTA_EXCEEDED
from dkron_operator.plan.situation.view import JobView
from dkron_operator.plan.status.changes import ConditionsSet
from dkron_operator.plan.status.line import run_of
from dkron_operator.plan.status.unknown_jobs import TOLERANCE, is_ahead
from dkron_operator.plan.steps import kueue, line
from dkron_operator.plan.steps.deferred import waiting
from dkron_operator.plan.steps.parents import broken_tie
from dkron_operator.plan.steps.slots import timeline
from dkron_pods.problem import Problem
from dkron_processors import of_job

TRUE, FALSE, UNKNOWN = ConditionStatus.TRUE, ConditionStatus.FALSE, ConditionStatus.UNKNOWN
NEEDS_A_PERSON = frozenset(
    {
        "JobLost", "JobRejected", "PodLost", "ImagePullBackOff", "ErrImagePull", "InvalidImageName",
        "ErrImageNeverPull", "CreateContainerConfigError", "CreateContainerError", "StartError", "OOMKilled",
        "Unschedulable", "NodeGone", "FailedCreate", "FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox",
        "Deactivated", "FailedToStart", "RequeuingLimitExceeded",
    }
)  # fmt: skip
"""Failures that the command did not cause: if the newest attempt has one of them, the job is Degraded."""

TOGETHER = timedelta(seconds=3)
"""How long a new or edited job waits for a parent or a pool before it reports that one is missing."""

Verdict = tuple[ConditionStatus, str, str]


def plan_conditions(plan: Plan) -> None:
    """Set the conditions, with an Event for each one that turned bad."""
    ready = _ready(plan)
    verdicts = {
        ConditionType.READY: ready,
        ConditionType.SUSPENDED: _suspended(plan),
        ConditionType.DEGRADED: _degraded(plan),
    }
    if ready[0] is FALSE and ready[1] in MENDED_BY_AN_EDIT:
        verdicts[ConditionType.STALLED] = TRUE, *ready[1:]
    before, job = {condition.type: condition for condition in plan.status.conditions}, plan.situation.job
    conditions = tuple(_condition(plan, kind, verdict, before.get(kind)) for kind, verdict in verdicts.items())
    plan.record(ConditionsSet(job.generation, conditions, plan.next_slot, _parents(job.spec)))


def _parents(spec: JobSpec) -> str:
    """The names of the parents, as far as they fit."""
    names = ", ".join(link.job for link in spec.parents)
    return names if len(names) <= MAX_RUNS_AFTER else f"{names[: MAX_RUNS_AFTER - 1]}…"


def failed(job: JobView, status: JobStatus, message: str, *, now: datetime) -> ConditionsSet | None:
    """The verdict on a job that cannot be planned; None if its status says so already. The other conditions stay."""
    others = tuple(each for each in status.conditions if each.type not in (ConditionType.READY, ConditionType.STALLED))
    verdict = FALSE, ReadyReason.INTERNAL_ERROR, message
    ready = condition(status.conditions, ConditionType.READY, verdict, now=now, generation=job.generation)
    if ready in status.conditions:
        return None
    return ConditionsSet(job.generation, (ready, *others), None, status.runs_after)


def _condition(plan: Plan, kind: str, verdict: Verdict, old: Condition | None) -> Condition:
    before, now = plan.status.conditions, plan.situation.now
    found = condition(before, kind, verdict, now=now, generation=plan.situation.job.generation)
    if old is None or (old.status, old.reason, old.message) != (found.status, found.reason, found.message):
        _report(plan, kind, verdict, old)
    return found


def _report(plan: Plan, kind: str, verdict: Verdict, old: Condition | None) -> None:
    """Report what is new, as far as people need it."""
    status, reason, message = verdict
    if (kind, status) in ((ConditionType.READY, FALSE), (ConditionType.DEGRADED, TRUE)):
        plan.warn(reason, message)
    ignored = plan.situation.job.ignored
    if (kind, status) == (ConditionType.READY, TRUE) and ignored and (old is None or ignored not in old.message):
        plan.warn("SettingsIgnored", ignored)


def _ready(plan: Plan) -> Verdict:
    situation = plan.situation
    if situation.problem is not None:
        return FALSE, situation.problem.reason, situation.problem.message
    broken = broken_tie(situation) or plan.places.problem
    if broken is not None:
        return _wait_for(plan, broken)
    if not situation.checked:
        return UNKNOWN, ReadyReason.PENDING, "the operator has not checked the Job with the API server yet"
    if situation.job.unprompted is not None:
        return FALSE, situation.job.unprompted.reason, situation.job.unprompted.message
    job, nodes = situation.job, situation.nodes or {}
    placed, waits = placement.remarks(job.spec.tags, nodes.values()), waiting(plan, timeline(plan))
    told = (job.ignored, placed, job.remarks, waits, line.remark(plan), kueue.remark(plan))
    return TRUE, ReadyReason.SCHEDULED, "; ".join(remark for remark in told if remark)


def _wait_for(plan: Plan, broken: Problem) -> Verdict:
    """The objects of one file are created in any order, so a parent or a pool may follow a moment later."""
    soon = shifted(plan.status.since or plan.situation.now, TOGETHER)
    if broken.reason in (ReadyReason.PARENT_NOT_FOUND, ReadyReason.POOL_NOT_FOUND) and plan.situation.now < soon:
        plan.wake_at(soon)
        return UNKNOWN, ReadyReason.PENDING, broken.message
    return FALSE, broken.reason, broken.message


def _suspended(plan: Plan) -> Verdict:
    spec, now = plan.situation.job.spec, plan.situation.now
    if spec.disabled:
        return TRUE, SuspendedReason.DISABLED, "spec.disabled is true"
    if spec.expires_at is not None:
        if now > spec.expires_at:
            return TRUE, SuspendedReason.EXPIRED, "spec.expiresAt has passed"
        plan.wake_at(spec.expires_at + TICK)
    hold = plan.hold
    if hold is not None:
        return TRUE, SuspendedReason.PAUSED, str(hold)
    if spec.starts_at is not None and now < spec.starts_at:
        plan.wake_at(spec.starts_at)
        return TRUE, SuspendedReason.NOT_STARTED, "spec.startsAt is in the future"
    return FALSE, "Active", ""


def _degraded(plan: Plan) -> Verdict:
    hindered = _hindered(plan) or _refused(plan)
    if hindered is not None:
        return TRUE, *hindered
    newest = next(iter(plan.status.executions), None)
    if newest is not None and newest.reason in NEEDS_A_PERSON:
        return TRUE, newest.reason, f"Job {newest.job}: {newest.message or newest.reason}"
    early = _ahead(plan)
    if early is not None:
        return TRUE, *early
    job = plan.situation.job
    if lack := of_job.missing(job.spec, plan.situation.site):
        return TRUE, "NoReceiver", lack
    if wrong := notices.check_notify(job.notify):
        return TRUE, "InvalidNotify", wrong
    return FALSE, "AsExpected", ""


def _hindered(plan: Plan) -> tuple[str, str] | None:
    """Reason and message if the pod of an attempt does not start, or does not go; None otherwise."""
    unconfirmed_create = plan.situation.unconfirmed_create
    for entry in (*plan.status.active, *((unconfirmed_create,) if unconfirmed_create else ())):
        trouble, attempt = plan.situation.pod_problems.get(entry.job), plan.situation.attempts.get(entry.job)
        if trouble is not None and not trouble.final and (attempt is None or attempt.deleting or not attempt.has_pod):
            stays = trouble.reason == KEPT_BY_FINALIZERS
            what = "is being deleted, but still exists" if stays else "does not start"
            held = f"; it holds {kueue.PLACES}" if trouble.reason == SUSPENDED and plan.places.needed else ""
            return trouble.reason, f"Job {entry.job} {what}: {trouble.message or trouble.reason}{held}"
    return None


def _refused(plan: Plan) -> tuple[str, str] | None:
    """Reason and message if a quota has a run wait, also while that one asks again; None otherwise."""
    quota = plan.situation.quota
    runs = {*map(run_of, plan.refused), *quota.since} if quota.closed else ()
    entry = next((entry for entry in plan.status.active if entry.is_claim and run_of(entry) in runs), None)
    return None if entry is None else (QUOTA_EXCEEDED, f"Job {entry.job} does not start: {quota.message}")


def _ahead(plan: Plan) -> tuple[str, str] | None:
    """Reason and message if the mark or a Job lies too far ahead of the clock to be followed; None otherwise."""
    mark, now = plan.status.last_schedule_time, plan.situation.now
    if mark is not None and is_ahead(mark, now):
        text = f"status.lastScheduleTime is {rfc3339(mark)}, ahead of the clock: no slot up to that time runs"
        return "MarkAhead", f"{text}. If the clock is right and none of these slots has run, set it to now"
    if plan.situation.ahead:
        attempt = min(plan.situation.ahead, key=lambda attempt: attempt.slot)
        plan.wake_at(attempt.slot - TOLERANCE)
        return (
            "JobAhead",
            f"Job {attempt.name} names the slot {rfc3339(attempt.slot)}, ahead of the clock; it is ignored until then",
        )
    return None
