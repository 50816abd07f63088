"""Daily totals: what each job shows of its executions, and the sums over all jobs. Held in memory only; after a crash
they are rebuilt from the jobs and from `DkronCluster.status`, see `dkron_crds.totals`."""

from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta

from dkron_crds.cluster import MAX_DAYS, MAX_DEPARTED
from dkron_crds.job import Day, JobStatus
from dkron_crds.totals import Counts, as_days, counts
from dkron_operator.plan.status.fold import recorded

NOTHING = JobStatus()


class DailyTotals:
    """Sums over jobs. Each change costs the same, however many jobs there are."""

    def __init__(self) -> None:
        self.active = 0
        self._shown: dict[str, JobStatus] = {}
        self._living: Counts = Counter()
        self._totals: Counts = Counter()
        self._again: dict[str, Counts] = {}

    def __len__(self) -> int:
        return len(self._shown)

    def days(self, today: date) -> tuple[Day, ...]:
        """The totals of about a year, the newest last. Future days, which a user may have written into a status, are
        left out: they would displace real ones."""
        return as_days(self._totals, newest=MAX_DAYS, until=_latest(today))

    def departed(self, today: date) -> tuple[Day, ...]:
        """The part of the newest days' totals that no job shows any more."""
        newest = {day.date for day in as_days(self._totals, newest=MAX_DEPARTED, until=_latest(today))}
        gone = self._totals - self._living
        return as_days(Counter({key: count for key, count in gone.items() if key[0] in newest}))

    def restore(self, stored: Iterable[Day], departed: Iterable[Day]) -> None:
        """Continue from what an earlier process wrote. Called once; jobs may be known already."""
        self._totals |= counts(stored) | (counts(departed) + self._living)

    def agree(self, stored: Iterable[Day]) -> None:
        """Merge totals that another process wrote: no total falls."""
        self._totals |= counts(stored)

    def upsert(self, uid: str, status: JobStatus) -> None:
        """The API server has this status of the job."""
        before = self._shown.get(uid, NOTHING)
        self._shown[uid] = status
        self.active += status.active_count - before.active_count
        if status.days is before.days and status.since == before.since:
            return
        if not (status.days or before.days) and (before.since is None or status.since is not None):
            # A start reads many jobs that have not run lately. A wipe has to be noticed all the same.
            return
        old, new = counts(before.days), counts(status.days)
        # The operators + and - would go through every day of the totals.
        self._living.update(new)
        self._living.subtract(old)
        self._totals.update(self._growth(uid, before, status, new - old))

    def remove(self, uid: str) -> None:
        """The job no longer exists; what it has shown stays in the totals."""
        before = self._shown.pop(uid, NOTHING)
        self.active -= before.active_count
        self._living.subtract(counts(before.days))
        self._again.pop(uid, None)

    def _growth(self, uid: str, before: JobStatus, status: JobStatus, grown: Counts) -> Counts:
        """The growth without Jobs that are counted again after a wipe, because they still exist."""
        if before.since is not None and status.since is None:
            # The executions whose Jobs may still exist and that the wiped status no longer has.
            forgotten = set(before.counted) - recorded(status)
            self._again[uid] = Counter((e.ended_at.date(), e.success) for e in before.executions if e.job in forgotten)
        known = grown & self._again.get(uid, Counter())
        if known:
            self._again[uid] -= known
        return grown - known


def _latest(today: date) -> date:
    """Clocks differ, so around midnight the date may be a day ahead."""
    return today if today == date.max else today + timedelta(days=1)
