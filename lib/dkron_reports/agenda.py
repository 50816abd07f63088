"""The slots of many jobs in a period, and the seconds in which many jobs are due at once."""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from dkron_crds.schedule.instants import rfc3339, shifted
from dkron_reports.job import Job
from dkron_reports.slices import Steps
from dkron_reports.slots import coming, read_timing
from dkron_reports.words import instant, read_span

LOOKED = 10_000
"""Slots that are looked at: a job of each second has 3,600 an hour."""
MOST = 2000
"""Slots that are listed."""
FULLEST = 100
"""Crowded seconds that are listed."""


class Due(NamedTuple):
    """A slot, and namespace and Dkron name of its job."""

    slot: datetime
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Agenda:
    """The first slots of a period. `total` counts those that were looked at; `crowded` has the fullest seconds with
    their number of jobs."""

    start: datetime
    end: datetime
    due: tuple[Due, ...]
    total: int
    crowded: tuple[tuple[datetime, int], ...]
    minutes: tuple[tuple[datetime, int], ...]
    """How many of those that were looked at each minute has."""
    until: datetime | None
    """The last slot that was looked at, if there are more."""
    remarks: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the agenda for programs."""
        return {
            "from": rfc3339(self.start),
            "to": rfc3339(self.end),
            "due": [{"due": rfc3339(slot), "namespace": space, "job": name} for slot, space, name in self.due],
            "total": self.total,
            "crowded": [{"second": rfc3339(second), "jobs": jobs} for second, jobs in self.crowded],
            "remarks": list(self.remarks),
        }


def end_of(within: str, now: datetime, *, option: str) -> datetime:
    """Return the end of a period that a user wrote as its length. Raises ValueError with a sentence."""
    return shifted(now, read_span(option, within))


def planning(
    jobs: Iterable[tuple[Job, datetime | None]],
    *,
    now: datetime,
    end: datetime,
    most: int,
    least: int = 2,
    looked: int = LOOKED,
) -> Steps[Agenda]:
    """Return the slots after `now` and not after `end`, in steps: `most` slots at most, and the seconds in which at
    least so many jobs are due. `jobs` come with `first_of` each. `looked` limits the slots that are looked at."""
    starts = []
    for job, first in jobs:
        yield
        if first is not None and first <= end:
            starts.append(_slots(job, first, end))
    ahead = heapq.merge(*starts)
    due: list[Due] = []
    seconds: Counter[datetime] = Counter()
    minutes: Counter[datetime] = Counter()
    slot, total = now, 0
    for total, each in enumerate(islice(ahead, looked), 1):
        yield
        slot = each.slot
        seconds[slot.replace(microsecond=0)] += 1
        minutes[slot.replace(second=0, microsecond=0)] += 1
        if total <= most:
            due.append(each)
    more = next(ahead, None) is not None
    remark = f"the report covers only the first {looked} slots, up to {instant(slot)}; use a shorter period"
    full = sorted(((at, jobs) for at, jobs in seconds.items() if jobs >= least), key=lambda each: (-each[1], each[0]))
    return Agenda(
        start=now,
        end=end,
        due=tuple(due),
        total=total,
        crowded=tuple(full[:FULLEST]),
        minutes=tuple(minutes.items()),
        until=slot if more else None,
        remarks=(remark,) if more else (),
    )


def _slots(job: Job, first: datetime, end: datetime) -> Iterator[Due]:
    """Yield the slots of one job. Its schedule is only read once the first has been taken, so jobs that are due later
    cost next to nothing."""
    yield Due(first, job.namespace, job.name)
    for slot in coming(read_timing(job), now=first):
        if slot > end:
            return
        yield Due(slot, job.namespace, job.name)


def first_of(job: Job, *, now: datetime) -> datetime | None:
    """Return the first slot after `now`: from the status, if the operator keeps it, otherwise computed."""
    if job.disabled or job.parents:
        return None
    timing = read_timing(job)
    if timing.seen and (job.next is None or job.next > now):
        return job.next
    return next(coming(timing, now=now), None)


def with_first(jobs: Iterable[Job], *, now: datetime) -> Iterator[tuple[Job, datetime | None]]:
    """Yield the jobs with their first slots, as `planning` takes them."""
    return ((job, first_of(job, now=now)) for job in jobs)
