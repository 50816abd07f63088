"""Cron schedules in a zone: every instant at which the zone's wall clock matches.

The search goes through stretches of constant UTC offset. A local time in a gap therefore has no slot and one in an
overlap has two, whatever the size and hour of the clock change.
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
        """None: the job's start deadline limits how late a slot may start."""
        return None

    def next(self, since: datetime, mark: datetime | None = None) -> datetime | None:
        """Return the first slot after the decided ones; None if there is none up to five calendar years later."""
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
        """Return the last open slot not after `until`, searching backwards."""
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
        """Count the open slots not after `until`, by whole days and months."""
        at = max(seconds(decided(since, mark)) + 1, EARLIEST)
        stop = min(seconds(until) + 1, LATEST)
        total = 0
        while at < stop:
            _, end, offset = self.zone.stretch(at)
            total += self.pattern.count(at + offset, min(end, stop) + offset)
            at = end
        return total


def _horizon(local: int) -> int:
    """Return the wall clock second at which robfig's search gives up: the end of the fifth year after this one."""
    year = moment(local).year + _PATIENCE_YEARS + 1
    return seconds(datetime(min(year, 9999), 1, 1, tzinfo=UTC))
