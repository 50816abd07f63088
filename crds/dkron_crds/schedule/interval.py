"""`@every`: a grid of equal steps that starts at `since`. Neither restarts nor saving an unchanged job shift it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from dkron_crds.schedule.instants import decided


@dataclass(frozen=True, slots=True)
class Every:
    """Slots at `since + k * interval`, k = 1, 2, …; `interval` is at least one second."""

    interval: timedelta

    @property
    def grace(self) -> timedelta | None:
        """None: a grid has no grace."""
        return None

    def next(self, since: datetime, mark: datetime | None = None) -> datetime | None:
        """Return the first grid point after the decided ones; None beyond the year 9999."""
        return self._point(since, (decided(since, mark) - since) // self.interval + 1)

    def latest(self, since: datetime, mark: datetime | None, until: datetime) -> datetime | None:
        """Return the last open grid point not after `until`."""
        if self.count(since, mark, until) == 0:
            return None
        return self._point(since, (until - since) // self.interval)

    def count(self, since: datetime, mark: datetime | None, until: datetime) -> int:
        """Count the open grid points not after `until`."""
        passed = (decided(since, mark) - since) // self.interval
        return max(0, (until - since) // self.interval - passed)

    def _point(self, since: datetime, k: int) -> datetime | None:
        try:
            return since + k * self.interval
        except OverflowError:
            return None
