"""Attempts that exist or are claimed: adopt, record, retry, and complete what a crash has left half done."""

from datetime import timedelta

from dkron_crds.job import Active, Concurrency, Execution, SkipReason, Trigger
from dkron_crds.schedule.instants import shifted
from dkron_crds.stops import Stop
from dkron_operator.executors.inline import is_inline
from dkron_operator.plan.cause import Cause, started_at
from dkron_operator.plan.decide import refuses_requests, start_deadline
from dkron_operator.plan.delivery_state import finished
from dkron_operator.plan.fold import Decided, Dropped, Finished, Passed, Refused, Started, recorded
from dkron_operator.plan.inline_calls import is_call, undecided
from dkron_operator.plan.plan import Create, Draft
from dkron_operator.plan.retries import delay
from dkron_operator.plan.stop_requests import stop_of, stopped
from dkron_operator.plan.upstream_runs import has_room
from dkron_operator.plan.view import Outcome, Run, RunState

PATIENCE = timedelta(seconds=10)
"""How long a pod may take to start before it is asked why, and between two such questions."""
UNSCHEDULABLE = "Unschedulable"
"""What the scheduler says of a pod that fits nowhere."""
NODE_GONE = "NodeGone"
"""Why an attempt that is pinned to a node ends when the node is removed from the cluster."""


def plan_attempts(draft: Draft) -> None:
    """Bring `active` and `executions` in line with the Jobs that exist."""
    known = recorded(draft.status)
    standing = {entry.job: entry for entry in draft.status.active if entry.uid}
    for run in sorted(draft.situation.runs.values(), key=lambda run: run.created):
        if run.name not in known:
            _follow(draft, run, standing.get(run.name))
    unseen = [entry for entry in draft.status.active if entry.job not in draft.situation.runs]
    for entry in unseen:
        if is_call(entry):
            _called(draft, entry)
        elif entry.uid or entry.job in draft.situation.outcomes:
            _missing(draft, entry)
    # Read anew: what has ended above may have claimed the attempt that follows.
    for entry in draft.status.active:
        if not entry.uid and entry.job not in draft.situation.runs:
            _claimed(draft, entry)
    if draft.situation.unsure is not None:
        _unsure(draft, draft.situation.unsure)


def _follow(draft: Draft, run: Run, standing: Active | None) -> None:
    """`standing` is its line in `active`, if it has one: most have, and need no other."""
    if standing is not None and standing.uid == run.uid:
        entry = standing
    else:
        entry = run.entry(started_at(run.id))
        draft.note(Started(entry))
    if run.finished and not _stopping(draft, run, entry):
        _end(draft, entry)
    elif run.gone and run.name in draft.situation.last_words:
        # Who stopped it has listened to its pod.
        _lose(draft, entry)
    elif run.gone:
        _missing(draft, entry)
    elif run.deleting or run.state is RunState.WAITING:
        if not run.deleting and _is_stranded(draft, run):
            draft.delete.append(run)
        else:
            _probe(draft, run)


def _is_stranded(draft: Draft, run: Run) -> bool:
    """Whether its pod was never scheduled, and its node is gone: it would wait for ever."""
    trouble = draft.situation.troubles.get(run.name)
    return trouble is not None and trouble.reason == UNSCHEDULABLE and _is_gone(draft, run.node)


def _is_gone(draft: Draft, node: str) -> bool:
    nodes = draft.situation.nodes
    return bool(node) and nodes is not None and node not in nodes


def _stopping(draft: Draft, run: Run, entry: Active) -> bool:
    # Its pod is killed, which the Job controller takes for a failure. The attempt is over when the pod is, and the Job
    # stays until then.
    # What it was before the deletion is its outcome all the same.
    return run.deleting and not run.ended_before_its_deletion and stop_of(draft.situation.job, entry) is not None


def _probe(draft: Draft, run: Run) -> None:
    due = draft.situation.probed.get(run.name, run.created) + PATIENCE
    if due <= draft.situation.now:
        draft.probe.append(run.name)
    else:
        draft.wake_at(due)


def _end(draft: Draft, entry: Active) -> None:
    outcome = draft.situation.outcomes.get(entry.job)
    if outcome is None:
        draft.gather.append(entry.job)
        return
    final = outcome.success or _replaced(draft, entry) or stop_of(draft.situation.job, entry) is not None
    retry = None if final else _retry(draft, entry, outcome)
    if retry is None and not (is_call(entry) or has_room(draft)):
        # Its Job stays until it is recorded.
        return
    draft.note(_ended(draft, entry, outcome, retry))
    if not outcome.success:
        _tell_failure(draft, entry, outcome, retry)


