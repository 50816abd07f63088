"""What `retry` gives a run again, and what it cannot know: whether there were values, the annotations of a Job tell.
Pure."""

from dkron_cli.core.order import Order
from dkron_crds.run import OF_RUN, WITH_PARAMETERS
from dkron_reports.job import Job
from dkron_reports.reading import Object
from dkron_reports.repeat import values_of
from dkron_reports.run import Attempt, slot_of


def same_order(attempt: Attempt, run: Object | None) -> Order:
    """Return the options of the attempt's run: the values of its DkronRun, if there is one, and the slot that it
    stood for."""
    return Order(values_of(run), at=slot_of(attempt.trigger, attempt.slot, attempt.group))


def lost(job: Job, attempt: Attempt, annotations: Object | None) -> str:
    """Return why the values of a run without a DkronRun are not known, as a sentence; empty if it was given none.
    `annotations` come from its Job; None if the Job is gone, too."""
    if annotations is not None and (OF_RUN not in annotations or WITH_PARAMETERS not in annotations):
        return ""
    gone = "its DkronRun is gone" if annotations is not None else "its DkronRun and its Job are gone"
    return (
        f"the parameter values of {attempt.id} are not known: {gone}; give them with dkronctl run {job.name} -p "
        "NAME=VALUE"
    )
