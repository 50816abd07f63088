"""Schedules with at most one slot: `@at`, `@after` and `@manually`."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from dkron_crds.schedule.instants import decided


@dataclass(frozen=True, slots=True)
class Never:
    """`@manually`: runs only on request. So does a pattern that no date matches, such as 31 February: `impossible`."""

    impossible: bool = field(default=False, compare=False)

    @property
    def grace(self) -> timedelta | None:
        """None: there are no slots."""
        return None

    def next(self, since: datetime, mark: datetime | None = None) -> datetime | None:  # noqa: ARG002
        """Return None: there are no slots."""
        return None

    def latest(self, since: datetime, mark: datetime | None, until: datetime) -> datetime | None:  # noqa: ARG002
        """Return None: there are no slots."""
        return None

    def count(self, since: datetime, mark: datetime | None, until: datetime) -> int:  # noqa: ARG002
        """Return 0: there are no slots."""
        return 0


@dataclass(frozen=True, slots=True)
class At:
    """`@at`: one slot, which a job created later does not get."""

    slot: datetime

    @property
    def grace(self) -> timedelta | None:
        """None: the job's start deadline limits how late the slot may start."""
        return None

    def next(self, since: datetime, mark: datetime | None = None) -> datetime | None:
        """Return the slot while it is open."""
        return self.slot if self.slot > decided(since, mark) else None

    def latest(self, since: datetime, mark: datetime | None, until: datetime) -> datetime | None:
        """Return the slot if it is open and not after `until`."""
        return self.slot if decided(since, mark) < self.slot <= until else None

    def count(self, since: datetime, mark: datetime | None, until: datetime) -> int:
        """Return one or zero."""
        return int(self.latest(since, mark, until) is not None)


@dataclass(frozen=True, slots=True)
class After:
    """`@after`: one slot, which a job created up to `grace` later still gets (Dkron behaviour §3.3).

    The slot is always the instant as written, so `mark` shows whether it was decided and it never fires twice.
    """

    slot: datetime
    grace: timedelta

    def next(self, since: datetime, mark: datetime | None = None) -> datetime | None:
        """Return the slot, unless it is decided or its grace had passed when the job was created."""
        if mark is not None and mark >= self.slot:
            return None
        return self.slot if since - self.slot <= self.grace else None

    def latest(self, since: datetime, mark: datetime | None, until: datetime) -> datetime | None:
        """Return the slot if it is open and not after `until`."""
        slot = self.next(since, mark)
        return slot if slot is not None and slot <= until else None

    def count(self, since: datetime, mark: datetime | None, until: datetime) -> int:
        """Return one or zero."""
        return int(self.latest(since, mark, until) is not None)
