"""Which runs of a job hold their places in pools. There is no counter of them: they follow from the status and the Jobs
of the job."""

from collections.abc import Iterable

from dkron_crds.job import Attempt, AttemptState, JobStatus
from dkron_operator.plan.situation.cause import RunKey
from dkron_operator.plan.situation.view import AttemptJob
from dkron_operator.plan.status.fold import recorded


def holders(status: JobStatus, attempts: Iterable[AttemptJob], *beginning: Attempt) -> frozenset[RunKey]:
    """The runs that hold their places: from the begin of their first attempts until they are over, with the waits for
    their retries. `beginning` are attempts whose Jobs are being created, or may have been."""
    done, known = recorded(status), {each.name: each for each in attempts}
    live = ((each.trigger, each.group) for each in known.values() if not _is_over(each) and each.name not in done)
    # To read how an attempt ended may take a while, and its success is known before.
    succeeded = {each.name for each in known.values() if each.state is AttemptState.SUCCEEDED}
    active = (each for each in status.active if each.state is not AttemptState.WAITING and each.job not in succeeded)
    entries = [*active, *beginning]
    return frozenset([*live, *((each.trigger, each.group) for each in entries)])


def _is_over(attempt: AttemptJob) -> bool:
    return attempt.finished or attempt.gone
