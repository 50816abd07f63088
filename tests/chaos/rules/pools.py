"""The places of pools: never more runs than places, no run waits beside a free place, and runs get theirs in order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dkron_crds.base import rfc3339
from dkron_crds.job import JobSpec, QueueOrder
from dkron_crds.pool import PoolOrder
from tests.chaos.case import Case, Group
from tests.chaos.history import History, Pool
from tests.chaos.line import is_allowed
from tests.chaos.objections import Kind, Objection
from tests.chaos.pools import Holding, concerns, full, holdings
from tests.chaos.rules import lines


@dataclass(frozen=True, slots=True)
class Waited:
    """A run that came into line at `since`, as its record says; one that found a place at once began then."""

    case: Case
    group: Group
    since: datetime
    spec: JobSpec

    def turn(self, order: PoolOrder) -> tuple[int, datetime]:
        """The least is first."""
        return -self.spec.priority if order is PoolOrder.PRIORITY else 0, self.since


def check(history: History, cases: Sequence[Case]) -> Iterator[Objection]:
    """Look at each pool, and at each run that has waited for a place."""
    for pool in history.pools:
        yield from _exceeded(pool, holdings(pool, cases))
        shares = [each for each in history.pools if each.of and each.name == pool.name]
        if pool.of or not shares:
            yield from _overtaken(pool, cases)
        else:
            for share in shares:
                yield from _outranked(pool, share, cases)
    if history.pools:
        for case in cases:
            if case.crowd is not None:
                yield from _beside_free_places(case)


def _exceeded(pool: Pool, holders: Sequence[Holding]) -> Iterator[Objection]:
    most = pool.size if pool.most is None else pool.most
    for number, each in enumerate(holders):
        begin = each.begin + each.case.weather.terms.grain
        beside = [other for other in holders[:number] if begin < other.end]
        if _counts(pool, each) and sum(_counts(pool, other) for other in beside) >= most:
            text = f"{each.group} began at {rfc3339(each.begin)}, and {len(beside)} runs had places of {most} in pool"
            others = ", ".join(f"{other.group} until {rfc3339(other.end)}" for other in beside)
            yield each.case.object_to(Kind.OVERLAP, each.begin, f"{text} {pool.name}: {others}")


def _counts(pool: Pool, held: Holding) -> bool:
    """Whether the run surely holds a place: its job is there, names the pool, and its status was not cleared."""
    case, grain = held.case, held.case.weather.terms.grain
    specs = case.life.specs(held.begin - grain, held.begin)
    named = bool(specs) and all(pool.name in spec.pools for spec in specs)
    return named and not case.is_wiped and held.begin < case.life.deleted


def _beside_free_places(case: Case) -> Iterator[Objection]:
    terms, wrong = case.weather.terms, case.weather.wrong
    for since, _, _, group in lines.queued(case):
        # The time in the record is by the clock of an operator.
        came = max(since, group.first.due) + wrong
        turn = case.wait(came, case.weather.decided(came), group, group.slot, group.asked).turn
        start = timedelta(0) if group.first.created else terms.start
        if group.began > turn + start + terms.grain:
            text = f"{group} began at {rfc3339(group.began)}, and places were free for it until {rfc3339(turn)}"
            yield case.object_to(Kind.UNTIMELY, group.began, text)


def _overtaken(pool: Pool, cases: Sequence[Case]) -> Iterator[Objection]:
    """Runs of jobs with this pool only, which waited while a run got a place that came after them."""
    runs = [each for case in cases if concerns(pool, case) for each in _waited(pool, case)]
    for first in (each for each in runs if each.spec.pools == (pool.name,) and each.since < each.group.began):
        for other in runs:
            if first.turn(pool.order) < other.turn(pool.order) and _is_overtaken(first, other.group.began):
                text = f"{other.group} got a place in pool {pool.name}, and it was the turn of {first.group}"
                yield other.case.object_to(Kind.UNTIMELY, other.group.began, text)


def _outranked(pool: Pool, share: Pool, cases: Sequence[Case]) -> Iterator[Objection]:
    """Runs that were first in their namespace, and had waited longer than a run of another one that got a place."""
    own = [each for case in cases if concerns(share, case) for each in _waited(pool, case)]
    guests = [each for case in cases if not concerns(share, case) for each in _waited(pool, case)]
    spans = full(share, cases)
    for first in (each for each in own if each.spec.pools == (pool.name,) and each.since < each.group.began):
        turn, grain = first.turn(pool.order), first.case.weather.terms.grain
        before = [each for each in own if each.turn(pool.order) < turn]
        for other in (each for each in guests if first.since < each.since and _is_overtaken(first, each.group.began)):
            granted, began = other.group.began - first.case.weather.terms.lateness - grain, other.group.began
            behind = any(each.since <= began and granted <= each.group.began for each in before)
            if not behind and not any(begin <= began and granted <= end for begin, end in spans):
                text = f"{other.group} got a place in pool {pool.name}, and {first.group} was first in its namespace"
                yield other.case.object_to(Kind.UNTIMELY, began, text)


def _waited(pool: Pool, case: Case) -> Iterator[Waited]:
    """The runs of a job that has always named the pool as it does now."""
    specs = [span.value for span in case.life.settings if span.value is not None]
    known = {(spec.pools, spec.priority, spec.queue.order) for spec in specs}
    if len(known) != 1 or pool.name not in specs[0].pools or not is_allowed(specs):
        return
    for group, entry in lines.recorded(case):
        if specs[0].queue.order is QueueOrder.OLDEST:
            yield Waited(case, group, entry.queued_at or group.began, specs[0])


def _is_overtaken(first: Waited, began: datetime) -> bool:
    """Whether it surely waited when another run got a place, and could have had that. A place is granted a moment
    before the Job is there, and nothing may have hindered the run meanwhile."""
    case, weather = first.case, first.case.weather
    grain, lateness = weather.terms.grain, weather.terms.lateness
    there = weather.decided(first.since) + weather.wrong + grain
    if not there < began or weather.decided(began) + grain >= first.group.began:
        return False
    granted = began - lateness - grain
    touched = any(granted <= op.invoked <= began + grain for op in case.life.operations)
    calm = weather.storm(granted, began + grain) is None
    return calm and not touched and not case.may_be_paused(first.since, first.group.began)
