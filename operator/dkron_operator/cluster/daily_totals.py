"""The ledger: what each job shows of its executions, and the sums over all of them. In memory only; after a crash it is
made anew from the jobs and from what `DkronCluster.status` says, see `dkron_crds.totals`.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta

from dkron_crds.cluster import MAX_DAYS, MAX_DEPARTED
from dkron_crds.job import Day, JobStatus
from dkron_crds.totals import Counts, as_days, counts
from dkron_operator.plan.fold import recorded

NOTHING = JobStatus()


class DailyTotals:
    """Sums over jobs of which each change costs the same, however many there are."""

    def __init__(self) -> None:
        self.active = 0
        self._shown: dict[str, JobStatus] = {}
        self._living: Counts = Counter()
        self._totals: Counts = Counter()
        self._again: dict[str, Counts] = {}

    def __len__(self) -> int:
        return len(self._shown)

    def days(self, today: date) -> tuple[Day, ...]:
        """The totals of about a year, the newest last. Days to come, which somebody has written into a status by hand,
        would take the places of those that were."""
        return as_days(self._totals, newest=MAX_DAYS, until=_latest(today))

    def departed(self, today: date) -> tuple[Day, ...]:
        """What of the newest days no job shows any more."""
        newest = {day.date for day in as_days(self._totals, newest=MAX_DEPARTED, until=_latest(today))}
        gone = self._totals - self._living
        return as_days(Counter({key: count for key, count in gone.items() if key[0] in newest}))

    def restore(self, stored: Iterable[Day], departed: Iterable[Day]) -> None:
        """Go on from what was written, by an earlier process. Called once, the jobs may be known already."""
        self._totals |= counts(stored) | (counts(departed) + self._living)

    def agree(self, stored: Iterable[Day]) -> None:
        """Somebody else has written totals: none of them falls."""
        self._totals |= counts(stored)

    def see(self, uid: str, status: JobStatus) -> None:
        """The API server has this status of the job."""
        before = self._shown.get(uid, NOTHING)
        self._shown[uid] = status
        self.active += len(status.active) - len(before.active)
        if status.days is before.days and status.since == before.since:
            return
        old, new = counts(before.days), counts(status.days)
        # Not + and -, which look at every day there is.
        self._living.update(new)
        self._living.subtract(old)
        self._totals.update(self._growth(uid, before, status, new - old))

    def lose(self, uid: str) -> None:
        """The job exists no more; what it has shown stays in the totals."""
        before = self._shown.pop(uid, NOTHING)
        self.active -= len(before.active)
        self._living.subtract(counts(before.days))
        self._again.pop(uid, None)

    def _growth(self, uid: str, before: JobStatus, status: JobStatus, grown: Counts) -> Counts:
        """What is new of what the days have grown by: after a wipe, Jobs that still exist are counted again."""
        if before.since is not None and status.since is None:
            self._again[uid] = _countable(before, status)
        known = grown & self._again.get(uid, Counter())
        if known:
            self._again[uid] -= known
        return grown - known


def _latest(today: date) -> date:
    """Clocks differ, around midnight by a day."""
    return today if today == date.max else today + timedelta(days=1)


def _countable(before: JobStatus, wiped: JobStatus) -> Counts:
    """The executions whose Jobs still exist, and of which the status knows nothing any more."""
    forgotten = set(before.counted) - recorded(wiped)
    return Counter((e.finished_at.date(), e.success) for e in before.executions if e.job in forgotten)
