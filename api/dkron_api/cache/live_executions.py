"""Finds executions in the statuses of all jobs of a namespace. Jobs that have none for a page are not read."""

import heapq
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

from pydantic import ValidationError

from dkron_api.cache.job_index import JobIndex
from dkron_api.translate.execution import line_of, stop_of
from dkron_api.translate.execution_filter import EPOCH, Ended, Filter, Place, raw_ended
from dkron_api.translate.found import Found, Identity, Live
from dkron_api.translate.record import Job, M, Object
from dkron_archive.records import JobKey
from dkron_crds.job import Attempt, AttemptState
from dkron_reports.line import is_leaving
from dkron_reports.reading import objects
from dkron_reports.slices import Steps
from dkron_reports.words import read_time

Read = Callable[[], Found | None]
NEVER = datetime.min.replace(tzinfo=UTC)


class Span(NamedTuple):
    """A version of a job, when its newest execution that the status shows ended, and whether any runs or waits."""

    job: Job
    newest: datetime
    runs: bool


class LiveExecutions:
    """The executions that jobs show, newest first. Which jobs have new ones is read once for each of their versions,
    and only where a client asks."""

    def __init__(self, job_index: JobIndex) -> None:
        self._index = job_index
        self._spans: dict[str, Span] = {}

    def page(self, wanted: Filter, *, jobs: frozenset[str] | None, floor: Place | None, now: datetime) -> Steps[Live]:
        """Return the executions of these jobs that a page may show, in steps: the filter takes them, and they come
        after the page before and not after the `floor`. They are one more than the page has room for, at most."""
        spans = yield from self._current(jobs)
        best, running = _Best(wanted.limit + 1), 0
        for span in spans:
            if span.runs:
                yield
                for each in _running(span.job, wanted, now):
                    best.add(each.place, each.identity, partial(_same, each))
                    running += 1
        if wanted.shows_ended:
            oldest = max(EPOCH if floor is None else floor.at, wanted.begin or EPOCH)
            for span in sorted(spans, key=lambda each: each.newest, reverse=True):
                # A job whose newest execution is too old for the page has none to show, and neither have those after.
                if span.newest < oldest or best.leaves_out(span.newest):
                    break
                yield
                _add_ended(best, span.job, wanted, oldest)
        return Live(best.found, running)

    def ended(self, wanted: Filter, *, jobs: frozenset[str] | None) -> Steps[list[Ended]]:
        """Return all executions that are over and that the filter takes, in steps, in any order."""
        spans = yield from self._current(jobs)
        found: list[Ended] = []
        for span in spans:
            if wanted.begin is None or span.newest >= wanted.begin:
                yield
                found += ended_of(span.job, wanted)
        return found

    def _current(self, jobs: frozenset[str] | None) -> Steps[list[Span]]:
        spans: dict[str, Span] = {}
        for job in tuple(self._index):
            known = self._spans.get(job.uid)
            if known is None or known.job is not job:
                yield
                known = _span(job)
            spans[job.uid] = known
        self._spans = spans
        return [span for span in spans.values() if jobs is None or span.job.name in jobs]


class _Best:
    """The executions at the first places of a list, newest first. Only these are read as a whole."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._heap: list[tuple[Place, Identity, int, Read]] = []
        self._added = 0

    @property
    def found(self) -> list[Found]:
        """The executions in any order."""
        found = (read() for *_, read in self._heap)
        return [each for each in found if each is not None]

    def add(self, place: Place, identity: Identity, read: Read) -> None:
        """Take the execution if it has a place. One that cannot be read is None, and left out."""
        push = heapq.heappush if len(self._heap) < self._most else heapq.heappushpop
        # A status may have an entry twice, and functions have no order.
        self._added += 1
        push(self._heap, (place, identity, self._added, read))

    def leaves_out(self, newest: datetime) -> bool:
        """Whether all places are taken by executions that are newer than this time, or that run."""
        last = self._heap[0][0] if len(self._heap) == self._most else None
        return last is not None and (last.runs or newest < last.at)


def key_of(job: Job) -> JobKey:
    """Return the job as the archive names it."""
    return JobKey(job.namespace, job.name, job.uid)


def ended_of(job: Job, wanted: Filter) -> list[Ended]:
    """Return the executions of a job that are over and that the filter takes."""
    return [read for _, read in _taken(job, wanted, wanted.begin or EPOCH)]


def _taken(job: Job, wanted: Filter, oldest: datetime) -> Iterator[tuple[Mapping[str, Any], Ended]]:
    for raw in objects(job.raw_status, "executions"):
        read = raw_ended(raw, oldest)
        if read is not None and wanted.takes_ended(read):
            yield raw, read


def _add_ended(best: _Best, job: Job, wanted: Filter, oldest: datetime) -> None:
    key = key_of(job)
    for raw, read in _taken(job, wanted, oldest):
        place = Place(runs=False, at=read.finished, id=str(raw.get("id")))
        if wanted.comes_after(place) and not best.leaves_out(read.finished):
            best.add(place, (job.uid, str(raw.get("job"))), partial(_found, key, raw))


def _same(found: Found) -> Found:
    return found


def _found(key: JobKey, raw: Mapping[str, Any]) -> Found | None:
    run = _model(Attempt, raw)
    return None if run is None else Found(key, run)


def _running(job: Job, wanted: Filter, now: datetime) -> list[Found]:
    key = key_of(job)
    runs = (_model(Attempt, raw) for raw in objects(job.raw_status, "active") if _is_shown(raw))
    line = line_of(job)
    found = [
        Found(key, run, stop=stop_of(job, run), line=line.get(run.job))
        for run in runs
        if run is not None and wanted.takes(run, now)
    ]
    return [each for each in found if wanted.comes_after(each.place)]


def _model(kind: type[M], raw: Mapping[str, object]) -> M | None:
    try:
        return kind.from_wire(dict(raw))
    except ValidationError:
        # An entry that an older version wrote, or another client, must not break the list of all.
        return None


def _span(job: Job) -> Span:
    status: Object = job.raw_status
    ends = (read_time(each.get("finishedAt")) for each in objects(status, "executions"))
    newest = max((end for end in ends if end is not None), default=NEVER)
    return Span(job, newest, any(map(_is_shown, objects(status, "active"))))


def _is_shown(active: Mapping[str, Any]) -> bool:
    """Whether an attempt runs or waits in line. Of other claims, a list of all jobs tells nothing."""
    return active.get("state") != AttemptState.CLAIMED or is_leaving(active)
