"""Runs that a user requested by annotation: each becomes one Job, or is refused with a reason; then its annotation
goes.

A refusal is counted in the status before its annotation goes, under the name that its Job would have had. So it is
counted once, whatever crashes in between.
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
from dkron_operator.plan.actions import RemoveAnnotation, WriteStatus
from dkron_operator.plan.cause import requested
from dkron_operator.plan.decide import MOST_ACTIVE, Skip, decide_request
from dkron_operator.plan.fold import Refused, Unasked, recorded
from dkron_operator.plan.hold import refused_by_pause
from dkron_operator.plan.inline_calls import is_call
from dkron_operator.plan.plan import Plan, busy, creation
from dkron_operator.plan.upstream_runs import is_over
from dkron_operator.plan.view import AttemptJob

MOST_AT_ONCE = 100
"""How many requests one plan looks at."""
AT_ONCE = MAX_REFUSED // 2
"""How many refusals the status holds at most before the annotations of the earlier ones have to go."""
_WHY = {
    SkipReason.DISABLED: "the job is disabled",
    SkipReason.CONCURRENCY_FORBIDDEN: "the job is running, and its concurrency is forbid",
    SkipReason.TOO_MANY_ACTIVE: f"{MOST_ACTIVE} of its attempts are active",
    SkipReason.SUCCEEDED: "the job is ephemeral, has succeeded, and is being deleted",
}


def plan_requests(plan: Plan) -> None:
    """Create a Job for the first request that needs one, and remove the annotations of those that have theirs. If there
    are many, the oldest are planned first; the others follow once those annotations are gone."""
    known = _Known.of(plan)
    for request in plan.situation.job.requests[:MOST_AT_ONCE]:
        _plan_request(plan, request, known)


def plan_unasking(plan: Plan) -> None:
    """Forget the refusals whose annotations are gone."""
    # They do no harm: they leave with a write that is made anyway.
    if plan.changes and plan.status.refused:
        _unask(plan)


def _unask(plan: Plan) -> None:
    job = plan.situation.job
    asked = {_entry(plan, request).job for request in job.requests if request.at is not None}
    gone = frozenset(plan.status.refused) - asked
    if gone:
        plan.note(Unasked(gone))


def _plan_request(plan: Plan, request: Request, known: "_Known") -> None:
    if request.at is None:
        why = f"{quoted(request.text)} does not begin with an RFC 3339 time with a zone in the years 1970 to 2261"
        _tell(plan, request, why)
        plan.do(RemoveAnnotation(RUN_PREFIX + request.id))
        return
    entry = _entry(plan, request)
    if entry.job in known.over or (entry.trigger, entry.group) in known.with_members:
        plan.do(RemoveAnnotation(RUN_PREFIX + request.id))
    elif entry.job in plan.status.refused:
        _forget_refused(plan, request, entry)
    elif plan.create is None and entry.job not in known.claimed:
        _decide(plan, request, entry)


def _begun(plan: Plan, at: datetime) -> datetime:
    """When the run begins. With concurrency replace, it is the time of the decision, because that tells which run is
    the newest."""
    now = plan.situation.now
    return now if plan.situation.job.spec.concurrency is Concurrency.REPLACE else start_of_request(at, now)


def _entry(plan: Plan, request: Request) -> Active:
    job, at = plan.situation.job, request.at or plan.situation.now
    return requested(request.id, at).entry(uid=job.uid, name=job.name, at=_begun(plan, at))


def _forget_refused(plan: Plan, request: Request, entry: Active) -> None:
    if entry.job in plan.situation.persisted.refused:
        plan.do(RemoveAnnotation(RUN_PREFIX + request.id))
    else:
        # Without its annotation, nothing would tell the next process that it is still to be counted.
        plan.do(WriteStatus())


def _decide(plan: Plan, request: Request, entry: Active) -> None:
    if plan.waits():
        return
    problem = plan.situation.problem
    if problem is not None:
        _refuse(plan, request, entry, Skip(SkipReason.NOT_READY, problem.message))
        return
    wanted = refused_by_pause(plan, force=request.force) or decide_request(
        plan.situation.job, active=busy(plan), force=request.force
    )
    decision = Skip(SkipReason.SUCCEEDED) if is_over(plan) else wanted
    create = decision if isinstance(decision, Skip) else creation(plan, entry, decision)
    if isinstance(create, Skip):
        _refuse(plan, request, entry, create)
    else:
        plan.start(create)


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of earlier requests, gathered once for all of them."""

    over: AbstractSet[str]
    """Names of the Jobs or inline calls of requests that have had theirs."""

    claimed: AbstractSet[str]
    """Names of the Jobs that are claimed but not seen."""

    with_members: AbstractSet[tuple[Trigger, int]]
    """Groups that became several Jobs. Once these are claimed, they are created without the request."""

    @classmethod
    def of(cls, plan: Plan) -> "_Known":
        status, jobs = plan.status, plan.situation.attempts
        attempts: Iterable[Active | AttemptJob | Execution] = chain(status.active, jobs.values(), status.executions)
        return cls(
            over=recorded(status) | jobs.keys() | {entry.job for entry in status.active if is_call(entry)},
            claimed={entry.job for entry in status.active if not entry.uid},
            with_members={(each.trigger, each.group) for each in attempts if each.member},
        )


def _refuse(plan: Plan, request: Request, entry: Active, skip: Skip) -> None:
    if len(plan.status.refused) >= AT_ONCE:
        _unask(plan)
    if len(plan.status.refused) >= AT_ONCE:
        # The annotations of these go now, and the next plan has room.
        return
    plan.refuses = True
    plan.do(WriteStatus())
    plan.note(Refused(skip.reason, min(entry.slot, plan.situation.now), entry.job))
    _tell(plan, request, skip.why or _WHY[skip.reason])


def _tell(plan: Plan, request: Request, why: str) -> None:
    plan.warn("RunRefused", f"{RUN_PREFIX}{request.id}: {why}", request.id)
