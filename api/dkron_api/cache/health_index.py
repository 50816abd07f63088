"""How the jobs of a namespace stand, each read once for each version of its object.

Reading ten thousand jobs takes half a second or more, and summing them up some 50 ms: both happen in slices, and an
overview that many clients look at is made once.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from dkron_api.cache.job_index import JobIndex
from dkron_api.translate.record import Job
from dkron_crds.schedule.errors import quoted
from dkron_reports.health import JobHealth, health_of
from dkron_reports.slices import Steps, T
from dkron_reports.summary import Summary, summarizing

SLICE = 0.005
"""Seconds after which other requests have their turn."""


class Slices:
    """The long computations of the process. They take turns: however many there are, any other request waits for one
    slice at most."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def run(self, steps: Steps[T]) -> T:
        """Do all steps, and return the result."""
        while True:
            async with self._turn:
                end = time.perf_counter() + SLICE
                while time.perf_counter() < end:
                    try:
                        next(steps)
                    except StopIteration as over:
                        return over.value  # type: ignore[no-any-return] # StopIteration does not know the type
                # Keep the turn until the loop has run its other ready callbacks.
                await asyncio.sleep(0)


log = logging.getLogger(__name__)

SHARE = 20
"""An overview is computed again after this many times as long as it took: overviews take a twentieth of one core at
most."""


class Read(NamedTuple):
    """A job that was read. `unseen_since` is when its generation was first met without the operator's having seen it;
    None if it has."""

    job: Job
    unseen_since: datetime | None
    health: JobHealth


class HealthIndex:
    """The health of all objects of an index, also of those whose Dkron name belongs to an older object."""

    def __init__(self, job_index: JobIndex, clock: Callable[[], datetime], slices: Slices) -> None:
        self._index, self._clock, self._slices = job_index, clock, slices
        self._read: dict[str, Read] = {}
        self._revision = -1
        self._all: Sequence[JobHealth] = ()
        self._reading, self._summing = asyncio.Lock(), asyncio.Lock()
        self._summary: Summary | None = None
        self._until = 0.0

    async def all(self) -> Sequence[JobHealth]:
        """Return the health of all jobs, in any order."""
        async with self._reading:
            revision = self._index.revision
            if revision != self._revision:
                self._all = await self._slices.run(self._reading_all())
                self._revision = revision
            return self._all

    async def all_by_name(self) -> dict[str, JobHealth]:
        """Return the health of the jobs that the index shows, by their Dkron names."""
        await self.all()
        shown = ((job.name, self._read.get(job.uid)) for job in self._index)
        return {name: read.health for name, read in shown if read is not None}

    async def by_names(self, names: Iterable[str]) -> dict[str, JobHealth]:
        """Return the health of these jobs, by their Dkron names, without reading others."""
        async with self._reading:
            return await self._slices.run(self._reading_some(tuple(names)))

    async def summary(self) -> Summary:
        """Return the overview, which may be some seconds old where there are many jobs."""
        async with self._summing:
            if self._summary is None or time.monotonic() >= self._until:
                begin = time.monotonic()
                self._summary = await self._slices.run(summarizing(await self.all(), now=self._clock()))
                took = time.monotonic() - begin
                self._until = begin + SHARE * took
            return self._summary

    def _reading_all(self) -> Steps[Sequence[JobHealth]]:
        found: dict[str, Read] = {}
        now = self._clock()
        for job in tuple(self._index.object_cache):
            yield
            found[job.uid] = self._current(job, now)
        self._read = found
        return tuple(read.health for read in found.values())

    def _reading_some(self, names: Sequence[str]) -> Steps[dict[str, JobHealth]]:
        found: dict[str, JobHealth] = {}
        now = self._clock()
        for name in names:
            yield
            job = self._index.get(name)
            if job is not None:
                self._read[job.uid] = current = self._current(job, now)
                found[name] = current.health
        return found

    def _current(self, job: Job, now: datetime) -> Read:
        known = self._read.get(job.uid)
        return known if known is not None and known.job is job else _read(job, known, now)


def _read(job: Job, before: Read | None, now: datetime) -> Read:
    """Read a version of a job. Its spec counts as written when an operator could have seen it first, because
    managedFields, which would tell, are not kept."""
    unseen = None
    if job.raw_status.get("observedGeneration") != job.generation:
        again = before is not None and before.job.generation == job.generation
        unseen = before.unseen_since if again and before is not None and before.unseen_since else now
    return Read(job, unseen, _stands(job, now, unseen, None if before is None else before.health))


def _stands(job: Job, now: datetime, changed: datetime | None, before: JobHealth | None) -> JobHealth:
    try:
        return health_of(job.raw, now=now, changed=changed, before=before)
    except Exception:
        # A problem with one job must not break the overview of all jobs.
        log.exception("cannot tell the state of the job %s", quoted(job.name))
        return health_of({"metadata": job.raw["metadata"], "spec": {"name": job.name}}, now=now, changed=changed)
