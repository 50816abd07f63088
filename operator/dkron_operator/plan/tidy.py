"""Clean-up: which finished Jobs have been kept long enough."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta

from dkron_crds.job import Trigger
from dkron_crds.requests import group_of
from dkron_crds.schedule.instants import shifted
from dkron_operator.executors.inline import is_inline
from dkron_operator.plan.cause import requested
from dkron_operator.plan.fold import Tidied, recorded
from dkron_operator.plan.plan import Draft
from dkron_operator.plan.view import Run, RunState

UNWRITTEN = timedelta(seconds=5)
"""How long to wait for the record of a Job to reach the API server before looking again whether it may be deleted."""


def plan_tidying(draft: Draft) -> None:
    """Delete finished Jobs beyond the history limits, oldest first, once nothing can be in doubt about them."""
    known = recorded(draft.status)
    done = [run for run in draft.situation.runs.values() if run.finished and run.name in known and not run.gone]
    history = draft.situation.job.spec.history
    keep = {RunState.SUCCEEDED: history.successful_jobs, RunState.FAILED: history.failed_jobs}
    wanted = _wanted(draft, done)
    for state, limit in keep.items():
        of_state = sorted((run for run in done if run.state is state), key=_ended, reverse=True)
        for run in of_state[limit:]:
            _delete_in_time(draft, run, wanted)
    _forget_counted(draft)


def _delete_in_time(draft: Draft, run: Run, wanted: AbstractSet[str]) -> None:
    # The name has to outlive every doubt: a leader that comes late has to find it, or the mark.
    due = shifted(_ended(run), draft.situation.hold)
    if run.deleting or run.name in wanted:
        return
    if due > draft.situation.now:
        draft.wake_at(due)
    elif run.name not in recorded(draft.situation.persisted):
        draft.wake_at(draft.situation.now + UNWRITTEN)
    else:
        draft.delete.append(run)


def _wanted(draft: Draft, done: Iterable[Run]) -> set[str]:
    """Names of those whose group somebody still asks for."""
    manual = [run for run in done if run.trigger is Trigger.MANUAL]
    requests = draft.situation.job.requests if manual else ()
    groups = {group_of(request.id, request.at) for request in requests if request.at is not None}
    return {run.name for run in manual if run.group in groups}


def _forget_counted(draft: Draft) -> None:
    # Names of Jobs that are gone do no harm: they leave with a write that is made anyway.
    if not draft.changes:
        return
    unseen = frozenset(draft.status.counted) - draft.situation.runs.keys()
    # There may be thousands of requests, and mostly nothing is unseen.
    unseen -= _to_be_answered(draft) if unseen else frozenset()
    # A list may be so old that a Job is not in it yet. Forgotten, it would be counted again when it is seen.
    vanished = unseen if is_inline(draft.situation.job.spec) else unseen & draft.situation.absent
    if vanished:
        draft.note(Tidied(vanished))
    draft.gather += sorted(unseen - vanished)


def _to_be_answered(draft: Draft) -> set[str]:
    job = draft.situation.job
    stops = {name for stop in job.stops for name in stop.jobs}
    # Of a call without a pod nothing but its name here tells that the request has had its run.
    asked = (requested(request.id, request.at) for request in job.requests if request.at is not None)
    return stops | {cause.job_name(uid=job.uid, name=job.name) for cause in asked}


def _ended(run: Run) -> datetime:
    return run.finished_at or run.created
