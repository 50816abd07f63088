"""Executions that ended on each day, over all jobs: the operator stores these sums in `DkronCluster.status`, and the
REST API computes current ones before they are stored. Pure.

Each job shows its two newest days. When a job is forgotten or stops showing a day, the operator adds that count to
`departed`. For each day

    total = max(stored, departed + what living jobs show)

holds regardless of which object was written last. While a count has reached its job but not yet the sums, the right
side is larger. While a job is gone (or no longer shows the day) but has not yet reached `departed`, the left side is
larger. Counts are lost only if both happen for one day after the last write of the sums and the operator dies before
the next write; then up to as many are missing as the lost jobs had shown.

No execution counts twice as long as `departed` is not newer than what the jobs show, so read the DkronCluster first.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from itertools import chain

from dkron_crds.base import saturated
from dkron_crds.status import Day

Counts = Counter[tuple[date, bool]]
"""Number of executions that succeeded (True) or failed (False) on a day."""


def daily_totals(stored: Iterable[Day], departed: Iterable[Day], living: Iterable[Iterable[Day]]) -> dict[date, Day]:
    """Return the total of each day (UTC) on which an execution ended.

    `stored` and `departed` are `ClusterStatus.days` and `.departed`; `living` yields `JobStatus.days` of each
    existing job.
    """
    shown = counts(chain(departed, chain.from_iterable(living)))
    return {day.date: day for day in as_days(counts(stored) | shown)}


def counts(days: Iterable[Day]) -> Counts:
    """Return the days as counts, which can be added, subtracted and compared."""
    found: Counts = Counter()
    for day in days:
        found[day.date, True] += day.success
        found[day.date, False] += day.failed
    return found


def as_days(found: Counts, *, newest: int | None = None, until: date = date.max) -> tuple[Day, ...]:
    """Return the newest days, up to and including `until`, that have a count, in ascending order."""
    dates = sorted({day for (day, _), count in found.items() if count > 0 and day <= until})
    if newest is not None:
        dates = dates[-newest:]
    return tuple(_day(found, day) for day in dates)


def _day(found: Counts, day: date) -> Day:
    # A client with permission to write a status may have written any count, and their sum may exceed the bound.
    return Day(date=day, success=saturated(found[day, True]), failed=saturated(found[day, False]))
