"""Schedules with one slot or none: `@at`, `@after` and `@manually`."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from dkron_crds.schedule.instants import decided


@dataclass(frozen=True, slots=True)
class Never:
    """`@manually`: runs only when somebody asks."""

    @property
    def grace(self) -> timedelta | None:
        """Nothing to be late for."""
        return None

    def next(self, since: datetime, mark: datetime | None = None) -> datetime | None:  # noqa: ARG002
        """No slot."""
        return None

    def latest(self, since: datetime, mark: datetime | None, until: datetime) -> datetime | None:  # noqa: ARG002
        """No slot."""
        return None

    def count(self, since: datetime, mark: datetime | None, until: datetime) -> int:  # noqa: ARG002
        """No slot."""
        return 0


@dataclass(frozen=True, slots=True)
class At:
    """`@at`: one slot, which never comes for a job that was made later."""

    slot: datetime

    @property
    def grace(self) -> timedelta | None:
        """`@at` has no grace of its own; how late it may start is the job's start deadline."""
        return None

    def next(self, since: datetime, mark: datetime | None = None) -> datetime | None:
        """The slot while it is open."""
        return self.slot if self.slot > decided(since, mark) else None

    def latest(self, since: datetime, mark: datetime | None, until: datetime) -> datetime | None:
        """The slot if it is open and not after `until`."""
        return self.slot if decided(since, mark) < self.slot <= until else None

    def count(self, since: datetime, mark: datetime | None, until: datetime) -> int:
        """One or none."""
        return int(self.latest(since, mark, until) is not None)


@dataclass(frozen=True, slots=True)
class After:
    """`@after`: one slot, which a job made up to `grace` later still gets (Dkron behaviour §3.3).

    The slot is always the written instant, so `mark` tells that it was decided and it never fires twice.
    """

    slot: datetime
    grace: timedelta

    def next(self, since: datetime, mark: datetime | None = None) -> datetime | None:
        """The slot, until it is decided or its grace had passed when the job was made."""
        if mark is not None and mark >= self.slot:
            return None
        return self.slot if since - self.slot <= self.grace else None

    def latest(self, since: datetime, mark: datetime | None, until: datetime) -> datetime | None:
        """The slot if it is open and not after `until`."""
        slot = self.next(since, mark)
        return slot if slot is not None and slot <= until else None

    def count(self, since: datetime, mark: datetime | None, until: datetime) -> int:
        """One or none."""
        return int(self.latest(since, mark, until) is not None)
