"""One step from a situation to the plan for it.

Planning is level-based: the same situation gives the same plan. So it can run as often as anything changes, and after a
crash it needs only what the cluster shows. A plan creates at most one Job; the next plan sees it and continues.
"""

from datetime import timedelta

from dkron_crds.schedule.instants import shifted
from dkron_operator.plan.actions import DryRunJob, RemoveAnnotation
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.situation.view import Situation
from dkron_operator.plan.status.changes import ArchiveTurned
from dkron_operator.plan.steps.acceptance import plan_acceptance
from dkron_operator.plan.steps.attempts import plan_attempts
from dkron_operator.plan.steps.cleanup import plan_cleanup
from dkron_operator.plan.steps.clock_ahead import plan_ahead
from dkron_operator.plan.steps.conditions import plan_conditions
from dkron_operator.plan.steps.dependents import plan_removal, plan_settling
from dkron_operator.plan.steps.edited_active import plan_edited_active
from dkron_operator.plan.steps.inline_claims import plan_calls, plan_window
from dkron_operator.plan.steps.parents import plan_dependent_runs, plan_forgetting
from dkron_operator.plan.steps.requested_runs import plan_requests, plan_withdrawn_requests
from dkron_operator.plan.steps.slots import plan_found_slots, plan_pause, plan_slots
from dkron_operator.plan.steps.stop_requests import plan_stops


def plan_dry_run(plan: Plan) -> None:
    """Ask the API server about a spec that it has not judged yet."""
    situation = plan.situation
    if not situation.checked and situation.job.problem is None:
        plan.do(DryRunJob())


def plan_archive(plan: Plan) -> None:
    """Begin to owe records to the archive, or end it."""
    if plan.situation.archives != (plan.status.unarchived is not None):
        plan.record(ArchiveTurned(on=plan.situation.archives))


def plan_refused_removals(plan: Plan) -> None:
    """While the API server refuses to remove annotations, leave them. What they ask for was done or refused, and its
    names stay in the status as long as they do."""
    wait = plan.situation.removals_wait
    if wait > timedelta() and plan.wants(RemoveAnnotation):
        plan.actions = [action for action in plan.actions if not isinstance(action, RemoveAnnotation)]
        plan.wake_at(shifted(plan.situation.now, wait))


STEPS = (
    plan_edited_active,  # entries of `active` that a user wrote
    plan_ahead,  # moments in the status that lie ahead of the clock
    plan_archive,  # whether records are owed to an archive; before any step that makes some
    plan_window,  # slots of inline calls that were claimed ahead; before any step that moves the mark
    plan_acceptance,  # a new job, an edit, a status that was wiped
    plan_found_slots,  # slots whose Jobs exist
    plan_attempts,  # Jobs that began, ended or vanished, and retries
    plan_stops,  # requests to stop an execution
    plan_slots,  # slots come before requests: an endless stream of requests must not delay them
    plan_dependent_runs,  # runs after the runs of parents
    plan_pause,  # which pause holds the job; after the slots that it drops
    plan_requests,  # runs on request, by annotations and DkronRuns
    plan_settling,  # runs that dependent jobs have handled
    plan_calls,  # an inline call instead of a Job
    plan_conditions,  # conditions and Events, from all of the above
    plan_forgetting,  # runs of parents that no parent shows
    plan_withdrawn_requests,  # refusals of requests that are gone
    plan_cleanup,  # finished Jobs beyond the history limits
    plan_dry_run,  # whether the API server would take the Job
    plan_removal,  # an ephemeral job that has had its run
    plan_refused_removals,  # annotations that the API server does not let go; after all that remove any
)
"""The steps of a plan, in this order: each reads the status as the steps before it leave it."""


def advance(situation: Situation) -> Plan:
    """What to do now, and when to plan again."""
    plan = Plan(situation)
    if situation.job.deleting or situation.incomplete:
        return plan
    for step in STEPS:
        step(plan)
    return plan
