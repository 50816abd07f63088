"""The line of a job with concurrency `queue` or with pools, as far as an observer knows it: by when a run that may have
waited in it must have begun, and why it may have left it without a run. Pure.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dkron_crds.job import Concurrency, JobSpec, QueueOrder, SkipReason
from tests.chaos.fault_windows import Weather
from tests.chaos.holds import ActivePause

ZERO = timedelta(0)


@dataclass(frozen=True, slots=True)
class Stay:
    """A run of the job, or a slot or a request without one (`of`): when it came due, until when it may have been in
    line, and by when it was surely out of the way. It left the line when it began, or, if it never did, by when its
    turn must have come. `fires`: its Job was made, no sooner than it came due."""

    of: object
    due: datetime
    left: datetime
    free: datetime
    fires: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """A run that may have had to wait: it came due at `opens`, had to be decided by `by`, and to begin by `turn`.
    `specs` were in force meanwhile, and `others` may have been in line beside it. `slack` is how exactly times are
    known."""

    opens: datetime
    by: datetime
    turn: datetime
    specs: tuple[JobSpec, ...] = ()
    others: tuple[Stay, ...] = ()
    slack: timedelta = ZERO
    crowded: bool = False
    """Whether a pool may have had no place for it."""

    @property
    def waited(self) -> bool:
        """Whether another run may have been in its way."""
        return self.crowded or any(stay.due <= self.by and self.opens <= stay.free for stay in self.others)

    @property
    def reasons(self) -> frozenset[SkipReason]:
        """Why it may have left the line."""
        return frozenset(self._reasons())

    def is_late(self, slot: datetime) -> bool:
        """Whether this slot may have waited beyond a start deadline."""
        limits = (spec.starting_deadline_seconds for spec in self.specs)
        ends = (slot + timedelta(seconds=limit) for limit in limits if limit is not None)
        return self.waited and any(self.turn + self.slack > end for end in ends)

    def _reasons(self) -> Iterator[SkipReason]:
        if not self.waited:
            return
        if any(spec.concurrency is Concurrency.REPLACE for spec in self.specs):
            yield SkipReason.REPLACED
        for spec in self.specs:
            patience = spec.queue.patience
            if patience is not None and self.turn + self.slack >= self.opens + patience:
                yield SkipReason.QUEUE_EXPIRED
            if self._beside(spec.queue.order) >= spec.queue.max:
                yield SkipReason.QUEUE_FULL

    def _beside(self, order: QueueOrder) -> int:
        """How many runs may have been in line when it came, or, of those that push older ones out, came after it."""
        begin = self.opens - self.slack
        if order is QueueOrder.OLDEST:
            return sum(stay.due <= self.by + self.slack and begin <= stay.left for stay in self.others)
        return sum(begin <= stay.due <= self.turn + self.slack for stay in self.others)


@dataclass(frozen=True, slots=True)
class Crowd:
    """When one of the pools of a job was full, in order; moments at which a job that shares one was changed are among
    these."""

    full: tuple[tuple[datetime, datetime], ...]
    weather: Weather
    of_quota: bool = False
    """A quota has retries wait as well, which keep their places in pools."""

    def turn(self, since: datetime) -> datetime:
        """By when a run must have begun that waits for its places since then: they were free for as long as an operator
        may take to give them away. Slots that come due go first, so that is longer than for these."""
        by = self.weather.decided(since)
        if not self.may_refuse(since, by):
            return by
        behind = self.weather.terms.behind
        by += behind
        for begin, end in self.full:
            if begin > by:
                break
            if since <= end:
                since, by = end, self.weather.decided(end) + behind
        return by

    def may_refuse(self, opens: datetime, by: datetime) -> bool:
        """Whether an operator may have found no place for a run that came due at `opens` and had to be decided by then.
        One that follows another gives no place before it has read all jobs."""
        begin = opens - self.weather.terms.lateness
        touched = any(first <= by and begin <= last for first, last in self.full)
        return touched or self.weather.excuse(opens) is not None


@dataclass(frozen=True, slots=True)
class Line:
    """All runs of a job, those that never began, its pauses, and the crowd in its pools if it has some. Clocks may have
    been wrong by `wrong`."""

    stays: tuple[Stay, ...]
    dropped: tuple[Stay, ...]
    pauses: Sequence[ActivePause]
    wrong: timedelta
    grain: timedelta
    crowd: Crowd | None = None

    def wait(
        self, opens: datetime, by: datetime, specs: Callable[[datetime], Sequence[JobSpec]], own: Collection[object],
        *, overrules: bool = False,
    ) -> Wait:  # fmt: skip
        """How long a run may have had to wait that came due at `opens` and had to be decided by `by`. `specs` may have
        been in force from then on until a moment, and `own` is what this run is. `overrules`: only a pool keeps it
        waiting."""
        others = tuple(stay for stay in self.stays if stay.of not in own)
        every = specs(datetime.max.replace(tzinfo=by.tzinfo))
        in_order = not newest_first(every)
        later = by + self.wrong
        before = [stay for stay in others if not (in_order and stay.fires and stay.due > later)]
        if self.crowd is not None and (overrules or (in_order and is_allowed(every))):
            before = []
        latest = turn(opens, by, before, self.pauses, crowd=self.crowd, newest=not in_order)
        beside = (stay for stay in self.dropped if stay.of not in own)
        crowded = self.crowd is not None and self.crowd.may_refuse(opens, by)
        slack = self.grain + self.wrong
        return Wait(opens, by, latest, tuple(specs(latest)), (*others, *beside), slack, crowded)


def queues(specs: Iterable[JobSpec]) -> bool:
    """Whether one of these has runs wait in line."""
    return any(spec.concurrency is Concurrency.QUEUE for spec in specs)


def has_line(specs: Iterable[JobSpec]) -> bool:
    """Whether runs of one of these may wait in line: for another run of the job, or for a place in a pool."""
    return any(spec.concurrency is Concurrency.QUEUE or spec.pools for spec in specs)


def newest_first(specs: Iterable[JobSpec]) -> bool:
    """Whether a newer run may begin before one that waits, by one of these."""
    return any(spec.queue.order is QueueOrder.NEWEST for spec in specs)


def is_allowed(specs: Iterable[JobSpec]) -> bool:
    """Whether no other run of the job is in the way of one, by any of these."""
    return all(spec.concurrency is Concurrency.ALLOW for spec in specs)


def turn(
    opens: datetime, by: datetime, before: Sequence[Stay], pauses: Sequence[ActivePause], *, crowd: Crowd | None,
    newest: bool = False,
) -> datetime:  # fmt: skip
    """By when a run must have begun that came due at `opens` and had to be decided by `by`, if these may go before it,
    and these pauses and this crowd keep it waiting. With order `newest`, a newer run goes before it once that is in
    line, whenever it begins."""
    latest = by if crowd is None else max(by, crowd.turn(opens))
    while True:
        ends = (
            stay.free
            for stay in before
            if stay.left <= latest or (newest and stay.fires and opens < stay.due <= latest)
        )
        held = (hold.noticed for hold in pauses if hold.touches(by, latest))
        later = max([latest, *ends, *held])
        if later == latest:
            return latest
        latest = later if crowd is None else crowd.turn(later)