def _called(draft: Draft, entry: Active) -> None:
    situation, stop = draft.situation, stop_of(draft.situation.job, entry)
    outcome = situation.outcomes.get(entry.job)
    if outcome is not None and outcome.lost:
        _lose(draft, entry)
    elif outcome is not None:
        _end(draft, entry)
    elif entry.job in situation.calling:
        if stop is not None:
            draft.cancel.append(entry.job)
    elif situation.caller and situation.caller == entry.uid and is_inline(situation.job.spec) and stop is None:
        # The claim was accepted, and its answer lost.
        draft.call.append(entry)
    elif situation.caller or situation.barred is not None or not is_inline(situation.job.spec):
        _undecided(draft, entry, stop)


def _undecided(draft: Draft, entry: Active, stop: Stop | None) -> None:
    outcome = undecided(draft) if stop is None else stopped(draft, entry, stop)
    retry = None if stop is not None or _replaced(draft, entry) else _retry(draft, entry, outcome)
    draft.note(_ended(draft, entry, outcome, retry))
    if stop is None:
        _tell_failure(draft, entry, outcome, retry)


def _missing(draft: Draft, entry: Active) -> None:
    outcome = draft.situation.outcomes.get(entry.job)
    if outcome is None:
        draft.gather.append(entry.job)
    elif outcome.lost:
        _lose(draft, entry)
    else:
        _end(draft, entry)


def _lose(draft: Draft, entry: Active) -> None:
    stop = stop_of(draft.situation.job, entry)
    if stop is not None:
        outcome = stopped(draft, entry, stop)
        draft.note(_ended(draft, entry, outcome))
        if outcome.by_itself and not outcome.success:
            _tell_failure(draft, entry, outcome, None)
        return
    if _replaced(draft, entry):
        reason, message = "Replaced", "deleted in favour of a newer run"
    elif _is_gone(draft, entry.node_name):
        reason, message = NODE_GONE, _without_node(entry)
    else:
        # Whoever deletes a Job wants it to stop, so there is no further attempt.
        reason, message = "JobLost", f"Job {entry.job} was deleted before it ended"
    outcome = Outcome(success=False, finished_at=draft.situation.now, reason=reason, message=message, lost=True)
    draft.note(_ended(draft, entry, outcome))
    _tell_failure(draft, entry, outcome, None)


def _replaced(draft: Draft, entry: Active) -> bool:
    """Whether a newer run of a job that keeps only the newest has taken this one's place."""
    return draft.situation.job.spec.concurrency is Concurrency.REPLACE and any(
        _is_newer(other, entry) for other in draft.status.active
    )


def _is_newer(one: Active, other: Active) -> bool:
    """Whether its trigger came later. Numbers say that of slots, whatever a clock said when they were claimed; requests
    may name any time, and two of the same second have no order but that of their claims."""
    if one.group == other.group or {one.trigger, other.trigger} == {Trigger.SCHEDULE}:
        return one.group > other.group
    return one.started_at > other.started_at


def _claimed(draft: Draft, entry: Active) -> None:
    job, now = draft.situation.job, draft.situation.now
    problem, stop = draft.situation.problem, stop_of(job, entry)
    if stop is not None:
        if draft.create is None:
            draft.create = _withdrawn(draft, entry, stop)
    elif entry.attempt > 1 and (job.spec.disabled or problem is not None):
        draft.note(Dropped(entry.job))
        why = "the job was disabled" if job.spec.disabled else problem.message if problem else ""
        draft.warn("RetryCancelled", f"attempt {entry.attempt} is not made: {why}", entry.job)
    elif entry.attempt > 1 and entry.started_at > now:
        # First ones are due when they are claimed, even if the clock was set back since.
        draft.wake_at(entry.started_at)
    elif draft.create is None:
        draft.create = _complete(draft, entry)


def _complete(draft: Draft, entry: Active) -> Create:
    given_up = (Dropped(entry.job, SkipReason.DEADLINE_EXCEEDED),)
    older: tuple[Run, ...] = ()
    if draft.situation.job.spec.concurrency is Concurrency.REPLACE:
        standing = {other.job for other in draft.status.active if _is_newer(entry, other)}
        older = tuple(run for run in draft.situation.runs.values() if _running(run) and run.name in standing)
    if (end := _hopeless(draft, entry)) is not None:
        _tell_failure(draft, entry, end, None)
        return Create(entry, replaces=older, late=True, otherwise=(_ended(draft, entry, end),))
    return Create(entry, replaces=older, late=_too_late(draft, entry), otherwise=given_up)


