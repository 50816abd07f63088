"""How often the operator asks why a Job does not begin."""

from datetime import timedelta

from dkron_crds.schedule.instants import shifted
from dkron_operator.plan.actions import ReadTrouble
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.situation.view import AttemptJob

PATIENCE = timedelta(seconds=10)
"""How long a pod may take to start before the operator asks why, and the time between two such checks."""
AT_A_TIME = 100
"""How many pods of a job the operator asks about in that time. With more attempts, each is asked about less often."""


def plan_probe(plan: Plan, attempt: AttemptJob, every: timedelta = PATIENCE) -> None:
    """Ask why the Job does not begin, or stays although it was deleted; or plan again when that is due."""
    before = plan.situation.probed.get(attempt.name)
    rounds = 1 + len(plan.status.active) // AT_A_TIME
    due = attempt.released_at + PATIENCE if before is None else shifted(before, every * rounds)
    if due <= plan.situation.now:
        plan.do(ReadTrouble(attempt.name))
    else:
        plan.wake_at(due)
