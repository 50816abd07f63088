"""Index of the jobs of a namespace by their Dkron names. Each job is rendered once per version."""

import asyncio
import logging
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from datetime import datetime

from dkron_api.cache.listed import ALL, Listed, Lists, Span
from dkron_api.cache.object_cache import ObjectCache
from dkron_api.translate import gojson
from dkron_api.translate.beginning import carried
from dkron_api.translate.job import bare, shown
from dkron_api.translate.record import Job, Object, kept
from dkron_crds.schedule.errors import quoted
from dkron_kube.informer import WatchState

log = logging.getLogger(__name__)

Listener = Callable[[Job | None, Job | None], None]


class JobIndex:
    """All jobs. If two objects have the same Dkron name, the older one wins, as in the operator.

    `listeners` are called for each change of an object with the job before and after. A `quiet` index does not log
    objects that cannot be read. `stale` is called when jobs should be rendered again before a client asks.
    """

    def __init__(
        self,
        clock: Callable[[], datetime],
        *,
        read: Callable[[Object], Job] = kept,
        watch: WatchState | None = None,
        stale: Callable[["JobIndex"], object] = lambda _: None,
        quiet: bool = False,
    ) -> None:
        self.object_cache: ObjectCache[Job] = ObjectCache(
            "dkronjobs", read, carried=carried, changed=self._changed, watch=watch, quiet=quiet
        )
        self.listeners: list[Listener] = []
        self.revision = 0
        self._clock = clock
        self._named: dict[str, list[Job]] = {}
        self.names: list[str] = []
        """All names in byte order."""
        self._children: dict[str, set[str]] = {}
        self._rendered: dict[str, bytes] = {}
        self._due: dict[str, str] = {}
        self._lists = Lists()
        self._unrendered: set[str] = set()
        self._stale = stale

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Job]:
        return (self._named[name][0] for name in self.names)

    @property
    def ready(self) -> bool:
        """Whether a complete list has been seen."""
        return self.object_cache.ready

    @property
    def complete(self) -> asyncio.Event:
        """Set once the index is ready."""
        return self.object_cache.complete

    def get(self, name: str) -> Job | None:
        """Return the job with this Dkron name."""
        namesakes = self._named.get(name)
        return None if namesakes is None else namesakes[0]

    def children(self, name: str) -> list[str]:
        """Return the names of the jobs that run after this one, in the order of their creation."""
        children = self._children.get(name)
        return sorted(children, key=lambda child: (self._named[child][0].created, child)) if children else []

    def parents(self, name: str) -> tuple[str, ...] | None:
        """Return the names of the jobs after which this one runs; None if there is no such job."""
        job = self.get(name)
        return None if job is None else job.parents

    def json(self, name: str) -> bytes:
        """Return the job of this name, which must exist, as GET shows it."""
        rendered = self._rendered.get(name)
        if rendered is None:
            fields = self._shown(self._named[name][0])
            rendered = self._rendered[name] = gojson.encode(fields)
            self._due[name] = fields["next"]
        return rendered

    def listed(self, span: Span = ALL) -> Listed:
        """Return the jobs at these positions as GET shows them, as one JSON array."""
        return self._lists.get(span, lambda: [self.json(name) for name in self.names[slice(*span)]])

    async def prerender(self) -> None:
        """Render the jobs that have changed, a few at a time, so that other requests run meanwhile."""
        for name in list(self._unrendered):
            self._unrendered.discard(name)
            if name in self._named:
                self.json(name)
                await asyncio.sleep(0)

    def due(self, name: str) -> str:
        """Return when the job of this name is due next, as GET shows it."""
        self.json(name)
        return self._due[name]

    def render(self, job: Job) -> bytes:
        """Return a job as GET would show this version of it."""
        return gojson.encode(self._shown(job))

    def _shown(self, job: Job) -> Object:
        children = self.children(job.name)
        try:
            return shown(job, children=children, now=self._clock())
        except Exception:
            # A problem with one job must not break the list of all jobs.
            log.exception("cannot show all fields of the job %s", quoted(job.name))
            return bare(job, children=children)

    def upsert(self, raw: Object) -> None:
        """Store the current version of a job, from the response to a write of this process."""
        self.object_cache.upsert(raw)

    def remove(self, job: Job) -> None:
        """Remove a job that this process has deleted."""
        self.object_cache.remove(job.raw)

    def _changed(self, before: Job | None, after: Job | None) -> None:
        self.revision += 1
        self._lists.clear()
        if before is not None:
            self._remove(before)
        if after is not None:
            self._add(after)
        for listener in tuple(self.listeners):
            listener(before, after)

    def _add(self, job: Job) -> None:
        namesakes = self._named.setdefault(job.name, [])
        if not namesakes:
            insort(self.names, job.name)
        insort(namesakes, job, key=_age)
        self._forget(job)
        for parent in job.parents:
            self._children.setdefault(parent, set()).add(job.name)

    def _remove(self, job: Job) -> None:
        self._forget(job)
        for parent in job.parents:
            children = self._children.get(parent)
            if children is not None:
                children.discard(job.name)
        namesakes = self._named[job.name]
        del namesakes[bisect_left(namesakes, _age(job), key=_age)]
        if not namesakes:
            del self._named[job.name]
            self._unrendered.discard(job.name)
            self._due.pop(job.name, None)
            del self.names[bisect_left(self.names, job.name)]

    def _forget(self, job: Job) -> None:
        """Drop the rendered versions of the job, and of its parents, which show its name."""
        for name in (job.name, *job.parents):
            self._rendered.pop(name, None)
            self._unrendered.add(name)
        self._stale(self)


def _age(job: Job) -> tuple[datetime, str]:
    """By which the oldest of several objects has their name."""
    return job.created, job.uid


class Prerenderer:
    """One task for the job indexes of all namespaces."""

    def __init__(self) -> None:
        self._stale: dict[JobIndex, None] = {}
        self._woken = asyncio.Event()

    def want(self, job_index: JobIndex) -> None:
        """Note that jobs of this index have changed."""
        self._stale[job_index] = None
        self._woken.set()

    async def run(self) -> None:
        """Render what has changed, one index after another, until cancelled."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            while self._stale:
                job_index = next(iter(self._stale))
                del self._stale[job_index]
                await job_index.prerender()
