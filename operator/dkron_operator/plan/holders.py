"""Which runs of a job hold their places in pools. There is no counter of them: they follow from the status and the Jobs
of the job."""

from collections.abc import Iterable

from dkron_crds.job import Active, Execution, JobStatus
from dkron_operator.plan.fold import recorded
from dkron_operator.plan.pools import Run
from dkron_operator.plan.view import AttemptJob


def holders(status: JobStatus, attempts: Iterable[AttemptJob], *beginning: Active) -> frozenset[Run]:
    """The runs that hold their places: from the begin of their first attempts until they are over, with the waits for
    their retries. `beginning` are attempts whose Jobs are being created, or may have been."""
    done = recorded(status)
    live = (each for each in attempts if not (each.finished or each.gone or each.name in done))
    entries = (each for each in status.active if each.uid or each.queued_at is None)
    begun = {*map(run_of, entries), *map(run_of, live), *map(run_of, beginning)}
    # Of a run with several members, one may be over before another one has its Job.
    over = {run_of(each) for each in status.executions}
    return frozenset(begun | {run for each in status.active if (run := run_of(each)) in over})


def run_of(attempt: Active | AttemptJob | Execution) -> Run:
    """The run that the attempt belongs to."""
    return attempt.trigger, attempt.group
