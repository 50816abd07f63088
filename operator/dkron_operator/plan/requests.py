"""Runs that a person asked for by annotation: each becomes one Job, or is refused with a reason, and is forgotten."""

from datetime import datetime

from dkron_crds.attempt_names import start_of_request
from dkron_crds.job import Active, Concurrency, SkipReason
from dkron_crds.requests import RUN_PREFIX, Request
from dkron_operator.plan.calls import is_called
from dkron_operator.plan.cause import requested
from dkron_operator.plan.decide import MOST_ACTIVE, Skip, decide_request
from dkron_operator.plan.draft import Draft, busy, creation
from dkron_operator.plan.fold import Refused, is_recorded
from dkron_operator.plan.settle import is_over

_WHY = {
    SkipReason.DISABLED: "the job is disabled",
    SkipReason.CONCURRENCY_FORBIDDEN: "the job is running, and its concurrency is forbid",
    SkipReason.TOO_MANY_ACTIVE: f"{MOST_ACTIVE} of its attempts are active",
    SkipReason.SUCCEEDED: "the job is ephemeral, has had its run, and is being deleted",
}


def plan_requests(draft: Draft) -> None:
    """The first request that needs a Job gets one; those that have theirs lose their annotation."""
    for request in draft.situation.job.requests:
        _plan_request(draft, request)


def _plan_request(draft: Draft, request: Request) -> None:
    job = draft.situation.job
    if request.at is None:
        why = f'"{request.text}" does not begin with an RFC 3339 time with a zone in the years 1970 to 2261'
        _refuse(draft, request, why)
        return
    entry = requested(request.id, request.at).entry(uid=job.uid, name=job.name, at=_begun(draft, request.at))
    claimed = any(e.job == entry.job and not e.uid for e in draft.status.active)
    exists = entry.job in draft.situation.runs or is_called(draft.status, entry.job)
    if exists or is_recorded(draft.status, entry.job) or _has_members(draft, entry):
        draft.forget.append(request.id)
    elif draft.create is None and not claimed:
        _decide(draft, request, entry)


def _begun(draft: Draft, at: datetime) -> datetime:
    """When the run begins. A job that keeps only its newest run tells which one that is by when each was decided."""
    now = draft.situation.now
    return now if draft.situation.job.spec.concurrency is Concurrency.REPLACE else start_of_request(at, now)


def _decide(draft: Draft, request: Request, entry: Active) -> None:
    problem = draft.situation.problem
    if problem is not None:
        _refuse(draft, request, problem.message)
        return
    wanted = decide_request(draft.situation.job, active=busy(draft), force=request.force)
    decision = Skip(SkipReason.SUCCEEDED) if is_over(draft) else wanted
    create = decision if isinstance(decision, Skip) else creation(draft, entry, decision)
    if isinstance(create, Skip):
        draft.note(Refused(create.reason, at=min(entry.slot, draft.situation.now)))
        _refuse(draft, request, create.why or _WHY[create.reason])
    else:
        draft.create = create


def _has_members(draft: Draft, entry: Active) -> bool:
    """Whether its group was decided to be several Jobs: once they are claimed, they come without being asked for."""
    trigger, group = entry.trigger, entry.group
    of_group = (
        other
        for others in (draft.status.active, draft.situation.runs.values(), draft.status.executions)
        for other in others
        if (other.trigger, other.group) == (trigger, group)
    )
    return any(other.member for other in of_group)


def _refuse(draft: Draft, request: Request, why: str) -> None:
    draft.warn("RunRefused", f"{RUN_PREFIX}{request.id}: {why}", request.id)
    draft.forget.append(request.id)
