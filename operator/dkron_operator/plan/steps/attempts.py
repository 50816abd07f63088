"""Attempts that exist or are claimed: adopt, record and retry them, and complete what a crash left half done."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from dkron_crds.job import Attempt, AttemptState, SkipReason, Trigger
from dkron_crds.schedule.instants import shifted
from dkron_crds.stops import STOPPED
from dkron_operator.notifications import notices
from dkron_operator.plan.actions import (
    BeginCall,
    CancelCall,
    CreateJob,
    DeleteJob,
    ReadOutcome,
    ReadRun,
    WriteStatus,
)
from dkron_operator.plan.decide import refuses_requests, start_deadline
from dkron_operator.plan.plan import NEWER_RUN, Plan, cancelled
from dkron_operator.plan.situation.cause import ON_REQUEST, is_call
from dkron_operator.plan.situation.view import AttemptJob, Outcome, Situation
from dkron_operator.plan.status.changes import Decided, Dropped, Finished, Refused, SlotsSkipped
from dkron_operator.plan.status.fold import recorded
from dkron_operator.plan.status.line import Dequeued, dequeued, line_of, run_of
from dkron_operator.plan.steps import kueue
from dkron_operator.plan.steps.dependents import has_room
from dkron_operator.plan.steps.line import may_begin, plan_line
from dkron_operator.plan.steps.probing import plan_probe
from dkron_operator.plan.steps.quota import given_up, may_ask
from dkron_operator.plan.steps.replacing import is_replaced, older_jobs
from dkron_operator.plan.steps.retries import due, retry_of
from dkron_operator.plan.steps.stop_requests import stop_of, stopped
from dkron_pods.inline import is_inline
from dkron_processors import of_job

A_MOMENT = timedelta(seconds=1)
"""The time between two looks for DkronRuns that are still being listed."""
UNSCHEDULABLE = "Unschedulable"
"""The scheduler's reason for a pod that fits on no node."""
NODE_GONE = "NodeGone"
"""The reason of an attempt that ends because the node it was pinned to left the cluster."""
RUN_DELETED = "RunDeleted"
"""The reason of an attempt that was claimed and has no values for its parameters any more."""
UNKNOWN = "Unknown"
"""The reason of an inline call that may have been made or not."""
UNRECORDED = "the operator ended before it recorded the call; the call may or may not have been made"
LOST_PARAMETERS = "its DkronRun, which gave the values of its parameters, was deleted"


def plan_attempts(plan: Plan) -> None:
    """Bring `active` and `executions` in line with the Jobs that exist."""
    done = recorded(plan.status)
    attempts = [attempt for attempt in plan.situation.attempts.values() if attempt.name not in done]
    attempts.sort(key=lambda attempt: attempt.created)
    entries = _entries(plan, attempts)
    plan.record_started(entries)
    for attempt, entry in zip(attempts, entries, strict=True):
        _follow(plan, attempt, entry)
    unseen = [entry for entry in plan.status.active if entry.job not in plan.situation.attempts]
    for entry in unseen:
        if is_call(entry) and entry.job not in plan.situation.outcomes:
            _called(plan, entry)
        elif not entry.is_claim or entry.job in plan.situation.outcomes:
            _missing(plan, entry)
    plan_line(plan)
    # Read `active` again: an attempt that ended above may have claimed its retry.
    for entry in plan.status.active:
        if entry.is_claim and entry.job not in plan.situation.attempts:
            _claimed(plan, entry)
    if plan.situation.unconfirmed_create is not None:
        _unsure(plan, plan.situation.unconfirmed_create)


def _entries(plan: Plan, attempts: Sequence[AttemptJob]) -> list[Attempt]:
    """Their entries in `active`: those that it has, and new ones."""
    known = {(entry.job, entry.uid): entry for entry in plan.status.active}
    return [kueue.entry_of(known.get((each.name, each.uid)), each, plan.situation.now) for each in attempts]


def _follow(plan: Plan, attempt: AttemptJob, entry: Attempt) -> None:
    """Process one Job with its entry in `active`."""
    if attempt.finished and not _stopping(plan, attempt, entry):
        _end(plan, entry)
    elif attempt.gone and attempt.name in plan.situation.final_output:
        # The stop has followed its pod to the end.
        _record_lost(plan, entry)
    elif attempt.gone:
        _missing(plan, entry)
    elif attempt.state is AttemptState.QUEUED and not attempt.deleting:
        kueue.plan_queued(plan, attempt, entry)
    elif attempt.deleting or attempt.pending:
        if not attempt.deleting and _is_stranded(plan, attempt):
            plan.do(DeleteJob(attempt))
        else:
            plan_probe(plan, attempt)


