"""The remaining slots of a job, out of all slots of its schedule: the operator fires them, and the REST API shows the
first one as next."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from dkron_crds.schedule.schedule import Schedule

TICK = timedelta(microseconds=1)
"""The smallest difference between two times."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """The remaining slots of a job: its schedule between `startsAt` and `expiresAt`, after the mark."""

    schedule: Schedule
    since: datetime
    starts: datetime | None
    expires: datetime | None

    def next(self, mark: datetime | None) -> datetime | None:
        """Return the first slot after the mark."""
        slot = self.schedule.next(self.since, self._mark(mark))
        return None if slot is None or (self.expires is not None and slot > self.expires) else slot

    def latest(self, mark: datetime | None, until: datetime) -> datetime | None:
        """Return the last slot after the mark and not after `until`."""
        return self.schedule.latest(self.since, self._mark(mark), self._until(until))

    def count(self, mark: datetime | None, until: datetime) -> int:
        """Count the slots after the mark and not after `until`."""
        return self.schedule.count(self.since, self._mark(mark), self._until(until))

    def overdue_from(self, success: datetime) -> datetime | None:
        """Return from when on another success is overdue after this one: the second slot after it, plus the time from
        the slot of that success to its end. So a workday job is not overdue on Sunday, and a run may take its time."""
        first = self.next(success)
        second = None if first is None else self.next(first)
        if second is None:
            return None
        own = self.latest(None, success)
        return second if own is None else second + (success - own)

    def _mark(self, mark: datetime | None) -> datetime | None:
        if self.starts is None:
            return mark
        before = self.starts - TICK
        return before if mark is None else max(mark, before)

    def _until(self, until: datetime) -> datetime:
        return until if self.expires is None else min(until, self.expires)
