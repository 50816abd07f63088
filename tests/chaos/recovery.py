"""How soon all was well again after a fault, by the slots of a job that no client changes, and by the runs that clients
ask for all the time. Pure.

A slot that runs on time shows that an operator acts, with a clock that is right, and reaches the API server. A request
that is met at once shows that its watches are heard again.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dkron_crds.job import Trigger
from tests.chaos.history import FOREVER, Act, History

PROMPT = timedelta(seconds=1.5)
"""How late a run of the probe may be that shows that all is well."""

Sign = tuple[datetime, datetime]
"""When something came due, or was asked for, and when it was seen to run, promptly."""


@dataclass(frozen=True, slots=True)
class Signs:
    """Slots and requests of the probe, in order."""

    slots: Sequence[Sign]
    requests: Sequence[Sign]

    def after(self, end: datetime) -> datetime:
        """When both were seen of something that was due later than this; FOREVER if that never was."""
        return max(_first(self.slots, end), _first(self.requests, end))


def signs(history: History) -> Signs | None:
    """The signs of this history's probe; None if it has none."""
    probe = history.terms.probe
    if not probe:
        return None
    runs = [run for run in history.runs if run.attempt == 1]
    slots = [(run.slot, run.began) for run in runs if run.job == probe and run.trigger is Trigger.SCHEDULE]
    met = {(run.job, run.slot): run.began for run in runs if run.trigger is Trigger.MANUAL}
    asked = [(op.answered, (op.job, op.at)) for op in history.operations if op.act is Act.RUN and op.at is not None]
    requests = [(answered, met[what]) for answered, what in asked if answered is not None and what in met]
    return Signs(_prompt(slots), _prompt(requests))


def _prompt(of: Iterable[Sign]) -> Sequence[Sign]:
    return sorted((due, seen) for due, seen in of if abs(seen - due) <= PROMPT)


def _first(of: Sequence[Sign], end: datetime) -> datetime:
    later = bisect_right(of, (end, FOREVER))
    return max(of[later]) if later < len(of) else FOREVER
