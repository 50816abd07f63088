"""One step from a situation to what should be done about it. Level-based: the same situation gives the same plan,
so it may be made as often as anything changes, and after a crash it is made from the world alone.

At most one Job is created by a plan: the next plan sees it and goes on.
"""

from dkron_operator.plan.acceptance import plan_acceptance
from dkron_operator.plan.ahead import plan_ahead
from dkron_operator.plan.attempts import plan_attempts
from dkron_operator.plan.chain import plan_dependent_runs, plan_forgetting
from dkron_operator.plan.conditions import plan_conditions
from dkron_operator.plan.inline_claims import plan_calls, plan_window
from dkron_operator.plan.plan import Draft
from dkron_operator.plan.run_requests import plan_requests, plan_unasking
from dkron_operator.plan.slots import plan_found_slots, plan_slots
from dkron_operator.plan.stop_requests import plan_stops
from dkron_operator.plan.tidy import plan_tidying
from dkron_operator.plan.upstream_runs import plan_removal, plan_settling
from dkron_operator.plan.view import Situation


def advance(situation: Situation) -> Draft:
    """What to do now, and when to ask again."""
    draft = Draft(situation)
    if situation.job.deleting or situation.looks_for_nodes:
        return draft
    plan_ahead(draft)
    plan_window(draft)
    plan_acceptance(draft)
    plan_found_slots(draft)
    plan_attempts(draft)
    plan_stops(draft)
    # A plan creates one Job: those who ask for runs without end must not keep slots waiting.
    upcoming = plan_slots(draft)
    plan_dependent_runs(draft)
    plan_requests(draft)
    plan_settling(draft)
    plan_calls(draft)
    plan_conditions(draft, upcoming)
    plan_forgetting(draft)
    plan_unasking(draft)
    plan_tidying(draft)
    draft.check = not situation.checked and situation.job.problem is None
    plan_removal(draft)
    return draft
