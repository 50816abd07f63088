"""One step from a situation to what should be done about it. Level-based: the same situation gives the same plan,
so it may be made as often as anything changes, and after a crash it is made from the world alone.

At most one Job is created by a plan: the next plan sees it and goes on.
"""

from dkron_crds.job import ReadyReason
from dkron_operator.plan.attempts import plan_attempts
from dkron_operator.plan.calling import plan_calls, plan_window
from dkron_operator.plan.chain import plan_dependent_runs, plan_forgetting
from dkron_operator.plan.conditions import plan_conditions
from dkron_operator.plan.draft import Draft
from dkron_operator.plan.fold import Accepted
from dkron_operator.plan.requests import plan_requests
from dkron_operator.plan.settle import plan_removal, plan_settling
from dkron_operator.plan.slots import plan_found_slots, plan_slots
from dkron_operator.plan.stops import plan_stops
from dkron_operator.plan.tidy import plan_tidying
from dkron_operator.plan.view import Situation

BROKEN = "-"
"""The fingerprint of a spec that cannot run: mended, it is another one, and no slot in between fires."""


def advance(situation: Situation) -> Draft:
    """What to do now, and when to ask again."""
    draft = Draft(situation)
    if situation.job.deleting or situation.looks_for_nodes:
        return draft
    _accept(draft)
    plan_window(draft)
    plan_found_slots(draft)
    plan_attempts(draft)
    plan_stops(draft)
    plan_requests(draft)
    plan_dependent_runs(draft)
    upcoming = plan_slots(draft)
    plan_settling(draft)
    plan_calls(draft)
    plan_conditions(draft, upcoming)
    plan_forgetting(draft)
    plan_tidying(draft)
    draft.check = not situation.checked and situation.job.problem is None
    plan_removal(draft)
    return draft


def _accept(draft: Draft) -> None:
    """Notice a new job, a changed schedule, and a status that somebody wiped."""
    job, status = draft.situation.job, draft.status
    fingerprint = BROKEN if draft.situation.problem is not None else job.fingerprint
    if status.since is None and not job.status_written:
        draft.note(Accepted(job.created, fingerprint))
    elif status.since is None:
        draft.note(Accepted(draft.situation.now, fingerprint, rebuilt=True))
        draft.tell("StatusRebuilt", "status was wiped: it is rebuilt from the Jobs that exist, counters restart")
    elif status.fingerprint != fingerprint:
        # Whatever the old schedule had due until now is settled by the edit: nothing fires in retrospect.
        # A clock that is behind does not lead back to what was settled by the edit before.
        draft.note(Accepted(max(draft.situation.now, status.since, job.created), fingerprint))
        if status.fingerprint == BROKEN:
            draft.tell(ReadyReason.SCHEDULED, "the job is in order again; its slots count from now")
