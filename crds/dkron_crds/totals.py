"""How many executions ended on each day, over all jobs: the operator keeps these sums in `DkronCluster.status`, and the
REST API shows them at once, before they are written. Pure.

Each job shows its two newest days. What no job shows any more, the operator adds to `departed` when it forgets the job.
So for each day

    total = max(stored, departed + what living jobs show)

holds, whoever has written last: while a count has reached its job and not yet the sums, the right side is the larger
one; while a job has gone (or shows the day no more) and has not yet reached `departed`, the left side is. Only if both
happen to one day after the last write of the sums, and the operator dies before the next, as many may be missing as the
lost jobs had shown.

No execution counts twice as long as `departed` is not newer than what the jobs show: read the DkronCluster first.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from itertools import chain

from dkron_crds.base import saturated
from dkron_crds.status import Day

Counts = Counter[tuple[date, bool]]
"""How often an execution succeeded (True) or failed (False) on a day."""


def daily_totals(stored: Iterable[Day], departed: Iterable[Day], living: Iterable[Iterable[Day]]) -> dict[date, Day]:
    """The total of each day (UTC) on which anything ended.

    `stored` and `departed` are `ClusterStatus.days` and `.departed`; `living` yields `JobStatus.days` of each job that
    exists.
    """
    shown = counts(chain(departed, chain.from_iterable(living)))
    return {day.date: day for day in as_days(counts(stored) | shown)}


def counts(days: Iterable[Day]) -> Counts:
    """The days as counts, which can be added, subtracted and compared."""
    found: Counts = Counter()
    for day in days:
        found[day.date, True] += day.success
        found[day.date, False] += day.failed
    return found


def as_days(found: Counts, *, newest: int | None = None, until: date = date.max) -> tuple[Day, ...]:
    """The newest days, up to and including `until`, on which anything was counted, in their order."""
    dates = sorted({day for (day, _), count in found.items() if count > 0 and day <= until})
    if newest is not None:
        dates = dates[-newest:]
    return tuple(_day(found, day) for day in dates)


def _day(found: Counts, day: date) -> Day:
    # Whoever may write one status may have written any count there, and sums of those are larger than any.
    return Day(date=day, success=saturated(found[day, True]), failed=saturated(found[day, False]))
