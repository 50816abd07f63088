"""What is due in a period, over all jobs, and the seconds in which many jobs are due at once."""

import heapq
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice

from dkron_cli.core.job import Job
from dkron_cli.core.slots import coming, read_job
from dkron_cli.core.table import Table, table
from dkron_cli.core.words import ago, instant

MOST = 200_000
"""Slots that are looked at: a job of each second has 86,400 a day."""
Due = tuple[datetime, str, str]
"""A slot, and namespace and name of its job."""


def due(jobs: Sequence[Job], *, now: datetime, until: datetime) -> Iterator[Due]:
    """Yield what is due until then, in the order of time."""
    return islice(heapq.merge(*(_of(job, now, until) for job in jobs)), MOST)


def _of(job: Job, now: datetime, until: datetime) -> Iterator[Due]:
    for slot in coming(read_job(job), now=now):
        if slot > until:
            return
        yield slot, job.namespace, job.name


def crowded(found: Sequence[Due], *, least: int) -> list[tuple[datetime, int]]:
    """Return the seconds in which at least so many jobs are due, the fullest first."""
    counts = Counter(slot.replace(microsecond=0) for slot, _, _ in found)
    full = [(second, count) for second, count in counts.items() if count >= least]
    return sorted(full, key=lambda each: (-each[1], each[0]))


def due_table(found: Sequence[Due], *, now: datetime, namespaces: bool) -> Table:
    """Return the table of `agenda`: a line for each slot of a job."""
    rows = [(instant(slot), ago(slot, now), space if namespaces else "", name) for slot, space, name in found]
    return table(("DUE", "IN", "NAMESPACE", "JOB"), rows)
