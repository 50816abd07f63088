"""Runs that a user requested, by annotation or by a DkronRun: each becomes one Job, or is refused with a reason. Then
the annotation goes, or the status of the DkronRun says that it was decided.

A refusal is counted in the status before that, under the name that its Job would have had. So it is counted once,
whatever crashes in between.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice

from dkron_crds.attempt_names import start_of_request
from dkron_crds.job import Attempt, AttemptState, Concurrency, SkipReason, Trigger
from dkron_crds.parameter_places import run_problem
from dkron_crds.requests import RUN_PREFIX, Request
from dkron_crds.schedule.errors import quoted
from dkron_crds.status import MAX_REFUSED
from dkron_operator.plan.actions import BindRun, ExplainRefusal, RemoveAnnotation, WriteStatus
from dkron_operator.plan.decide import MOST_ACTIVE, Decision, Skip, decide_request
from dkron_operator.plan.plan import Plan, busy, creation, is_over_for_good
from dkron_operator.plan.situation.cause import RunKey, is_call, requested
from dkron_operator.plan.situation.requested_runs import RequestedRun
from dkron_operator.plan.situation.view import AttemptJob
from dkron_operator.plan.status.changes import Forgotten, Refused
from dkron_operator.plan.status.fold import recorded
from dkron_operator.plan.status.line import run_of
from dkron_operator.plan.steps.dependents import is_over
from dkron_operator.plan.steps.pauses import refused_by_pause

MOST_AT_ONCE = 100
"""How many annotations one plan looks at."""
MOST_RUNS_AT_ONCE = 8
"""How many DkronRuns one plan looks at that were not decided. Each is bound to the job first."""
AT_ONCE = MAX_REFUSED // 2
"""How many refusals the status holds at most before the annotations of the earlier ones have to go."""
_WHY = {
    SkipReason.DISABLED: "the job is disabled",
    SkipReason.CONCURRENCY_FORBIDDEN: "the job is running, and its concurrency is forbid",
    SkipReason.TOO_MANY_ACTIVE: f"{MOST_ACTIVE} of its attempts are active",
    SkipReason.QUEUE_FULL: "as many runs wait in line as spec.queue.max allows",
    SkipReason.SUCCEEDED: "the job is ephemeral, has succeeded, and is being deleted",
}


def plan_requests(plan: Plan) -> None:
    """Create a Job for the first request that needs one, and remove the annotations of those that have theirs. If there
    are many, the oldest are planned first; the others follow once those are dealt with."""
    known = _Known.from_plan(plan)
    for request in plan.situation.job.requests[:MOST_AT_ONCE]:
        _plan_request(plan, request, known)
    # Those that have their Jobs, or are refused, wait only for their statuses to say so.
    job = plan.situation.job
    mine = (run for run in plan.situation.runs.undecided if run.is_for(job.name, job.uid))
    waiting = (run for run in mine if not _is_settled(plan, run, known))
    # They are decided in the order of their creation: they may join a line.
    to_be_bound: list[datetime] = []
    for run in islice(waiting, MOST_RUNS_AT_ONCE):
        if run.values is None or run.status.dkron_job is None:
            # DkronRuns of one second are bound one by one: their versions tell another process their order.
            if run.status.dkron_job is not None or run.created not in to_be_bound:
                # A list may be old, and the run decided since, recorded and forgotten: perhaps by another job of this
                # name.
                plan.do(BindRun(run.uid, job.uid))
            to_be_bound.append(run.created)
        elif not to_be_bound and plan.create is None:
            _plan_run(plan, run)


def plan_withdrawn_requests(plan: Plan) -> None:
    """Forget the refusals whose annotations are gone, or whose DkronRuns say so."""
    # Leftovers are harmless: they go with a write that happens anyway, once no process can count them again.
    if plan.changes and plan.status.refused and not plan.made_room:
        _unask(plan, _standing(plan).keys() | plan.situation.unsettled)


def _standing(plan: Plan) -> dict[str, Request]:
    """The annotations that can be read, by the names that their Jobs have or would have."""
    job = plan.situation.job
    causes = ((request, requested(request.id, request.at)) for request in job.requests if request.at is not None)
    return {cause.job_name(uid=job.uid, name=job.name): request for request, cause in causes}


def _unask(plan: Plan, kept: AbstractSet[str]) -> None:
    runs = plan.situation.runs
    # A run that has waited in line was decided, and its DkronRun has yet to say that it was dropped.
    asked = kept | {_first_job(plan, run) for run in (*runs.undecided, *runs.decided.values())}
    gone = frozenset(plan.status.refused) - asked
    if gone and plan.situation.runs.listed:
        plan.record(Forgotten("refused", gone))


def _make_room(plan: Plan) -> None:
    """Forget the refusals whose requests are gone, once in a plan: there may be thousands of annotations. If that is
    not enough, have the annotations of the others removed."""
    if plan.made_room:
        return
    plan.made_room = True
    standing = _standing(plan)
    _unask(plan, standing.keys())
    if len(plan.status.refused) >= AT_ONCE:
        # A user who has edited the status by hand may have named requests that are not among the oldest.
        for name in islice((name for name in plan.status.refused if name in standing), MOST_AT_ONCE):
            _forget_refused(plan, standing[name], name)


def _plan_request(plan: Plan, request: Request, known: "_Known") -> None:
    if request.at is None:
        why = f"{quoted(request.text)} does not begin with an RFC 3339 time with a zone in the years 1970 to 2261"
        plan.warn("RunRefused", why, RUN_PREFIX + request.id)
        plan.do(RemoveAnnotation(RUN_PREFIX + request.id))
        return
    job = plan.situation.job
    entry = requested(request.id, request.at).entry(uid=job.uid, name=job.name, at=_begun(plan, request.at))
    if known.has(entry.job, entry.trigger, entry.group):
        plan.do(RemoveAnnotation(RUN_PREFIX + request.id))
    elif entry.job in plan.status.refused:
        _forget_refused(plan, request, entry.job)
    elif plan.create is None and not known.is_claimed(entry.job, entry.trigger, entry.group):
        _decide(plan, _Asked(entry, RUN_PREFIX + request.id, force=request.force))


def _is_settled(plan: Plan, run: RequestedRun, known: "_Known") -> bool:
    """Whether the run has begun, is claimed or is refused."""
    name = _first_job(plan, run)
    claimed = known.is_claimed(name, run.trigger, run.group)
    return claimed or known.has(name, run.trigger, run.group) or name in plan.status.refused


def _plan_run(plan: Plan, run: RequestedRun) -> None:
    job, begun = plan.situation.job, _begun(plan, run.created)
    entry = run.cause.entry(uid=job.uid, name=job.name, at=begun, given=run.parameters_given)
    _decide(plan, _Asked(entry, f"DkronRun {run.name}", force=run.force, run=run))


def _first_job(plan: Plan, run: RequestedRun) -> str:
    job = plan.situation.job
    return run.cause.job_name(uid=job.uid, name=job.name)


def _begun(plan: Plan, at: datetime) -> datetime:
    """When the run begins; with concurrency replace, the time of the decision, which tells the newest run."""
    now = plan.situation.now
    return now if plan.situation.job.spec.concurrency is Concurrency.REPLACE else start_of_request(at, now)


def _forget_refused(plan: Plan, request: Request, job: str) -> None:
    if job in plan.situation.persisted.refused:
        plan.do(RemoveAnnotation(RUN_PREFIX + request.id))
    else:
        # Without its annotation, nothing would tell the next process that it is still to be counted.
        plan.do(WriteStatus())


def _decide(plan: Plan, asked: "_Asked") -> None:
    if plan.waits():
        return
    problem = plan.situation.problem
    if problem is not None:
        _refuse(plan, asked, Skip(SkipReason.NOT_READY, problem.message))
        return
    unfit = run_problem(plan.situation.job.spec, asked.values)
    if unfit:
        _refuse(plan, asked, Skip(SkipReason.INVALID_PARAMETERS, unfit))
        return
    wanted = refused_by_pause(plan, force=asked.force) or _by_policy(plan, asked)
    decision = Skip(SkipReason.SUCCEEDED) if is_over(plan) else wanted
    create = decision if isinstance(decision, Skip) else creation(plan, asked.entry, decision)
    if isinstance(create, Skip):
        _refuse(plan, asked, create)
    else:
        plan.start(create)


def _by_policy(plan: Plan, asked: "_Asked") -> Decision:
    revive, beside = asked.force and asked.run is not None, asked.entry.trigger is Trigger.BACKFILL
    return decide_request(plan.situation.job, active=busy(plan), force=asked.force, revive=revive, beside=beside)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request for a run, however it was made."""

    entry: Attempt
    """Its first attempt."""

    title: str
    """What Events call it."""

    force: bool = False
    run: RequestedRun | None = None
    """The DkronRun; None for an annotation."""

    @property
    def values(self) -> Mapping[str, str]:
        """The values that it gives to parameters."""
        return {} if self.run is None else self.run.values or {}


