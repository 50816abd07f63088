"""What the end of an attempt means for processors and notifications.

The record itself says that a delivery is outstanding (`status.undelivered`), so a crash of the process does not lose
it.
"""

from dkron_crds.job import Active, Execution
from dkron_operator.notifications import notices
from dkron_operator.plan.changes import Finished
from dkron_operator.plan.view import JobView, Situation
from dkron_processors import of_job


def finished(situation: Situation, execution: Execution, retry: Active | None) -> Finished:
    """The record of this attempt. If a processor stores the output elsewhere, a note of where replaces the output."""
    job, site = situation.job, situation.site
    told = of_job.takes_output(job.spec, site) or notices.concerns(situation.endpoints, job.notify)
    return Finished(of_job.kept(job.spec, site, job.namespace, execution), retry, deliver=told)


def trouble(situation: Situation) -> tuple[str, str] | None:
    """Reason and message if the output of a job has nowhere to go, or its annotations are invalid; None if all is
    well."""
    job: JobView = situation.job
    lack = of_job.missing(job.spec, situation.site)
    if lack:
        return "NoReceiver", lack
    wrong = notices.check_notify(job.notify)
    return ("InvalidNotify", wrong) if wrong else None
