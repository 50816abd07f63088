"""Foreign Jobs carry our labels and name a DkronJob as their owner, but were not created for it. The operator ignores
them, except for one Event on the DkronJob."""

import logging
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from dkron_operator.kit.clock import Clock
from dkron_operator.plan.actions import Report, Severity
from dkron_operator.plan.situation.foreign import ForeignJob
from dkron_operator.plan.situation.view import JobView

log = logging.getLogger(__name__)
T = TypeVar("T")

PAUSE = timedelta(minutes=1)
"""The time between two reports about one DkronJob: a client may create such Jobs by the thousand."""
MOST = 1024
"""For how many DkronJobs the time of the last report is remembered, and how many reported Jobs."""


class ForeignJobs:
    """Reports foreign Jobs. `report` sends an Event."""

    def __init__(self, *, clock: Clock, report: Callable[[JobView, Report], None]) -> None:
        self._clock = clock
        self._report = report
        self._told: OrderedDict[str, datetime] = OrderedDict()
        self._reported: OrderedDict[str, None] = OrderedDict()

    def report(self, job: JobView, run: ForeignJob) -> None:
        """Take in a foreign Job."""
        now, before = self._clock.now(), self._told.get(job.uid)
        if run.uid in self._reported or (before is not None and abs(now - before) < PAUSE):
            return
        _keep(self._told, job.uid, now)
        _keep(self._reported, run.uid, None)
        text = f"Job {run.namespace}/{run.name} names this job as its owner, {run.wrong}; the operator ignores it"
        self._report(job, Report(Severity.WARNING, run.reason, text))
        log.warning("%s: %s", run.reason, text, extra={"job": job.dkron_name, "namespace": job.namespace})


def _keep(remembered: OrderedDict[str, T], uid: str, value: T) -> None:
    remembered[uid] = value
    remembered.move_to_end(uid)
    if len(remembered) > MOST:
        remembered.popitem(last=False)