def _is_stranded(plan: Plan, attempt: AttemptJob) -> bool:
    """Whether its pod was never scheduled and its node is gone: it would wait forever."""
    trouble = plan.situation.pod_problems.get(attempt.name)
    return trouble is not None and trouble.reason == UNSCHEDULABLE and _is_gone(plan, attempt.node)


def _is_gone(plan: Plan, node: str) -> bool:
    nodes = plan.situation.nodes
    return bool(node) and nodes is not None and node not in nodes


def _stopping(plan: Plan, attempt: AttemptJob, entry: Attempt) -> bool:
    # Its pod is killed, which the Job controller takes for a failure. The attempt is over when the pod is, and the Job
    # stays until then.
    # An end before the deletion stays its outcome.
    return attempt.deleting and not attempt.ended_before_its_deletion and stop_of(plan.situation.job, entry) is not None


def _end(plan: Plan, entry: Attempt) -> None:
    outcome = plan.situation.outcomes.get(entry.job)
    if outcome is None:
        plan.do(ReadOutcome(entry.job))
        return
    final = outcome.success or stop_of(plan.situation.job, entry) is not None
    retry = None if final else retry_of(plan, entry, outcome)
    if retry is not None or is_call(entry) or has_room(plan):
        # If there is no room, its Job stays until it is recorded.
        _record_end(plan, entry, outcome, retry)


def _called(plan: Plan, entry: Attempt) -> None:
    """Process an inline call without an outcome."""
    situation, stop = plan.situation, stop_of(plan.situation.job, entry)
    if entry.job in situation.calls_running:
        if stop is not None:
            plan.do(CancelCall(entry.job))
    elif situation.caller and situation.caller == entry.uid and is_inline(situation.job.spec) and stop is None:
        # The claim was accepted, and its answer lost.
        if (end := _hopeless(plan, entry)) is not None:
            plan.record(_ended(plan, entry, end))
        elif not _waits_for_its_run(plan, entry):
            plan.do(BeginCall(entry))
    elif situation.caller or situation.policy_violation is not None or not is_inline(situation.job.spec):
        if stop is not None:
            _record_lost(plan, entry)
        else:
            outcome = Outcome(success=False, finished_at=situation.now, reason=UNKNOWN, message=UNRECORDED)
            _record_end(plan, entry, outcome, retry_of(plan, entry, outcome))


def _missing(plan: Plan, entry: Attempt) -> None:
    outcome = plan.situation.outcomes.get(entry.job)
    if outcome is not None and outcome.lost:
        _record_lost(plan, entry)
    else:
        _end(plan, entry)


def _record_lost(plan: Plan, entry: Attempt) -> None:
    stop = stop_of(plan.situation.job, entry)
    if stop is not None:
        outcome = stopped(plan, entry, stop)
        if outcome.by_itself:
            _record_end(plan, entry, outcome)
        else:
            plan.record(_ended(plan, entry, outcome))
        return
    if is_replaced(plan, entry):
        reason, message = "Replaced", "deleted in favour of a newer run"
    elif _is_gone(plan, entry.node_name):
        reason, message = NODE_GONE, _without_node(entry)
    elif (end := kueue.ending(plan, entry)) is not None:
        late = end.reason == SkipReason.DEADLINE_EXCEEDED
        _record_end(plan, entry, end, None if late else retry_of(plan, entry, end))
        return
    else:
        # A user who deletes a Job wants it to stop, so there is no further attempt.
        reason, message = "JobLost", f"Job {entry.job} was deleted before it ended"
    outcome = Outcome(success=False, finished_at=plan.situation.now, reason=reason, message=message, lost=True)
    _record_end(plan, entry, outcome)


def _record_end(plan: Plan, entry: Attempt, outcome: Outcome, retry: Attempt | None = None) -> None:
    plan.record(_ended(plan, entry, outcome, retry))
    if not outcome.success:
        _report_failure(plan, entry, outcome, retry)


def _claimed(plan: Plan, entry: Attempt) -> None:
    job, now = plan.situation.job, plan.situation.now
    stop = stop_of(job, entry)
    if stop is not None:
        if plan.create is None:
            plan.create = _withdrawn(plan, entry, stopped(plan, entry, stop))
    elif entry.state is AttemptState.WAITING:
        _queued(plan, entry)
    elif entry.attempt > 1 and (why := _cancelled(plan, entry)):
        plan.record(Dropped(entry.job))
        plan.do(cancelled(entry, why))
    elif entry.attempt > 1 and (at := due(plan, entry)) > now:
        # First ones are due when they are claimed, even if the clock was set back since.
        plan.wake_at(at)
    elif plan.create is None and not _waits_for_its_run(plan, entry):
        late = entry.attempt > 1 and entry.started_at > now
        create = _complete(plan, entry.model_copy(update={"started_at": now}) if late else entry)
        # The run has begun, or some of its members may have: it keeps its claim, and its places in pools.
        if (entry.attempt > 1 or entry.member) and not (create.late or may_ask(plan, entry)):
            _wait_for_room(plan, entry)
        else:
            plan.start(create)


