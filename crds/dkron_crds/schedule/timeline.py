"""The slots that a job has left, of all that its schedule has: what the operator fires, and what REST shows as next."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from dkron_crds.schedule.schedule import Schedule

TICK = timedelta(microseconds=1)
"""The finest step of time that a slot can have."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """The slots that a job has left: its schedule within `startsAt` and `expiresAt`, after the mark."""

    schedule: Schedule
    since: datetime
    starts: datetime | None
    expires: datetime | None

    def next(self, mark: datetime | None) -> datetime | None:
        """The first slot after the mark."""
        slot = self.schedule.next(self.since, self._mark(mark))
        return None if slot is None or (self.expires is not None and slot > self.expires) else slot

    def latest(self, mark: datetime | None, until: datetime) -> datetime | None:
        """The last slot after the mark and not after `until`."""
        return self.schedule.latest(self.since, self._mark(mark), self._until(until))

    def count(self, mark: datetime | None, until: datetime) -> int:
        """How many slots lie after the mark and not after `until`."""
        return self.schedule.count(self.since, self._mark(mark), self._until(until))

    def _mark(self, mark: datetime | None) -> datetime | None:
        if self.starts is None:
            return mark
        before = self.starts - TICK
        return before if mark is None else max(mark, before)

    def _until(self, until: datetime) -> datetime:
        return until if self.expires is None else min(until, self.expires)
