"""The pause that holds a job, as the status shows it."""

from dkron_crds.job import NotedPause
from dkron_operator.plan.actions import AcceptJob
from dkron_operator.plan.changes import PauseNoted
from dkron_operator.plan.hold import hold_of
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.slots import is_dropped


def plan_pause(plan: Plan) -> None:
    """Record which pause holds the job, or that none does any more. A pause that drops slots stays recorded until all
    of them are dropped."""
    noted, hold = plan.status.paused, hold_of(plan)
    if hold is not None and hold.changes_at is not None:
        plan.wake_at(hold.changes_at)
    if noted is not None and noted.drop and (plan.wants(AcceptJob) or not is_dropped(plan)):
        return
    if hold is None:
        if noted is not None:
            plan.record(PauseNoted(None))
        return
    since = plan.situation.now if noted is None else noted.since
    # A pause drops no slots after its end, even if another one holds the job longer.
    until = hold.drops_until if hold.drop else hold.until
    noting = NotedPause(name=hold.pause.name, since=since, until=until, drop=hold.drop, enforce=hold.enforce)
    plan.record(PauseNoted(noting))