def _queued(plan: Plan, entry: Attempt) -> None:
    """Process a claim that waits in line: its run begins, if it needs no place or has been granted one."""
    if plan.may_lack_room and (older := older_jobs(plan, entry)):
        # They make room for it now. It gets their places, or others, like any other run.
        if entry not in plan.situation.persisted.active:
            plan.do(WriteStatus())
        elif plan.create is None and plan.hold is None and plan.situation.problem is None:
            plan.create = CreateJob(entry, replaces=older, late=True)
    elif may_begin(plan, entry) and not _waits_for_its_run(plan, entry):
        if not may_ask(plan, entry):
            _wait_for_room(plan, entry)
        elif plan.create is None and plan.places.has_turn(run_of(entry)):
            plan.start(_from_line(plan, entry))
        else:
            plan.ready.append(entry)


def _wait_for_room(plan: Plan, entry: Attempt) -> None:
    outcome = given_up(plan, entry)
    if outcome is not None and plan.create is None:
        plan.create = _withdrawn(plan, entry, outcome)
        _report_failure(plan, entry, outcome, None)


def _from_line(plan: Plan, entry: Attempt) -> CreateJob:
    """Take the run of this entry from the line, and create its first Job."""
    run, now = run_of(entry), plan.situation.now
    entries = next(entries for entries in line_of(plan.status.active) if run_of(entries[0]) == run)
    return replace(_complete(plan, dequeued(entry, now)), before=(Dequeued(entries, now),))


def _cancelled(plan: Plan, entry: Attempt) -> str:
    """Why a retry is not made; empty if it is."""
    if plan.situation.job.spec.disabled:
        return "the job was disabled"
    if plan.situation.problem is not None:
        return plan.situation.problem.message
    if _has_lost_parameters(plan, entry):
        return LOST_PARAMETERS
    return NEWER_RUN if is_replaced(plan, entry) else ""


def _waits_for_its_run(plan: Plan, entry: Attempt) -> bool:
    """Whether its DkronRun has to be read first: the Job carries its name, and the values that it gives."""
    runs = plan.situation.runs
    run = runs.by_group(entry.group)
    if run is None:
        if entry.trigger in ON_REQUEST and runs.awaited:
            # If none of them is of this job, nothing says when they are there.
            plan.wake_at(shifted(plan.situation.now, A_MOMENT))
            return True
        return entry.parameters_given and not runs.listed
    if not entry.parameters_given or run.values is not None:
        return False
    plan.do(ReadRun(run.uid))
    return True


def _has_lost_parameters(plan: Plan, entry: Attempt) -> bool:
    runs = plan.situation.runs
    return entry.parameters_given and runs.listed and runs.by_group(entry.group) is None


def _complete(plan: Plan, entry: Attempt) -> CreateJob:
    given_up = (Dropped(entry.job, SkipReason.DEADLINE_EXCEEDED),)
    older = older_jobs(plan, entry)
    if (end := _hopeless(plan, entry)) is not None:
        _report_failure(plan, entry, end, None)
        return CreateJob(entry, replaces=older, late=True, otherwise=(_ended(plan, entry, end),))
    return CreateJob(entry, replaces=older, late=_too_late(plan, entry), otherwise=given_up)


def _withdrawn(plan: Plan, entry: Attempt, outcome: Outcome) -> CreateJob:
    """Only check whether the Job exists after all; if it does, it goes on, or is stopped like any other."""
    now = plan.situation.now
    began = now if entry.state is AttemptState.WAITING else min(entry.started_at, now)
    never = entry.model_copy(update={"started_at": began})
    return CreateJob(entry, late=True, otherwise=(_ended(plan, never, outcome),))


def _hopeless(plan: Plan, entry: Attempt) -> Outcome | None:
    """How a member ends whose Job will not be created any more. It counts for its group as a failed run."""
    now = plan.situation.now
    if entry.member and _too_late(plan, entry):
        message = "it did not start within its start deadline"
        return Outcome(success=False, finished_at=now, reason=SkipReason.DEADLINE_EXCEEDED, message=message)
    if _is_gone(plan, entry.node_name):
        return Outcome(success=False, finished_at=now, reason=NODE_GONE, message=_without_node(entry))
    if _has_lost_parameters(plan, entry):
        return Outcome(success=False, finished_at=now, reason=RUN_DELETED, message=LOST_PARAMETERS)
    return None


def _without_node(entry: Attempt) -> str:
    return f"node {entry.node_name}, to which tags pin this attempt, no longer exists"


