"""Entries of `status.active` that no operator writes: a user has edited the status. The operator would run the
attempt again, or wait for it for ever, so they leave before anything else looks at the list.

Only what is certain counts. The write that records an attempt removes its entry. And the name of a Job follows from its
cause, for all triggers, members, retries and calls without a pod.
"""

from dkron_crds.job import Attempt
from dkron_crds.schedule.errors import quoted
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.situation.cause import cause_of
from dkron_operator.plan.situation.view import AttemptJob, JobView
from dkron_operator.plan.status.changes import Discarded
from dkron_operator.plan.status.fold import recorded

RECORDED, MISNAMED = "which is already recorded", "which is not the name that its cause gives"
"""Faults of an entry."""


def plan_edited_active(plan: Plan) -> None:
    """Remove the entries that no operator writes. Jobs with their names are processed like any unknown ones."""
    wrong = _wrong(plan) if plan.status.active else None
    if not wrong:
        return
    plan.record(Discarded(frozenset(wrong)))
    entry, why = next(iter(wrong.items()))
    more = f", and {len(wrong) - 1} more such" if len(wrong) > 1 else ""
    plan.warn("StatusEdited", f"status.active listed {quoted(entry.job)}, {why}{more}: removed from the list")


def _wrong(plan: Plan) -> dict[Attempt, str]:
    """The entries that no operator writes, and why."""
    over, job, attempts = recorded(plan.status), plan.situation.job, plan.situation.attempts
    found: dict[Attempt, str] = {}
    for entry in plan.status.active:
        if entry.job in over:
            found[entry] = RECORDED
        elif not _is_named(entry, attempts.get(entry.job), job):
            found[entry] = MISNAMED
    return found


def _is_named(entry: Attempt, attempt: AttemptJob | None, job: JobView) -> bool:
    if attempt is not None and attempt.uid == entry.uid:
        # The name of a Job was checked when it was read.
        return cause_of(entry) == attempt.cause
    return cause_of(entry).names(entry.job, uid=job.uid, name=job.name)
