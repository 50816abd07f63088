"""Attempts whose Jobs wait in a queue of Kueue (https://kueue.sigs.k8s.io), which starts Jobs when there is room.

The operator creates a Job of a queue suspended. Kueue clears `spec.suspend` when it admits the Job, and sets it again
when it evicts the Job in favour of another one: then Kubernetes deletes the pod, which counts as no failure, and the
attempt goes on when the Job is admitted again. Kueue keeps its decisions in a Workload, one for each Job. The Job does
not show that Kueue has given it up, so the operator reads the Workload now and then.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from dkron_crds.base import rfc3339
from dkron_crds.conditions import MAX_REASON
from dkron_crds.job import Attempt, AttemptState, SkipReason, Trigger
from dkron_crds.owners import controller_of
from dkron_crds.schedule.instants import shifted
from dkron_crds.schedule.timeline import TICK
from dkron_operator.plan.actions import DeleteJob, WriteStatus
from dkron_operator.plan.decide import start_deadline
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.situation.outcome import MESSAGE_ROOM
from dkron_operator.plan.situation.view import AttemptJob, Outcome, PodProblem
from dkron_operator.plan.steps.probing import PATIENCE, plan_probe

Object = Mapping[str, Any]
NOTHING: Object = {}

JOB_UID = "kueue.x-k8s.io/job-uid"
"""The label of a Workload that names its Job."""
QUEUE_NOT_FOUND = "QueueNotFound"
DEACTIVATED = "Deactivated"
FAILED_TO_START = "FailedToStart"
PLACES = "its places in pools"
LOOK = timedelta(minutes=1)
"""The time between two looks at the queue of a Job that waits."""


def entry_of(known: Attempt | None, attempt: AttemptJob, now: datetime) -> Attempt:
    """The entry in `active` of an attempt, as its Job shows it now. `known` is the entry that the status has."""
    waits = attempt.state is AttemptState.QUEUED
    if known is None:
        entry = attempt.entry(attempt.began)
        return entry if waits or attempt.admitted_at is None else _admitted(entry, attempt.admitted_at)
    if waits and (known.state, known.queue) != (attempt.state, attempt.queue):
        evictions, since = known.evictions + (known.state is not attempt.state), known.queued_at or attempt.began
        waiting = {"state": attempt.state, "queue": attempt.queue, "evictions": evictions, "queued_at": since}
        return known.model_copy(update=waiting)
    if known.state is AttemptState.QUEUED and not waits:
        return _admitted(known, attempt.admitted_at or attempt.finished_at or now)
    return known


def _admitted(entry: Attempt, at: datetime) -> Attempt:
    """The attempt began when Kueue admitted it for the first time. Kubernetes notes whole seconds."""
    began = entry.started_at if entry.evictions else max(entry.started_at, at)
    told = {"state": AttemptState.RUNNING, "queue": "", "started_at": began, "given_up": ""}
    return entry.model_copy(update=told)


def plan_queued(plan: Plan, attempt: AttemptJob, entry: Attempt) -> None:
    """Process a Job that waits in its queue: end the attempt if it waits in vain, else look at the queue if due."""
    entry = _with_why(plan, entry)
    if _waits_in_vain(plan, entry):
        # With its Job and its Workload gone, nothing else would tell the next process that this attempt was made, that
        # it waited, and why it ended.
        plan.do(DeleteJob(attempt) if _is_written(plan, entry) else WriteStatus())
        return
    deadline = _deadline(plan, entry)
    if deadline is not None:
        plan.wake_at(deadline + TICK)
    plan_probe(plan, attempt, every=LOOK)


def _with_why(plan: Plan, entry: Attempt) -> Attempt:
    """Note in the status why Kueue has given the Job up, or that it has not. An earlier process may have noted a reason
    that does not hold any more: a look tells."""
    problem = _final_problem(plan, entry)
    if problem is None and entry.job not in plan.situation.probed:
        return entry
    why = "" if problem is None else problem.reason
    if entry.given_up == why:
        return entry
    noted = entry.model_copy(update={"given_up": why})
    plan.record_started([noted])
    return noted


def _is_written(plan: Plan, entry: Attempt) -> bool:
    return any(
        each.job == entry.job and each.state is AttemptState.QUEUED and each.given_up == entry.given_up
        for each in plan.situation.persisted.active
    )


def _waits_in_vain(plan: Plan, entry: Attempt) -> bool:
    return _final_problem(plan, entry) is not None or _is_too_late(plan, entry)


def ending(plan: Plan, entry: Attempt) -> Outcome | None:
    """How an attempt ended that waited in vain, whose Job is gone; None if it did not wait, or might have gone on."""
    if entry.state is not AttemptState.QUEUED:
        return None
    problem, now = _final_problem(plan, entry), plan.situation.now
    if problem is None and entry.given_up:
        problem = _final(entry.given_up)
    if problem is not None:
        return Outcome(success=False, finished_at=now, reason=problem.reason, message=problem.message, lost=True)
    if not _is_too_late(plan, entry):
        return None
    text = f"it waited in LocalQueue {entry.queue} beyond its start deadline, and was not admitted"
    return Outcome(success=False, finished_at=now, reason=SkipReason.DEADLINE_EXCEEDED, message=text, lost=True)


def _final_problem(plan: Plan, entry: Attempt) -> PodProblem | None:
    problem = plan.situation.pod_problems.get(entry.job)
    return problem if problem is not None and problem.final else None


def _is_too_late(plan: Plan, entry: Attempt) -> bool:
    deadline = _deadline(plan, entry)
    return deadline is not None and plan.situation.now > deadline


def _deadline(plan: Plan, entry: Attempt) -> datetime | None:
    """Up to when it has to be admitted. A Job that was evicted has begun in time."""
    limit = start_deadline(plan.situation.job)
    bound = entry.trigger is Trigger.SCHEDULE and entry.attempt == 1 and not entry.evictions
    return shifted(entry.slot, limit) if bound and limit is not None else None


def remark(plan: Plan) -> str:
    """Which Jobs wait in a queue, as a sentence; empty if none has waited for long."""
    waiting = [entry for entry in plan.status.active if entry.state is AttemptState.QUEUED and _is_long(plan, entry)]
    if not waiting:
        return ""
    first, more = waiting[0], len(waiting) - 1
    job = f"Job {first.job}, which holds {PLACES}," if plan.places.needed else f"Job {first.job}"
    if first.given_up:
        text = f"Kueue has given up {job} ({first.given_up})"
    elif first.evictions:
        text = f"{job} was evicted, and waits in LocalQueue {first.queue} again"
    else:
        text = f"{job} waits in LocalQueue {first.queue} since {rfc3339(first.started_at)}"
    return f"{text}, and {more} more" if more else text


def _is_long(plan: Plan, entry: Attempt) -> bool:
    told = shifted(entry.started_at, PATIENCE)
    if told <= plan.situation.now:
        return True
    plan.wake_at(told)
    return False


def without_kueue(attempt: AttemptJob) -> PodProblem:
    """The API server does not know the kinds of Kueue."""
    text = f"it is for LocalQueue {attempt.queue}, and the API server serves no LocalQueues: is Kueue installed?"
    return PodProblem(QUEUE_NOT_FOUND, text)


def without_queue(attempt: AttemptJob) -> PodProblem:
    """The LocalQueue of the Job does not exist."""
    return PodProblem(QUEUE_NOT_FOUND, f"LocalQueue {attempt.queue} does not exist in namespace {attempt.namespace}")


def given_up(attempt: AttemptJob, workloads: Iterable[Object]) -> PodProblem | None:
    """Why Kueue will not start a suspended Job any more, from its Workload; None if it may. Any user who may create
    Workloads can give one the label of another one, so its owner counts."""
    for workload in workloads:
        if controller_of(workload).get("uid") != attempt.uid:
            continue
        true = {each["type"]: each for each in _conditions(workload) if each.get("status") == "True"}
        finished = true.get("Finished")
        if finished is not None and finished.get("reason") == FAILED_TO_START:
            return _final(FAILED_TO_START, finished)
        if (workload.get("spec") or {}).get("active") is False:
            told = true.get("Evicted") or true.get("DeactivationTarget") or {}
            return _final(_cause(str(told.get("reason") or "")), told)
    return None


def _conditions(workload: Object) -> Iterable[Object]:
    conditions: Iterable[Object] = (workload.get("status") or {}).get("conditions") or ()
    return conditions


def _cause(reason: str) -> str:
    """Why Kueue deactivated a Workload. Its reasons are `DeactivatedDueToRequeuingLimitExceeded` and the like."""
    cause = reason.removeprefix(f"{DEACTIVATED}DueTo")
    return cause if cause not in ("", reason) else DEACTIVATED


def _final(reason: str, told: Object = NOTHING) -> PodProblem:
    detail = str(told.get("message") or "")
    what = "Kueue could not start it" if reason == FAILED_TO_START else "its Workload in Kueue was deactivated"
    text = f"{what}{f': {detail}' if detail else ''}"
    return PodProblem(reason[:MAX_REASON], text[:MESSAGE_ROOM], final=True)