def _withdrawn(draft: Draft, entry: Active, stop: Stop) -> Create:
    """Only look whether its Job exists after all, which is then stopped like any other."""
    never = entry.model_copy(update={"started_at": min(entry.started_at, draft.situation.now)})
    return Create(entry, late=True, otherwise=(_ended(draft, never, stopped(draft, entry, stop)),))


def _hopeless(draft: Draft, entry: Active) -> Outcome | None:
    """How a member ends whose Job is not made any more. It counts for its group like one that ran and failed."""
    now = draft.situation.now
    if entry.member and _too_late(draft, entry):
        message = "it could not be started within its start deadline"
        return Outcome(success=False, finished_at=now, reason=SkipReason.DEADLINE_EXCEEDED, message=message)
    if _is_gone(draft, entry.node_name):
        return Outcome(success=False, finished_at=now, reason=NODE_GONE, message=_without_node(entry))
    return None


def _without_node(entry: Active) -> str:
    return f"node {entry.node_name}, to which tags pin this attempt, does not exist any more"


def _running(run: Run) -> bool:
    return not (run.finished or run.gone or run.deleting)


def _unsure(draft: Draft, entry: Active) -> None:
    if entry.job in draft.situation.runs or draft.create is not None:
        return
    why = SkipReason.DEADLINE_EXCEEDED if _too_late(draft, entry) else _unwanted(draft, entry)
    scheduled, reason = entry.trigger is Trigger.SCHEDULE, why or SkipReason.MISSED
    draft.create = Create(
        entry,
        after=(Decided(entry.slot),) if scheduled else (),
        late=why is not None,
        otherwise=(Passed(entry.slot, 1, reason, at=entry.slot),)
        if scheduled
        else (Refused(reason, entry.slot, entry.job),),
    )


def _unwanted(draft: Draft, entry: Active) -> SkipReason | None:
    """Why the attempt is not wanted any more: the job was disabled, broken or rescheduled since it was tried."""
    job, since = draft.situation.job, draft.status.since
    silent = refuses_requests(job) if entry.trigger is Trigger.MANUAL else job.spec.disabled
    if silent:
        return SkipReason.DISABLED
    rescheduled = entry.trigger is Trigger.SCHEDULE and since is not None and entry.slot <= since
    return SkipReason.MISSED if rescheduled or draft.situation.problem is not None else None


def _too_late(draft: Draft, entry: Active) -> bool:
    deadline = start_deadline(draft.situation.job)
    scheduled = entry.trigger is Trigger.SCHEDULE and entry.attempt == 1
    return scheduled and deadline is not None and draft.situation.now - entry.slot > deadline


def _retry(draft: Draft, entry: Active, outcome: Outcome) -> Active | None:
    job, since = draft.situation.job, draft.status.since
    if entry.attempt > job.spec.retries or job.spec.disabled:
        return None
    if since is not None and shifted(outcome.finished_at, draft.situation.hold) <= since:
        # From before the status was wiped: the next attempt may have come and gone.
        return None
    due = shifted(outcome.finished_at, delay(job.spec.retry_backoff, entry.attempt))
    cause = Cause(entry.trigger, entry.slot, entry.group, entry.attempt + 1, entry.member)
    return cause.entry(uid=job.uid, name=job.name, at=due, node=entry.node_name)


def _ended(draft: Draft, entry: Active, outcome: Outcome, retry: Active | None = None) -> Finished:
    return finished(draft.situation, _execution(entry, outcome), retry)


def _execution(entry: Active, outcome: Outcome) -> Execution:
    # Kubelets tell whole seconds, so a container may seem to have started before its Job was asked for.
    began = max(outcome.started_at or entry.started_at, entry.started_at)
    return Execution(
        id=entry.id,
        job=entry.job,
        slot=entry.slot,
        trigger=entry.trigger,
        group=entry.group,
        attempt=entry.attempt,
        started_at=began,
        finished_at=max(outcome.finished_at, began),
        success=outcome.success,
        exit_code=outcome.exit_code,
        reason=outcome.reason,
        message=outcome.message,
        node_name=outcome.node_name or entry.node_name,
        member=entry.member,
        output=outcome.output,
        output_truncated=outcome.output_truncated,
    )


def _tell_failure(draft: Draft, entry: Active, outcome: Outcome, retry: Active | None) -> None:
    code = "" if outcome.exit_code is None else f", exit code {outcome.exit_code}"
    detail = f": {outcome.message}" if outcome.message else ""
    then = f"; attempt {retry.attempt} follows" if retry else ""
    whose = f" of member {entry.member}" if entry.member else ""
    message = f"attempt {entry.attempt}{whose} failed ({outcome.reason}{code}){detail}{then}"
    draft.warn("ExecutionFailed", message, entry.job)
