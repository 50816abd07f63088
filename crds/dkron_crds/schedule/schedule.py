"""The common interface of all schedules. Callers use `Schedule` and do not distinguish its kinds."""

from datetime import datetime, timedelta
from typing import Protocol


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
