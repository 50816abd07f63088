"""Which runs of a job hold their places in pools. There is no counter of them: they follow from the status and the Jobs
of the job."""

from collections.abc import Iterable

from dkron_crds.job import Active, Execution, JobStatus
from dkron_operator.plan.fold import recorded
from dkron_operator.plan.pools import Run
from dkron_operator.plan.view import AttemptJob


def waits(entry: Active) -> bool:
    """Whether this entry of `active` waits in line. A retry belongs to its run, and never waits again."""
    return not entry.uid and entry.queued_at is not None and entry.attempt == 1


def holders(status: JobStatus, attempts: Iterable[AttemptJob], *beginning: Active) -> frozenset[Run]:
    """The runs that hold their places: from the begin of their first attempts until they are over, with the waits for
    their retries. `beginning` are attempts whose Jobs are being created, or may have been."""
    done = recorded(status)
    live = (each for each in attempts if not (each.finished or each.gone or each.name in done))
    begun = {run_of(each) for each in (*(each for each in status.active if not waits(each)), *live, *beginning)}
    # Of a run with several members, one may be over before another one has its Job.
    over = {run_of(each) for each in status.executions}
    return frozenset(begun | {run for each in status.active if each.member and (run := run_of(each)) in over})


def run_of(attempt: Active | AttemptJob | Execution) -> Run:
    """The run that the attempt belongs to."""
    return attempt.trigger, attempt.group
