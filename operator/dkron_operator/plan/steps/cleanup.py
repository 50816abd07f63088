"""Clean-up: which finished Jobs have been kept long enough."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta

from dkron_crds.job import AttemptState
from dkron_crds.requests import group_of
from dkron_crds.schedule.instants import shifted
from dkron_operator.plan.actions import DeleteJob, ReadOutcome
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.situation.cause import ON_REQUEST, requested
from dkron_operator.plan.situation.view import AttemptJob
from dkron_operator.plan.status.changes import Forgotten
from dkron_operator.plan.status.fold import recorded
from dkron_pods.inline import is_inline

UNWRITTEN = timedelta(seconds=5)
"""How long a Job waits for its record to reach the API server before it is looked at again."""


def plan_cleanup(plan: Plan) -> None:
    """Delete finished Jobs beyond the history limits, oldest first, once no replica needs their names any more."""
    known = recorded(plan.status)
    done = [
        attempt
        for attempt in plan.situation.attempts.values()
        if attempt.finished and attempt.name in known and not attempt.gone
    ]
    history = plan.situation.job.spec.history
    keep = {AttemptState.SUCCEEDED: history.successful_jobs, AttemptState.FAILED: history.failed_jobs}
    wanted = _wanted(plan, done)
    for state, limit in keep.items():
        of_state = sorted((attempt for attempt in done if attempt.state is state), key=_ended, reverse=True)
        for attempt in of_state[limit:]:
            _delete_in_time(plan, attempt, wanted)
    _forget_counted(plan)


def _delete_in_time(plan: Plan, attempt: AttemptJob, wanted: AbstractSet[str]) -> None:
    # A leader that starts late has to find either the name or the mark.
    due = shifted(_ended(attempt), plan.situation.retention)
    if attempt.deleting or attempt.name in wanted:
        return
    if due > plan.situation.now:
        plan.wake_at(due)
    elif attempt.name not in recorded(plan.situation.persisted):
        plan.wake_at(plan.situation.now + UNWRITTEN)
    else:
        plan.do(DeleteJob(attempt))


def _wanted(plan: Plan, done: Iterable[AttemptJob]) -> set[str]:
    """Names of the Jobs whose request for a run still stands. The status of a DkronRun is told from its Jobs until it
    says that the run has ended."""
    asked = [attempt for attempt in done if attempt.trigger in ON_REQUEST]
    requests = plan.situation.job.requests if asked else ()
    groups = {group_of(request.id, request.at) for request in requests if request.at is not None}
    groups |= plan.situation.runs.groups if asked else set()
    return {attempt.name for attempt in asked if attempt.group in groups}


def _forget_counted(plan: Plan) -> None:
    # Names of Jobs that are gone are harmless: they leave with a write that happens anyway.
    if not (plan.changes and plan.situation.runs.listed):
        return
    # An end may be recorded twice: after a write that got no answer, or by two processes. It counts once by its name.
    counted = frozenset(plan.situation.status.counted)
    unseen = counted - plan.situation.attempts.keys() - plan.situation.unsettled
    # There may be thousands of requests, and usually nothing is unseen.
    unseen -= _to_be_answered(plan) if unseen else frozenset()
    # A list may be too old to hold a Job yet. If its name were forgotten, the Job would be counted again when it
    # appears.
    vanished = unseen if is_inline(plan.situation.job.spec) else unseen & plan.situation.absent
    if vanished:
        plan.record(Forgotten("counted", vanished))
    for name in sorted(unseen - vanished):
        plan.do(ReadOutcome(name))


def _to_be_answered(plan: Plan) -> set[str]:
    job = plan.situation.job
    stops = {name for stop in job.stops for name in stop.jobs}
    # For an inline call, only its name here shows that the request has had its run.
    asked = (requested(request.id, request.at) for request in job.requests if request.at is not None)
    runs = (run.cause for run in plan.situation.runs.undecided)
    return stops | {cause.job_name(uid=job.uid, name=job.name) for cause in (*asked, *runs)}


def _ended(attempt: AttemptJob) -> datetime:
    return attempt.finished_at or attempt.created