@dataclass(frozen=True, slots=True)
class _Known:
    """Traces of earlier requests, gathered once for all of them."""

    over: AbstractSet[str]
    """Names of the Jobs or inline calls of requests that have had theirs, or wait in line for them."""

    claimed: AbstractSet[str]
    """Names of the Jobs that are claimed but not seen."""

    in_line: AbstractSet[RunKey]
    """Runs that wait in line, also where no other process knows of them yet."""

    with_members: AbstractSet[RunKey]
    """Groups that became several Jobs. Once these are claimed, they are created without the request."""

    def has(self, job: str, trigger: Trigger, group: int) -> bool:
        """Whether the request with this group, whose first Job has this name, has had its run."""
        return job in self.over or (trigger, group) in self.with_members

    def is_claimed(self, job: str, trigger: Trigger, group: int) -> bool:
        """Whether the request with this group, whose first Job has this name, is claimed or waits in line."""
        return job in self.claimed or (trigger, group) in self.in_line

    @classmethod
    def from_plan(cls, plan: Plan) -> "_Known":
        status, jobs = plan.status, plan.situation.attempts
        queued = {entry.job for entry in plan.situation.persisted.active if entry.queued_at is not None}
        # A run that has just joined the line is nowhere but in this process.
        active = [entry for entry in status.active if entry.state is not AttemptState.WAITING or entry.job in queued]
        attempts: Iterable[AttemptJob | Attempt] = chain(active, jobs.values(), status.executions)
        return cls(
            over=recorded(status) | jobs.keys() | {entry.job for entry in status.active if is_call(entry)} | queued,
            claimed={entry.job for entry in status.active if entry.is_claim},
            in_line={run_of(entry) for entry in status.active if entry.state is AttemptState.WAITING},
            with_members={(each.trigger, each.group) for each in attempts if each.member},
        )


def _why(plan: Plan, skip: Skip) -> str:
    active = [entry for entry in plan.status.active if not is_over_for_good(plan, entry)]
    waits = bool(active) and all(each.state in (AttemptState.WAITING, AttemptState.QUEUED) for each in active)
    if skip.reason is SkipReason.CONCURRENCY_FORBIDDEN and waits:
        return "the job has a run that waits, and its concurrency is forbid"
    return skip.why or _WHY[skip.reason]


def _refuse(plan: Plan, asked: _Asked, skip: Skip) -> None:
    if len(plan.status.refused) >= AT_ONCE:
        _make_room(plan)
    if len(plan.status.refused) >= AT_ONCE:
        # The annotations of these go now, and the next plan has room.
        return
    plan.refuses = True
    plan.do(WriteStatus())
    plan.record(Refused(skip.reason, min(asked.entry.slot, plan.situation.now), asked.entry.job))
    why = _why(plan, skip)
    plan.warn("RunRefused", why, asked.title)
    if asked.run is not None:
        plan.do(ExplainRefusal(asked.run.uid, skip.reason, why))