def _unsure(plan: Plan, entry: Attempt) -> None:
    if entry.job in plan.situation.attempts or plan.create is not None or _waits_for_its_run(plan, entry):
        return
    scheduled, hold = entry.trigger is Trigger.SCHEDULE, plan.hold
    if scheduled and hold is not None:
        # If its Job was not created, the slot stays undecided like all that come due in the pause.
        plan.create = CreateJob(entry, after=(Decided(entry.slot),), late=True)
        return
    why = SkipReason.DEADLINE_EXCEEDED if _too_late(plan, entry) else _unwanted(plan, entry)
    reason = why or SkipReason.MISSED
    plan.create = CreateJob(
        entry,
        after=(Decided(entry.slot),) if scheduled else (),
        late=why is not None,
        otherwise=(SlotsSkipped(entry.slot, reason),)
        if scheduled
        else (Refused(reason, min(entry.slot, plan.situation.now), entry.job),),
    )


def _unwanted(plan: Plan, entry: Attempt) -> SkipReason | None:
    """Why the attempt is no longer wanted: the job was disabled, broken or rescheduled since the create call."""
    job, since = plan.situation.job, plan.status.since
    silent = refuses_requests(job) if entry.trigger in ON_REQUEST else job.spec.disabled
    run = plan.situation.runs.by_group(entry.group)
    if silent and not (run is not None and run.force):
        return SkipReason.DISABLED
    if _has_lost_parameters(plan, entry):
        return SkipReason.INVALID_PARAMETERS
    rescheduled = entry.trigger is Trigger.SCHEDULE and since is not None and entry.slot <= since
    return SkipReason.MISSED if rescheduled or plan.situation.problem is not None else None


def _too_late(plan: Plan, entry: Attempt) -> bool:
    deadline = start_deadline(plan.situation.job)
    scheduled = entry.trigger is Trigger.SCHEDULE and entry.attempt == 1
    return scheduled and deadline is not None and plan.situation.now - entry.slot > deadline


def _ended(plan: Plan, entry: Attempt, outcome: Outcome, retry: Attempt | None = None) -> Finished:
    return finished(plan.situation, _execution(entry, outcome), retry)


def finished(situation: Situation, execution: Attempt, retry: Attempt | None) -> Finished:
    """The record of this attempt. If a processor stores the output elsewhere, a note of where replaces the output. The
    record says whether a delivery is outstanding, so that a crash does not lose it."""
    job, site = situation.job, situation.site
    deliver = of_job.takes_output(job.spec, site) or notices.concerns(situation.endpoints, job.notify)
    return Finished(of_job.kept(job.spec, site, job.namespace, execution), retry, deliver=deliver)


def _execution(entry: Attempt, outcome: Outcome) -> Attempt:
    began = _began(entry, outcome)
    return Attempt(
        id=entry.id,
        job=entry.job,
        state=_end_state(entry, outcome),
        slot=entry.slot,
        trigger=entry.trigger,
        group=entry.group,
        attempt=entry.attempt,
        started_at=began,
        queued_at=entry.queued_at,
        finished_at=max(outcome.finished_at, began),
        exit_code=outcome.exit_code,
        reason=outcome.reason,
        message=outcome.message,
        node_name=outcome.node_name or entry.node_name,
        member=entry.member,
        output=outcome.output,
        output_truncated=outcome.output_truncated,
    )


def _end_state(entry: Attempt, outcome: Outcome) -> AttemptState:
    if outcome.success:
        return AttemptState.SUCCEEDED
    never = entry.is_claim or _was_never_admitted(entry, outcome)
    return AttemptState.CANCELLED if never and outcome.reason == STOPPED else AttemptState.FAILED


def _was_never_admitted(entry: Attempt, outcome: Outcome) -> bool:
    return entry.state is AttemptState.QUEUED and not entry.evictions and outcome.started_at is None


def _began(entry: Attempt, outcome: Outcome) -> datetime:
    """When the attempt began; one that Kueue has never admitted, when it ended."""
    if entry.evictions:
        # Its last pod began later.
        return entry.started_at
    if _was_never_admitted(entry, outcome):
        return outcome.finished_at
    # Kubelets tell whole seconds, so a container may seem to have started before its Job was asked for.
    return max(outcome.started_at or entry.started_at, entry.started_at)


def _report_failure(plan: Plan, entry: Attempt, outcome: Outcome, retry: Attempt | None) -> None:
    code = "" if outcome.exit_code is None else f", exit code {outcome.exit_code}"
    detail = f": {outcome.message}" if outcome.message else ""
    replaced = not retry and entry.attempt <= plan.situation.job.spec.retries and is_replaced(plan, entry)
    then = f"; attempt {retry.attempt} follows" if retry else f"; no retry follows: {NEWER_RUN}" if replaced else ""
    whose = f" of member {entry.member}" if entry.member else ""
    message = f"attempt {entry.attempt}{whose} failed ({outcome.reason}{code}){detail}{then}"
    plan.warn("ExecutionFailed", message, entry.job)
