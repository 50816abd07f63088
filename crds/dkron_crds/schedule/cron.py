"""Cron schedules in a zone: every real instant at which the zone's wall clock matches.

Stretch of constant offset by stretch, so a time inside a gap has no slot and a time in an overlap has two,
whatever the size of the change and the hour at which it happens.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dkron_crds.schedule.instants import EARLIEST, LATEST, decided, moment, seconds
from dkron_crds.schedule.wallclock import Pattern
from dkron_crds.schedule.zones import Zone

_PATIENCE_YEARS = 5


@dataclass(frozen=True, slots=True)
class Cron:
    """The slots of a pattern on the wall clock of a zone."""

    pattern: Pattern
    zone: Zone

    @property
    def grace(self) -> timedelta | None:
        """How late a slot may start is the job's start deadline."""
        return None

    def next(self, since: datetime, mark: datetime | None = None) -> datetime | None:
        """The first slot after what is decided; None if there is none up to five calendar years later."""
        at = seconds(decided(since, mark)) + 1
        horizon = _horizon(at + self.zone.stretch(at).offset) if at < LATEST else 0
        while at < LATEST:
            _, end, offset = self.zone.stretch(at)
            if at + offset >= horizon:
                return None
            slot = self.pattern.first(at + offset, min(end + offset, horizon))
            if slot is not None:
                return moment(slot - offset)
            at = end
        return None

    def latest(self, since: datetime, mark: datetime | None, until: datetime) -> datetime | None:
        """The last slot that is open and not after `until`, searched backwards."""
        floor = seconds(decided(since, mark)) + 1
        end = min(seconds(until) + 1, LATEST)
        while end > floor:
            start, _, offset = self.zone.stretch(end - 1)
            slot = self.pattern.last(max(start, floor) + offset, end + offset)
            if slot is not None:
                return moment(slot - offset)
            end = start
        return None

    def count(self, since: datetime, mark: datetime | None, until: datetime) -> int:
        """The slots that are open and not after `until`, by whole days and months."""
        at = max(seconds(decided(since, mark)) + 1, EARLIEST)
        stop = min(seconds(until) + 1, LATEST)
        total = 0
        while at < stop:
            _, end, offset = self.zone.stretch(at)
            total += self.pattern.count(at + offset, min(end, stop) + offset)
            at = end
        return total


def _horizon(local: int) -> int:
    """The wall clock second at which robfig's search gives up: the end of the fifth year after this one."""
    year = moment(local).year + _PATIENCE_YEARS + 1
    return seconds(datetime(min(year, 9999), 1, 1, tzinfo=UTC))
