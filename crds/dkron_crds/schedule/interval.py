"""`@every`: a grid of equal steps that starts at `since` and that neither restarts nor saves can shift."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from dkron_crds.schedule.instants import decided


@dataclass(frozen=True, slots=True)
class Every:
    """Slots at `since + k * interval`, k = 1, 2, …; `interval` is at least one second."""

    interval: timedelta

    @property
    def grace(self) -> timedelta | None:
        """A grid has no grace."""
        return None

    def next(self, since: datetime, mark: datetime | None = None) -> datetime | None:
        """The first point of the grid after what is decided; None beyond the year 9999."""
        return self._point(since, (decided(since, mark) - since) // self.interval + 1)

    def latest(self, since: datetime, mark: datetime | None, until: datetime) -> datetime | None:
        """The last point of the grid that is open and not after `until`."""
        if self.count(since, mark, until) == 0:
            return None
        return self._point(since, (until - since) // self.interval)

    def count(self, since: datetime, mark: datetime | None, until: datetime) -> int:
        """The points of the grid that are open and not after `until`."""
        passed = (decided(since, mark) - since) // self.interval
        return max(0, (until - since) // self.interval - passed)

    def _point(self, since: datetime, k: int) -> datetime | None:
        try:
            return since + k * self.interval
        except OverflowError:
            return None
