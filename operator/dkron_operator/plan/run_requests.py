"""Runs that a person asked for by annotation: each becomes one Job, or is refused with a reason, and is forgotten.

A refusal is counted in the status before its annotation goes, under the name that its Job would have had. So it is
counted once, whoever dies in between.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from dkron_crds.attempt_names import start_of_request
from dkron_crds.job import Active, Concurrency, Execution, SkipReason, Trigger
from dkron_crds.requests import RUN_PREFIX, Request
from dkron_crds.schedule.errors import quoted
from dkron_crds.status import MAX_REFUSED
from dkron_operator.plan.cause import requested
from dkron_operator.plan.decide import MOST_ACTIVE, Skip, decide_request
from dkron_operator.plan.fold import Refused, Unasked, recorded
from dkron_operator.plan.inline_calls import is_call
from dkron_operator.plan.plan import Draft, busy, creation
from dkron_operator.plan.upstream_runs import is_over
from dkron_operator.plan.view import Run

MOST_AT_ONCE = 100
"""Requests that one plan looks at."""
AT_ONCE = MAX_REFUSED // 2
"""How many requests are refused by one plan at most: the annotations of those before them have to go first."""
_WHY = {
    SkipReason.DISABLED: "the job is disabled",
    SkipReason.CONCURRENCY_FORBIDDEN: "the job is running, and its concurrency is forbid",
    SkipReason.TOO_MANY_ACTIVE: f"{MOST_ACTIVE} of its attempts are active",
    SkipReason.SUCCEEDED: "the job is ephemeral, has had its run, and is being deleted",
}


def plan_requests(draft: Draft) -> None:
    """The first request that needs a Job gets one; those that have theirs lose their annotation. Of many requests the
    oldest are planned: when their annotations have gone, the others have their turn."""
    known = _Known.of(draft)
    for request in draft.situation.job.requests[:MOST_AT_ONCE]:
        _plan_request(draft, request, known)


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


def _plan_request(draft: Draft, request: Request, known: "_Known") -> None:
    if request.at is None:
        why = f"{quoted(request.text)} does not begin with an RFC 3339 time with a zone in the years 1970 to 2261"
        _tell(draft, request, why)
        draft.forget.append(request.id)
        return
    entry = _entry(draft, request)
    if entry.job in known.over or (entry.trigger, entry.group) in known.with_members:
        draft.forget.append(request.id)
    elif entry.job in draft.status.refused:
        _forget_refused(draft, request, entry)
    elif draft.create is None and entry.job not in known.claimed:
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


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of earlier requests, gathered once for all of them: Jobs of those that have theirs (`over`), of
    those that are `claimed`, and groups that were decided to be several Jobs (`with_members`): once these are claimed,
    they come without being asked for."""

    over: AbstractSet[str]
    claimed: AbstractSet[str]
    with_members: AbstractSet[tuple[Trigger, int]]

    @classmethod
    def of(cls, draft: Draft) -> "_Known":
        status, runs = draft.status, draft.situation.runs
        attempts: Iterable[Active | Run | Execution] = chain(status.active, runs.values(), status.executions)
        return cls(
            over=recorded(status) | runs.keys() | {entry.job for entry in status.active if is_call(entry)},
            claimed={entry.job for entry in status.active if not entry.uid},
            with_members={(each.trigger, each.group) for each in attempts if each.member},
        )


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
