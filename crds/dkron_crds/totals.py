"""How many executions ended on each day, over all jobs: the sums of which the operator keeps one per day in
`DkronCluster.status`, and which the REST API shows at once, before the operator has written them. Pure.

Each job shows its two newest days. What no job shows any more, the operator adds to `departed` before it forgets the
job. So for a day

    total = max(stored, departed + what living jobs show)

holds whoever wrote last. While a count has reached its job and not the sums, the right side is the larger one. While a
job is gone and has not reached `departed`, the left side is. It is exact unless both happen between two writes of the
sums and the operator dies before the second: then at most as many are missing as the jobs that went had shown.

It never counts twice as long as `departed` is not newer than what the jobs show; read the cluster first.
"""

from collections.abc import Iterable
from datetime import date

from dkron_crds.status import Day


def daily_totals(stored: Iterable[Day], departed: Iterable[Day], living: Iterable[Iterable[Day]]) -> dict[date, Day]:
    """The total of each day (UTC) that anybody knows of.

    `stored` and `departed` are `ClusterStatus.days` and `.departed`; `living` yields `JobStatus.days` of each job that
    exists.
    """
    shown = added((departed, *living))
    known = added((stored,))
    return {day: _larger(known.get(day), shown.get(day)) or Day(date=day, success=0, failed=0) for day in known | shown}


def added(shares: Iterable[Iterable[Day]]) -> dict[date, Day]:
    """The sum of each day."""
    success: dict[date, int] = {}
    failed: dict[date, int] = {}
    for share in shares:
        for day in share:
            success[day.date] = success.get(day.date, 0) + day.success
            failed[day.date] = failed.get(day.date, 0) + day.failed
    return {day: Day(date=day, success=success[day], failed=failed[day]) for day in success}


def _larger(one: Day | None, other: Day | None) -> Day | None:
    if one is None or other is None:
        return one or other
    return Day(date=one.date, success=max(one.success, other.success), failed=max(one.failed, other.failed))
