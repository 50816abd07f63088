"""Runs that a person asked for by annotation: each becomes one Job, or is refused with a reason, and is forgotten.

A refusal is counted in the status before its annotation goes, under the name that its Job would have had. So it is
counted once, whoever dies in between.
"""

from datetime import datetime

from dkron_crds.attempt_names import start_of_request
from dkron_crds.job import Active, Concurrency, SkipReason
from dkron_crds.requests import RUN_PREFIX, Request
from dkron_crds.status import MAX_REFUSED
from dkron_operator.plan.calls import is_called
from dkron_operator.plan.cause import requested
from dkron_operator.plan.decide import MOST_ACTIVE, Skip, decide_request
from dkron_operator.plan.draft import Draft, busy, creation
from dkron_operator.plan.fold import Refused, Unasked, is_recorded
from dkron_operator.plan.settle import is_over

AT_ONCE = MAX_REFUSED // 2
"""How many requests are refused by one plan at most: the annotations of those before them have to go first."""
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


def plan_unasking(draft: Draft) -> None:
    """Forget the refusals whose annotations are gone."""
    # They do no harm: they leave with a write that is made anyway.
    if draft.changes and draft.status.refused:
        _unask(draft)


def _unask(draft: Draft) -> None:
    job = draft.situation.job
    asked = {_entry(draft, request).job for request in job.requests if request.at is not None}
    gone = frozenset(draft.status.refused) - asked
    if gone:
        draft.note(Unasked(gone))


def _plan_request(draft: Draft, request: Request) -> None:
    if request.at is None:
        why = f'"{request.text}" does not begin with an RFC 3339 time with a zone in the years 1970 to 2261'
        _tell(draft, request, why)
        draft.forget.append(request.id)
        return
    entry = _entry(draft, request)
    claimed = any(e.job == entry.job and not e.uid for e in draft.status.active)
    exists = entry.job in draft.situation.runs or is_called(draft.status, entry.job)
    if exists or is_recorded(draft.status, entry.job) or _has_members(draft, entry):
        draft.forget.append(request.id)
    elif entry.job in draft.status.refused:
        _forget_refused(draft, request, entry)
    elif draft.create is None and not claimed:
        _decide(draft, request, entry)


def _begun(draft: Draft, at: datetime) -> datetime:
    """When the run begins. A job that keeps only its newest run tells which one that is by when each was decided."""
    now = draft.situation.now
    return now if draft.situation.job.spec.concurrency is Concurrency.REPLACE else start_of_request(at, now)


def _entry(draft: Draft, request: Request) -> Active:
    job, at = draft.situation.job, request.at or draft.situation.now
    return requested(request.id, at).entry(uid=job.uid, name=job.name, at=_begun(draft, at))


def _forget_refused(draft: Draft, request: Request, entry: Active) -> None:
    if entry.job in draft.situation.persisted.refused:
        draft.forget.append(request.id)
    else:
        # Without its annotation, nothing would tell the next process that it is still to be counted.
        draft.settle = True


def _decide(draft: Draft, request: Request, entry: Active) -> None:
    problem = draft.situation.problem
    if problem is not None:
        _refuse(draft, request, entry, Skip(SkipReason.NOT_READY, problem.message))
        return
    wanted = decide_request(draft.situation.job, active=busy(draft), force=request.force)
    decision = Skip(SkipReason.SUCCEEDED) if is_over(draft) else wanted
    create = decision if isinstance(decision, Skip) else creation(draft, entry, decision)
    if isinstance(create, Skip):
        _refuse(draft, request, entry, create)
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


def _refuse(draft: Draft, request: Request, entry: Active, skip: Skip) -> None:
    if len(draft.status.refused) >= AT_ONCE:
        _unask(draft)
    if len(draft.status.refused) >= AT_ONCE:
        # The annotations of these go now, and the next plan has room.
        return
    draft.settle = True
    draft.note(Refused(skip.reason, min(entry.slot, draft.situation.now), entry.job))
    _tell(draft, request, skip.why or _WHY[skip.reason])


def _tell(draft: Draft, request: Request, why: str) -> None:
    draft.warn("RunRefused", f"{RUN_PREFIX}{request.id}: {why}", request.id)
