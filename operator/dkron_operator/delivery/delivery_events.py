"""An Event on the job, and a warning in the log, about messages that were not delivered.

A problem of a job that repeats every second is reported once a minute; the counters count every message.
"""

import logging
from collections import OrderedDict

from dkron_operator.act.events import Events
from dkron_operator.kit.clock import Clock
from dkron_operator.plan.actions import Report, Severity
from dkron_operator.plan.situation.view import JobView

log = logging.getLogger(__name__)

QUIET = 60.0
"""Seconds in which the same message is not repeated."""
ROOM = 4096
"""For how many messages that is remembered."""


class DeliveryEvents:
    """Reports what was not delivered."""

    def __init__(self, events: Events, *, clock: Clock) -> None:
        self._events = events
        self._clock = clock
        self._said: OrderedDict[tuple[str, str], float] = OrderedDict()

    def report(self, job: JobView, message: str) -> None:
        """Report that this was not delivered."""
        now, key = self._clock.monotonic(), (job.uid, message)
        if now - self._said.get(key, now - QUIET) < QUIET:
            return
        self._said[key] = now
        self._said.move_to_end(key)
        if len(self._said) > ROOM:
            self._said.popitem(last=False)
        log.warning("not delivered: %s", message, extra={"job": job.dkron_name, "namespace": job.namespace})
        self._events.report(job, Report(Severity.WARNING, "NotDelivered", message))
