"""Slots that a plan decides together, and how many of them are left once another writer has decided some."""

from dataclasses import dataclass
from datetime import datetime

from dkron_crds.job import AcceptedSchedule
from dkron_crds.schedule.timeline import Timeline


@dataclass(frozen=True, slots=True)
class UndecidedSlots:
    """The slots of `line`, the accepted `schedule`, except those that have `begun`."""

    line: Timeline
    schedule: AcceptedSchedule | None
    begun: frozenset[datetime] = frozenset()

    def count(self, schedule: AcceptedSchedule | None, mark: datetime | None, until: datetime) -> int | None:
        """How many lie after the mark and not after `until`; None if a status with this schedule has none of them: when
        another writer accepted it, the slots of the schedule before it were settled."""
        return None if schedule != self.schedule else self.number(mark, until)

    def number(self, mark: datetime | None, until: datetime) -> int:
        """How many lie after the mark and not after `until`."""
        begun = sum(1 for slot in self.begun if slot <= until and (mark is None or slot > mark))
        return self.line.count(mark, until) - begun
