"""Foreign Jobs: they carry our labels and name a DkronJob as their owner, but they were not made for it. They decide
nothing; the DkronJob gets an Event about them."""

import logging
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta

from dkron_operator.kit.clock import Clock
from dkron_operator.plan.actions import Report, Severity
from dkron_operator.plan.view import AttemptJob, JobView

log = logging.getLogger(__name__)

PAUSE = timedelta(minutes=1)
"""Between two reports about one DkronJob: somebody may create such Jobs by the thousand."""
MOST = 1024
"""DkronJobs of which it is remembered when they were last reported."""


class ForeignJobs:
    """Reports them. `report` has an Event sent."""

    def __init__(self, *, clock: Clock, report: Callable[[JobView, Report], None]) -> None:
        self._clock = clock
        self._report = report
        self._told: OrderedDict[str, datetime] = OrderedDict()

    def see(self, job: JobView, run: AttemptJob) -> None:
        """Such a Job was seen."""
        now, before = self._clock.now(), self._told.get(job.uid)
        if before is not None and abs(now - before) < PAUSE:
            return
        self._told[job.uid] = now
        self._told.move_to_end(job.uid)
        if len(self._told) > MOST:
            self._told.popitem(last=False)
        text = (
            f"Job {run.namespace}/{run.name} names this job as its owner, but it has another namespace or another name "
            "than this job would give it: it is ignored"
        )
        self._report(job, Report(Severity.WARNING, "ForeignJob", text))
        log.warning("foreign Job: %s", text, extra={"job": job.dkron_name, "namespace": job.namespace})
