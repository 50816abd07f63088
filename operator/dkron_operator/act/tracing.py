"""Traces: the spans of a run while the operator fires and records it. `telemetry/spans.py` defines the spans.

Without a tracer nothing is kept and nothing is computed.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from dkron_crds.job import Attempt, JobStatus
from dkron_crds.requests import group_of
from dkron_crds.traceparent import TraceContext
from dkron_operator.cache.cached_job import CachedJob
from dkron_operator.cache.store import Store
from dkron_operator.kit.clock import Clock
from dkron_operator.plan.actions import CreateJob
from dkron_operator.plan.situation.dependencies import GroupKey
from dkron_operator.plan.situation.view import AttemptJob, JobView
from dkron_operator.plan.status.facts import Facts, Recorded, Shown
from dkron_operator.plan.status.fold import is_recorded
from dkron_operator.telemetry import spans
from dkron_runtime.tracing.spans import Span, Tracer

K = TypeVar("K")
V = TypeVar("V")

REMEMBERED = 10_000
"""For how many runs, newest first, the trace is known although no Job names it."""


class Firing:
    """An attempt that is being fired. This base class traces nothing. `traceparent` is stored in the Job."""

    traceparent = ""

    def claimed(self) -> None:
        """The API server has accepted the claim."""

    def adopted(self, attempt: AttemptJob) -> None:
        """The Job exists."""

    def refused(self, message: str) -> None:
        """The API server refuses the Job."""


class TracedFiring(Firing):
    """The spans of an attempt that is being fired."""

    def __init__(self, span: Span, run: TraceContext, *, claim: Span | None) -> None:
        self.traceparent = str(run)
        self._span = span
        self._run = run
        self._claim = claim

    def claimed(self) -> None:
        """Send the claim span, whatever becomes of its Jobs."""
        if self._claim is not None:
            self._claim.end()

    def adopted(self, attempt: AttemptJob) -> None:
        """The Job exists, created by this process or earlier."""
        self._span.set_attributes({"k8s.job.uid": attempt.uid})
        if attempt.trace is not None and attempt.trace != self._run:
            # Another process created it, within its own trace.
            self._span.link(attempt.trace)

    def refused(self, message: str) -> None:
        """No Job will be created."""
        self._span.fail("JobRejected", message)


@dataclass(frozen=True, slots=True)
class Ending:
    """An attempt whose end is known, but not yet recorded at the API server."""

    job: JobView
    execution: Attempt
    own: TraceContext | None
    """The span that its Job names."""

    since: datetime


class RunTracing:
    """Traces runs, if there is a `tracer`."""

    def __init__(self, store: Store, *, clock: Clock, tracer: Tracer | None = None) -> None:
        self._tracer = tracer
        self._store = store
        self._clock = clock
        self._known: OrderedDict[GroupKey, TraceContext] = OrderedDict()
        self._fired: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._endings: dict[str, dict[str, Ending]] = {}

    @contextmanager
    def firing(self, cached: CachedJob, create: CreateJob) -> Iterator[Firing]:
        """An attempt is being fired. Its spans are sent once the whole step went well or was refused: an attempt that
        is planned again produces the same spans."""
        if self._tracer is None or create.late:
            yield Firing()
            return
        job, attempt, now = cached.job, create.entry, self._clock.now()
        asked, trace, claim = _asked(cached, attempt.group), self._trace(cached, attempt.group), None
        if attempt.member and create.before:
            claim = self._tracer.begin(spans.claiming(job, attempt, asked, now))
            trace = claim.context
        links = tuple(self._ends_of(spans.causes(create, cached.status)))
        span = self._tracer.begin(spans.firing(job, attempt, trace=trace, asked=asked, links=links, now=now))
        _keep(self._known, (job.uid, attempt.group), span.context)
        with span.around():
            yield TracedFiring(span, spans.run_context(job, attempt, span.context), claim=claim)
        span.end()
        _keep(self._fired, (job.uid, attempt.job), None)

    def record(self, cached: CachedJob, facts: Facts) -> None:
        """The plan has made these facts true."""
        if self._tracer is None:
            return
        for fact in facts:
            match fact:
                case Shown(attempt):
                    self._find(cached, attempt, self._tracer)
                case Recorded(execution):
                    ending = Ending(cached.job, execution, self._own(cached, execution), self._clock.now())
                    self._endings.setdefault(cached.job.uid, {})[execution.job] = ending

    def observe(self, uid: str, status: JobStatus | None) -> None:
        """The API server has this status of a job; None if the job is gone."""
        endings = self._endings.get(uid) if self._endings else None
        if self._tracer is None or not endings:
            return
        for name in [name for name in endings if status is None or is_recorded(status, name)]:
            self._record(endings.pop(name), self._tracer)
        if not endings:
            del self._endings[uid]

    def _find(self, cached: CachedJob, attempt: Attempt, tracer: Tracer) -> None:
        """Trace a Job found that this process did not create: its creator may not have sent its span."""
        job, key = cached.observed.attempts.get(attempt.job), (cached.job.uid, attempt.job)
        if job is None or job.trace is None or key in self._fired:
            return
        _keep(self._fired, key, None)
        asked = _asked(cached, attempt.group)
        links = tuple(self._ends_of(spans.causes(CreateJob(attempt), cached.status)))
        found = spans.firing(cached.job, attempt, trace=job.trace, asked=asked, links=links, now=job.created)
        span = tracer.begin(found)
        span.set_attributes({"k8s.job.uid": job.uid, "dkron.found": True})
        span.end(job.created)

    def _record(self, ending: Ending, tracer: Tracer) -> None:
        execution = ending.execution
        span = tracer.begin(spans.running(ending.job, execution, ending.own))
        if not execution.success:
            span.fail(execution.reason or "Error", execution.message)
        span.end(execution.ended_at)
        tracer.begin(spans.recording(ending.job, execution, span.context, ending.since)).end()

    def _own(self, cached: CachedJob, attempt: Attempt) -> TraceContext | None:
        """The span of what an attempt runs, as its Job says or as this process remembers."""
        job = cached.observed.attempts.get(attempt.job)
        if job is not None:
            return job.trace
        trace = self._trace(cached, attempt.group)
        return None if trace is None else spans.run_context(cached.job, attempt, trace)

    def _trace(self, cached: CachedJob, group: int) -> TraceContext | None:
        """The known trace of a run: from its Jobs, or else from what this process has fired."""
        told = (
            attempt.trace
            for attempt in cached.observed.attempts.values()
            if attempt.group == group and attempt.trace is not None
        )
        return next(told, None) or self._known.get((cached.job.uid, group))

    def _ends_of(self, runs: Iterable[GroupKey]) -> Iterable[TraceContext]:
        """The spans with which these runs of other jobs ended, as far as they can be found."""
        for uid, group in sorted(runs):
            cached = self._store.get(uid)
            execution = spans.newest_of(cached.status.executions, group) if cached else None
            own = self._own(cached, execution) if cached and execution else None
            if own is not None and own.sampled:
                yield own


def _asked(cached: CachedJob, group: int) -> TraceContext | None:
    """The span in which a client requested a run of this group."""
    return next((r.trace for r in cached.job.requests if r.at is not None and group_of(r.id, r.at) == group), None)


def _keep(kept: OrderedDict[K, V], key: K, value: V) -> None:
    """Remember it, and forget the oldest entry if there are too many."""
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > REMEMBERED:
        kept.popitem(last=False)
