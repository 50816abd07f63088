"""Deferred slots: missed slots that wait for their turn, because the job wants all of them and never two runs at once.

The mark passes them, so slots that come due later are decided at their time, and the next process knows which slots
were missed. A process that remembered this by itself would run each slot that was refused before its start.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from dkron_crds.job import AcceptedSchedule, DeferredSlots
from dkron_crds.schedule.timeline import Timeline
from dkron_crds.status import MAX_DEFERRED

Stretches = tuple[DeferredSlots, ...]


@dataclass(frozen=True, slots=True)
class UndecidedSlots:
    """Slots decided together: the slots of `line`, the accepted `schedule`, except those that have `begun`."""

    line: Timeline
    schedule: AcceptedSchedule | None
    begun: frozenset[datetime] = frozenset()

    def number(self, mark: datetime | None, until: datetime) -> int:
        """How many lie after the mark and not after `until`."""
        begun = sum(1 for slot in self.begun if slot <= until and (mark is None or slot > mark))
        return self.line.count(mark, until) - begun

    def first(self, mark: datetime | None) -> datetime | None:
        """The first of them after the mark."""
        slot = self.line.next(mark)
        while slot in self.begun:
            slot = self.line.next(slot)
        return slot


@dataclass(frozen=True, slots=True)
class SlotsDeferred:
    """The undecided slots up to and including `until` were missed, and wait for their turn."""

    until: datetime
    slots: UndecidedSlots

    def onto(self, stretches: Stretches, schedule: AcceptedSchedule | None, mark: datetime | None) -> Stretches | None:
        """The stretches with these slots, of a status with this schedule and mark; None if another writer has decided
        these slots, or if the status has no room for another stretch."""
        if (mark is not None and mark >= self.until) or not has_room(stretches) or schedule != self.slots.schedule:
            return None
        number = self.slots.number(mark, self.until)
        return (*stretches, DeferredSlots(after=mark, until=self.until)) if number else stretches


def that_wait(number: int) -> str:
    """How many slots wait for their turn, as a clause."""
    return "1 missed slot waits for its turn" if number == 1 else f"{number} missed slots wait for their turn"


def has_room(stretches: Stretches) -> bool:
    """Whether there may be another stretch."""
    return len(stretches) < MAX_DEFERRED


def without(stretches: Stretches, until: datetime) -> Stretches:
    """The stretches without the slots up to and including `until`."""
    later = (each for each in stretches if each.until > until)
    return tuple(
        each if each.after is not None and each.after >= until else each.model_copy(update={"after": until})
        for each in later
    )


def not_after(stretches: Stretches, end: datetime) -> Stretches:
    """The stretches without the slots after `end`."""
    begun = (each for each in stretches if each.after is None or each.after < end)
    return tuple(each if each.until <= end else each.model_copy(update={"until": end}) for each in begun)


def is_in(stretches: Stretches, slot: datetime) -> bool:
    """Whether this slot is deferred."""
    return any((each.after is None or each.after < slot) and slot <= each.until for each in stretches)


def first(stretches: Stretches, line: Timeline, now: datetime) -> datetime | None:
    """The oldest deferred slot; None if the stretches hold no slot up to now."""
    return min(_each(stretches, line, now), default=None)


def newest(stretches: Stretches, line: Timeline, until: datetime) -> datetime | None:
    """The newest deferred slot that is not after `until`; None if there is none."""
    found = (line.latest(each.after, min(each.until, until)) for each in stretches)
    return max((slot for slot in found if slot is not None), default=None)


def count(stretches: Stretches, slots: UndecidedSlots, until: datetime) -> int:
    """How many deferred slots are not after `until`."""
    return sum(slots.number(each.after, min(each.until, until)) for each in stretches)


def _each(stretches: Stretches, line: Timeline, now: datetime) -> Iterator[datetime]:
    for each in stretches:
        slot = line.next(each.after)
        if slot is not None and slot <= min(each.until, now):
            yield slot
