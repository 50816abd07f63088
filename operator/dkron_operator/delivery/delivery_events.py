"""An Event on the job, and a warning in the log, about messages that were not delivered.

A problem of a job that repeats is reported once a minute, and of one namespace a bounded number; the counters count
every message.
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
ROOM = 1024
"""How many problems of one namespace are reported in that time."""


class DeliveryEvents:
    """Reports what was not delivered."""

    def __init__(self, events: Events, *, clock: Clock) -> None:
        self._events = events
        self._clock = clock
        self._reported: dict[str, OrderedDict[tuple[str, str], float]] = {}
        """When each problem was reported, by namespace, the oldest first."""

    def report(self, job: JobView, message: str) -> None:
        """Report that this was not delivered."""
        now, key = self._clock.monotonic(), (job.uid, message)
        reported = self._reported.setdefault(job.namespace, OrderedDict())
        # It takes the place of its last report, or of the namespace's oldest if there is no room.
        place = key if key in reported or len(reported) < ROOM else next(iter(reported))
        if now - reported.get(place, now - QUIET) < QUIET:
            return
        reported.pop(place, None)
        reported[key] = now
        log.warning("not delivered: %s", message, extra={"job": job.dkron_name, "namespace": job.namespace})
        self._events.report(job, Report(Severity.WARNING, "NotDelivered", message))
