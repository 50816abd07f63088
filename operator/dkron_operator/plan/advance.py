"""One step from a situation to the plan for it.

Planning is level-based: the same situation gives the same plan. So it can run as often as anything changes, and after a
crash it needs only what the cluster shows. A plan creates at most one Job; the next plan sees it and continues.
"""

from dkron_operator.plan.acceptance import plan_acceptance
from dkron_operator.plan.actions import DryRunJob
from dkron_operator.plan.ahead import plan_ahead
from dkron_operator.plan.attempts import plan_attempts
from dkron_operator.plan.chain import plan_dependent_runs, plan_forgetting
from dkron_operator.plan.conditions import plan_conditions
from dkron_operator.plan.edited_active import plan_edited_active
from dkron_operator.plan.hold import plan_noting
from dkron_operator.plan.inline_claims import plan_calls, plan_window
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.run_requests import plan_requests, plan_unasking
from dkron_operator.plan.slots import is_dropped, plan_found_slots, plan_slots
from dkron_operator.plan.stop_requests import plan_stops
from dkron_operator.plan.tidy import plan_tidying
from dkron_operator.plan.upstream_runs import plan_removal, plan_settling
from dkron_operator.plan.view import Situation


def advance(situation: Situation) -> Plan:
    """What to do now, and when to plan again."""
    plan = Plan(situation)
    if situation.job.deleting or situation.looks_for_nodes or situation.looks_for_pauses:
        return plan
    plan_edited_active(plan)
    plan_ahead(plan)
    plan_window(plan)
    plan_acceptance(plan)
    plan_found_slots(plan)
    plan_attempts(plan)
    plan_stops(plan)
    # A plan creates one Job, so slots come first: an endless stream of requests must not delay them.
    upcoming = plan_slots(plan)
    plan_dependent_runs(plan)
    plan_noting(plan, settled=is_dropped(plan))
    plan_requests(plan)
    plan_settling(plan)
    plan_calls(plan)
    plan_conditions(plan, upcoming)
    plan_forgetting(plan)
    plan_unasking(plan)
    plan_tidying(plan)
    if not situation.checked and situation.job.problem is None:
        plan.do(DryRunJob())
    plan_removal(plan)
    return plan
