"""The pools of a history: which runs held a place in each of them and when, and when one was full. Pure.

A run holds its places from the creation of its first Job until nothing of it runs and no attempt waits for its backoff.
A place that is granted shows when the Job is there, so what an operator does in between is not seen.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from dkron_crds.job import JobSpec
from tests.chaos.case import Case, Group
from tests.chaos.fault_windows import Weather
from tests.chaos.history import FOREVER, History, Pool, Run
from tests.chaos.line import Crowd

Span = tuple[datetime, datetime]
PATIENCE = timedelta(seconds=31)
"""How long after there is room in a quota a run may ask again."""
ALWAYS: Span = (datetime(1, 1, 1, tzinfo=UTC), FOREVER)


@dataclass(frozen=True, slots=True)
class Holding:
    """A run of a job that names a pool: it surely held its place from `begin` to `end`, and perhaps until `last`."""

    case: Case
    group: Group
    begin: datetime
    end: datetime
    last: datetime


def with_crowds(history: History, cases: Sequence[Case], weather: Weather) -> tuple[Case, ...]:
    """The same, each with the crowd in its pools. Of a pool that the history does not tell of, it is unknown when it
    was full, and so when a run had its turn."""
    known, busy = {pool.name for pool in history.pools}, defaultdict[str, list[Span]](list)
    for pool in history.pools:
        busy[pool.name] += full(pool, cases)
    spans_of = {pool: [*full(pool, cases), *_kept(pool, cases, busy)] for pool in history.pools}
    waiting = [(begin, min(end, FOREVER - PATIENCE) + PATIENCE) for begin, end in history.quota]

    def crowded(case: Case) -> Case:
        names = named(case)
        spans = [span for pool, of_pool in spans_of.items() if concerns(pool, case) for span in of_pool]
        spans += [*waiting, *([] if names <= known else [ALWAYS])]
        return (
            replace(case, crowd=Crowd(tuple(sorted(spans)), weather, of_quota=bool(waiting)))
            if names or waiting
            else case
        )

    return tuple(map(crowded, cases))


def concerns(pool: Pool, case: Case) -> bool:
    """Whether the job has ever named the pool, and is of the namespace if this is a share."""
    return pool.name in named(case) and (not pool.of or case.life.job in pool.of)


def full(pool: Pool, cases: Sequence[Case]) -> list[Span]:
    """When as many runs held a place as there are, and when something of a job of the pool was changed."""
    return list(_full(pool, cases, pool.size))


def named(case: Case) -> set[str]:
    """The pools that the job has ever named."""
    return {name for spec in _specs(case) for name in spec.pools}


def holdings(pool: Pool, cases: Iterable[Case]) -> list[Holding]:
    """The runs of jobs that name this pool, in the order of their beginnings."""
    found = [_holding(case, group) for case in cases if concerns(pool, case) for group in case.groups]
    return sorted(found, key=lambda each: each.begin)


def _holding(case: Case, group: Group) -> Holding:
    life = case.life
    ends = [min(run.end, run.over or run.end) for run in group.runs if run.end is not None]
    # The places of a job that is deleted are free.
    end = min(max([group.began, *ends]), max(group.began, life.deleted))
    return Holding(case, group, group.began, end, max(end, min(_over(case, group), life.gone)))


def _over(case: Case, group: Group) -> datetime:
    """From when on nothing of the run holds a place. The end of a Job that was deleted may be known from nothing but
    its deletion."""
    told = case.over(group)
    return told if told < FOREVER else max(_gone(run) for run in group.runs)


def _gone(run: Run) -> datetime:
    return run.end or run.over or FOREVER


def _kept(pool: Pool, cases: Sequence[Case], busy: Mapping[str, Sequence[Span]]) -> Iterator[Span]:
    """When the last place may be reserved for a run that lacks one in another pool. Nothing is reserved in a pool of
    size 0."""
    others = {name for case in cases if concerns(pool, case) for name in named(case)} - {pool.name}
    if pool.size and others:
        lacking = [span for name in others for span in busy.get(name, [ALWAYS])]
        for begin, end in _full(pool, cases, pool.size - 1):
            yield from (
                (max(begin, first), min(end, last)) for first, last in lacking if first <= end and begin <= last
            )


def _full(pool: Pool, cases: Sequence[Case], size: int) -> Iterator[Span]:
    """When as many runs held a place, and when something of a job that names the pool was changed."""
    steps = [step for each in holdings(pool, cases) for step in ((each.begin, 1), (each.last, -1))]
    count, since = 0, FOREVER if size > 0 else ALWAYS[0]
    for at, change in sorted(steps):
        count += change
        if count >= size > count - change:
            since = at
        elif count < size <= count - change:
            yield since, at
            since = FOREVER
    if since < FOREVER:
        yield since, FOREVER
    for case in (case for case in cases if concerns(pool, case)):
        yield from ((at, at) for at in _changes(case))


def _changes(case: Case) -> Iterator[datetime]:
    """When a grant may have been taken back, or lost: it is given to another run then."""
    for op in case.life.operations:
        yield op.invoked
        yield op.answered or op.invoked
    for pause in case.life.pauses:
        yield pause.made or pause.begin


def _specs(case: Case) -> list[JobSpec]:
    return [span.value for span in case.life.settings if span.value is not None]
