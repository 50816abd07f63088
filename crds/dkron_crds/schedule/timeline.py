"""The slots of a schedule, of any kind; and which of them remain for a job: the operator fires them, and the REST API
shows the first one as next."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

TICK = timedelta(microseconds=1)
"""The smallest difference between two times."""


class Schedule(Protocol):
    """When a job is due. Implementations are frozen and hashable. All datetimes are aware; results are in UTC.

    `since` is the instant from which the job's slots count (its creation or last edit), `mark` the newest slot
    already decided. A slot is *open* if it is strictly after both.
    """

    @property
    def grace(self) -> timedelta | None:
        """How late the one slot of `@after` may start; None for all other kinds."""

    def next(self, since: datetime, mark: datetime | None = None) -> datetime | None:
        """Return the earliest open slot; None if there is none."""

    def latest(self, since: datetime, mark: datetime | None, until: datetime) -> datetime | None:
        """Return the newest open slot at or before `until`; None if there is none. Does not iterate over slots."""

    def count(self, since: datetime, mark: datetime | None, until: datetime) -> int:
        """Return the exact number of open slots at or before `until`. Does not iterate over slots."""


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
