"""Which slots of a job had to run, which may have, and which must not: from what was acknowledged and from what was broken.

Nothing here believes the operator, but where a grid of `@every` begins after an edit, which only it can know; that has to
lie within the edit.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from dkron_crds.job import Concurrency, JobSpec, MissedRuns, Trigger
from tests.chaos import oracle
from tests.chaos.history import FOREVER
from tests.chaos.lives import Life, Setting
from tests.chaos.spans import Span, projected, spans
from tests.chaos.weather import Weather


class Need(StrEnum):
    """What is wanted of a slot."""

    MUST = "must"
    MAY = "may"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Target:
    """A slot. `by` is when it must have been decided. `why` it need not run, or must not.

    `counted`: if it does not run, `status.skipped` has to say so. `specs` are those that may have decided about it.
    """

    slot: datetime
    opens: datetime
    by: datetime
    need: Need
    why: str
    counted: bool
    specs: tuple[JobSpec, ...]


Timing = tuple[str, str, bool, datetime | None, tuple[str, ...]]
"""What `since` depends on: change any of it, and slots count anew."""


def targets(life: Life, weather: Weather) -> list[Target]:
    """All slots up to the last read, in order. Several spans may have the same one: the strictest counts."""
    found: dict[datetime, Target] = {}
    for span, spec in _timings(life):
        for target in _of_span(life, weather, span, spec):
            known = found.get(target.slot)
            if known is None or (known.need is not Need.MUST and target.need is Need.MUST):
                found[target.slot] = target
    return [found[slot] for slot in sorted(found)]


def _timings(life: Life) -> Iterator[tuple[Span[Timing | None], JobSpec]]:
    specs = {_timing(change.value): change.value for change in life.changes}
    for span in spans(projected(life.changes, _timing)):
        spec = specs[span.value]
        if spec is not None and not spec.disabled and not spec.parents:
            yield span, spec


def _timing(spec: Setting) -> Timing | None:
    if spec is None:
        return None
    parents = tuple(sorted(f"{parent.job} {parent.when}" for parent in spec.parents))
    return spec.schedule, spec.timezone, spec.disabled, spec.starts_at, parents


def _of_span(life: Life, weather: Weather, span: Span[Timing | None], spec: JobSpec) -> Iterator[Target]:
    read = weather.terms.read
    begin = life.created if span.first <= life.created else span.first
    end = min(span.last, read)
    widest = spec.model_copy(update={"expires_at": _last_expiry(life)})
    # One more than is judged: a slot may be passed over only in favour of a later one.
    beyond = end + _reach(weather, end)
    slots = oracle.due(widest, begin, beyond, since=_origin(life, span, spec))
    for slot, following in pairwise([*slots, FOREVER]):
        if slot <= end:
            yield _target(life, weather, span, slot, following)


def _last_expiry(life: Life) -> datetime | None:
    expiries = [span.value.expires_at for span in life.settings if span.value is not None]
    return None if None in expiries else max(at for at in expiries if at is not None)


def _reach(weather: Weather, end: datetime) -> timedelta:
    storm = weather.excuse(end)
    return timedelta(0) if storm is None or storm >= FOREVER else max(timedelta(0), storm - end)


def _origin(life: Life, span: Span[Timing | None], spec: JobSpec) -> datetime | None:
    """Where the grid of an `@every` begins: at the creation, or where the operator says that it saw an edit."""
    step = oracle.interval(spec.schedule)
    if step is None or span.first <= life.created:
        return life.created
    grain = timedelta(seconds=1)
    told = [*life.sinces, *([life.record.status.since] if life.record and life.record.status.since else [])]
    seen = [since for since in told if span.first - grain <= since <= min(span.sure or span.last, span.last)]
    if seen:
        return max(seen)
    slots = (run.slot for run in life.runs if run.trigger is Trigger.SCHEDULE and run.slot > span.first)
    first = next((slot for slot in slots if slot <= span.last + step), None)
    return span.sure if first is None else first - step


def _target(
    life: Life, weather: Weather, span: Span[Timing | None], slot: datetime, following: datetime
) -> Target:
    opens = max(slot, life.created)
    by = weather.decided(opens)
    specs = tuple(life.specs(slot, by))
    need, why, counted = _need(weather, specs, slot=opens, by=by, following=following)
    beyond = any(spec.expires_at is not None and slot > spec.expires_at for spec in specs)
    if not span.covers(opens, by) or beyond:
        need, why, counted = Need.MAY, "the job was changed around it", False
    elif by > weather.terms.read and need is not Need.NEVER:
        need, why, counted = Need.MAY, "it could still have come when the last look was taken", False
    return Target(slot, opens, by, need, why, counted, specs)


def _need(
    weather: Weather, specs: tuple[JobSpec, ...], *, slot: datetime, by: datetime, following: datetime
) -> tuple[Need, str, bool]:
    storm, policies = weather.excuse(slot), {spec.missed_runs for spec in specs}
    deadline = min((limit for spec in specs if (limit := _deadline(spec)) is not None), default=None)
    outage = weather.outage(slot)
    if outage is not None and policies == {MissedRuns.SKIP}:
        return Need.NEVER, "it was missed, and missedRuns is skip", True
    if outage is not None and policies == {MissedRuns.LATEST} and weather.outage(following) == outage:
        return Need.NEVER, "it was missed, a later one was, too, and missedRuns is latest", True
    if storm is not None and MissedRuns.SKIP in policies:
        return Need.MAY, "it may have been missed, and missedRuns is skip", True
    if storm is not None and MissedRuns.LATEST in policies and following <= storm:
        return Need.MAY, "it may have been missed like a later one, and missedRuns is latest", True
    if deadline is not None and by - slot > deadline:
        return Need.MAY, "it may have been started too late for its deadline", True
    return Need.MUST, "", True


def _deadline(spec: JobSpec) -> timedelta | None:
    grace = oracle.grace(spec.schedule)
    seconds = spec.starting_deadline_seconds
    limits = [grace] if grace is not None else []
    return min([*limits, timedelta(seconds=seconds)] if seconds is not None else limits, default=None)


def forbids(specs: tuple[JobSpec, ...]) -> bool:
    """Whether no two runs may overlap, whichever of these was in force."""
    return bool(specs) and all(spec.concurrency is Concurrency.FORBID for spec in specs)
