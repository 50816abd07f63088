"""Handing on: what the end of an attempt means for processors and notifications.

The record itself says that somebody is still to be told (`status.undelivered`), so it is not forgotten with a process.
"""

from dkron_crds.job import Active, Execution
from dkron_operator import notifications, processors
from dkron_operator.plan.fold import Finished
from dkron_operator.plan.view import JobView, Situation


def finished(situation: Situation, execution: Execution, retry: Active | None) -> Finished:
    """The record of this attempt; its output stands elsewhere if a processor takes that with it."""
    job, site = situation.job, situation.site
    told = processors.takes_output(job.spec, site) or notifications.concerns(situation.endpoints, job.notify)
    return Finished(processors.kept(job.spec, site, job.namespace, execution), retry, deliver=told)


def trouble(situation: Situation) -> tuple[str, str] | None:
    """Reason and sentence where the output of a job cannot go, or its annotations make no sense."""
    job: JobView = situation.job
    lack = processors.missing(job.spec, situation.site)
    if lack:
        return "NoReceiver", lack
    wrong = notifications.check_notify(job.notify)
    return ("InvalidNotify", wrong) if wrong else None
