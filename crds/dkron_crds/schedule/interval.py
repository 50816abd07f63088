"""`@every`: a grid of equal steps that starts at the second of `since`. Neither restarts nor saving an unchanged job
shift it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from dkron_crds.schedule.instants import decided


@dataclass(frozen=True, slots=True)
class Every:
    """Slots at `since + k * interval`, k = 1, 2, …, without the fraction of a second that `since` has after an edit;
    `interval` is at least one second, so the first slot is after `since`."""

    interval: timedelta

    @property
    def grace(self) -> timedelta | None:
        """None: a grid has no grace."""
        return None

    def next(self, since: datetime, mark: datetime | None = None) -> datetime | None:
        """Return the first grid point after the decided ones; None beyond the year 9999."""
        return self._point(since, self._steps(since, decided(since, mark)) + 1)

    def latest(self, since: datetime, mark: datetime | None, until: datetime) -> datetime | None:
        """Return the last open grid point not after `until`."""
        if self.count(since, mark, until) == 0:
            return None
        return self._point(since, self._steps(since, until))

    def count(self, since: datetime, mark: datetime | None, until: datetime) -> int:
        """Count the open grid points not after `until`."""
        return max(0, self._steps(since, until) - self._steps(since, decided(since, mark)))

    def _steps(self, since: datetime, until: datetime) -> int:
        return (until - since.replace(microsecond=0)) // self.interval

    def _point(self, since: datetime, k: int) -> datetime | None:
        try:
            return since.replace(microsecond=0) + k * self.interval
        except OverflowError:
            return None
