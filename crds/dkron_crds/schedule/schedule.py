"""What every kind of schedule can answer. Callers hold a `Schedule` and never ask of which kind it is."""

from datetime import datetime, timedelta
from typing import Protocol


class Schedule(Protocol):
    """When a job is due. Implementations are frozen and hashable; all datetimes are aware, answers are UTC.

    `since` is the instant from which the job counts (creation, or its last edit), `mark` the newest slot that
    was already decided. A slot is *open* when it lies strictly after both.
    """

    @property
    def grace(self) -> timedelta | None:
        """How late the one slot of `@after` may start; None for every other kind."""

    def next(self, since: datetime, mark: datetime | None = None) -> datetime | None:
        """The earliest open slot, None if there is none."""

    def latest(self, since: datetime, mark: datetime | None, until: datetime) -> datetime | None:
        """The newest open slot at or before `until`, None if there is none; never steps slot by slot."""

    def count(self, since: datetime, mark: datetime | None, until: datetime) -> int:
        """How many open slots lie at or before `until`, exactly; never steps slot by slot."""
