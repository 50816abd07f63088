"""Which slots of a job had to run, which may have, and which must not, from what was acknowledged and what was broken.

The operator is believed in one thing: where a grid of `@every` begins after an edit, which only it can know. That has
to lie within the edit.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

from dkron_crds.job import JobSpec, Trigger
from tests.chaos import oracle
from tests.chaos.fault_windows import Weather
from tests.chaos.history import FOREVER
from tests.chaos.holds import held_by, holds, touching_holds
from tests.chaos.job_lifetimes import Life, Renewed
from tests.chaos.needs import Due, Need, need
from tests.chaos.spans import Span, projected, spans


@dataclass(frozen=True, slots=True)
class Target:
    """A slot, and what is wanted of it. `why` it need not run, or must not.

    `counted`: if it does not run, `status.skipped` has to say so. `until` its schedule surely was in force. `held`: a
    pause may have held it.
    """

    due: Due
    need: Need
    why: str
    counted: bool
    until: datetime
    held: bool = False

    @property
    def slot(self) -> datetime:
        """The instant by which its Job is called."""
        return self.due.slot


ZERO = timedelta(0)
GRAIN = timedelta(seconds=1)
"""How exactly the API server tells times."""

Timing = tuple[str, str, bool, datetime | None, tuple[str, ...], int]
"""What `since` depends on: change any of it, or wipe the status, and slots count again."""


def targets(life: Life, weather: Weather) -> list[Target]:
    """All slots up to the last read, in order. Several spans may have the same one: the strictest counts."""
    found: dict[datetime, Target] = {}
    for span, spec in _timings(life):
        for target in _of_span(life, weather, span, spec):
            known = found.get(target.slot)
            if known is None or (known.need is not Need.MUST and target.need is Need.MUST):
                found[target.slot] = target
    return [found[slot] for slot in sorted(found)]


def is_vague(life: Life) -> bool:
    """Whether some slots are unknown: a grid of `@every` began at an edit, and nothing tells where."""
    return not all(_origins(life, span, spec)[1] for span, spec in _timings(life))


def _timings(life: Life) -> Iterator[tuple[Span[Timing | None], JobSpec]]:
    specs = {_timing(change.value): change.value[0] for change in life.renewals}
    for span in spans(projected(life.renewals, _timing)):
        spec = specs[span.value]
        if spec is not None and not spec.disabled and not spec.parents:
            yield span, spec


def _timing(renewed: Renewed) -> Timing | None:
    spec, wipes = renewed
    if spec is None:
        return None
    parents = tuple(sorted(f"{parent.job} {parent.when}" for parent in spec.parents))
    return spec.schedule, spec.timezone, spec.disabled, spec.starts_at, parents, wipes


def _of_span(life: Life, weather: Weather, span: Span[Timing | None], spec: JobSpec) -> Iterator[Target]:
    # Of a clock that is ahead, what comes soon may have run already.
    read = weather.terms.read + weather.early(weather.terms.read)
    begin = _begin(life, weather, span)
    end = min(span.last, read)
    widest = spec.model_copy(update={"expires_at": _last_expiry(life)})
    begins, known = _origins(life, span, spec)
    origins = dict.fromkeys(begins, span if known else replace(span, sure=None))
    if weather.terms.rivals and oracle.interval(spec.schedule) is not None:
        # Each counts from the moment at which it noticed the edit, until it reads what another wrote.
        origins = {since: replace(span, sure=None) for since in life.sinces if span.first - GRAIN <= since} | origins
    for since, within in origins.items():
        # One more than is judged: a slot may be passed over only in favour of a later one.
        slots = oracle.due(widest, begin, end + _reach(weather, end), since=since)
        for slot, following in pairwise([*slots, FOREVER]):
            if slot <= end:
                # By a clock that is behind, a slot may be due that was before the edit.
                opens = max(slot, life.created, span.first)
                yield _target(life, _due(life, weather, slot, opens=opens, following=following), weather, within)


def _begin(life: Life, weather: Weather, span: Span[Timing | None]) -> datetime:
    """From when on slots may have been due by it."""
    # The clock of an operator may be behind the client's: then slots of that moment may be due by either spec.
    first = span.first - max(weather.terms.grain, weather.behind(span.first))
    told = _told(life)
    earlier = [since for since in told if since < first]
    if earlier and not any(first <= since < span.until for since in told):
        # No operator noticed the change before the next one, so to the operator the job may have been like this before.
        first = max(earlier)
    return max(life.created, first)


def _told(life: Life) -> list[datetime]:
    """The moments from which slots counted, as the operator has written them."""
    last = life.record.status.since if life.record else None
    return [*life.sinces, *([last] if last else [])]


def _last_expiry(life: Life) -> datetime | None:
    expiries = [span.value.expires_at for span in life.settings if span.value is not None]
    return None if None in expiries else max(at for at in expiries if at is not None)


def _reach(weather: Weather, end: datetime) -> timedelta:
    storm = weather.excuse(end)
    return timedelta(0) if storm is None or storm >= FOREVER else max(timedelta(0), storm - end)


def _origins(life: Life, span: Span[Timing | None], spec: JobSpec) -> tuple[Sequence[datetime], bool]:
    """Where the grid of an `@every` may begin, and whether that is known: at the creation, or where the operator says
    that it saw an edit; else by the slots of its runs."""
    step = oracle.interval(spec.schedule)
    if step is None or span.first <= life.created:
        return (life.created,), True
    if exact := _witnessed(life, span, spec):
        # Not the latest: one that a clock had put ahead is taken back.
        return exact[-1:], True
    told = _told(life)
    seen = [since for since in told if span.first - GRAIN <= since <= min(span.sure or span.last, span.last)]
    slots = [run.slot for run in life.runs if run.trigger is Trigger.SCHEDULE]
    # Sights after the next change belong to that one.
    before = [since for since in seen if since < span.until - GRAIN]
    if before:
        # Two replicas may have seen an edit, each at its own moment. The last write is agreed.
        last = life.record.status.since if life.record is not None else None
        origin = last if last is not None and last in before else max(before)
        fitting = [since for since in before if _fits(since, slots, span.until, step)]
        # A clock that is behind notices the next change within this one, as it seems.
        return ((origin,), True) if origin in fitting or not fitting else (fitting, False)
    # Perhaps no operator noticed the edit, so that the job was like this before to it; or it was noticed late.
    earlier = [since for since in told if since < span.first]
    origins = [*sorted(earlier, reverse=True)[:1], *seen]
    if origins:
        # Several may fit, as when it was noticed by a clock that was behind, and then the next change.
        fitting = [origin for origin in origins if _fits(origin, slots, span.last, step)]
        near = [since for since in seen if since < span.until]
        return fitting or (max(near or origins),), not earlier and len(fitting) <= 1
    return _guessed(slots, span, step)


def _witnessed(life: Life, span: Span[Timing | None], spec: JobSpec) -> list[datetime]:
    """Where statuses have said that the slots of this spec count from, one after the other, if a witness has seen all
    of them. Sights after the next change are of that one, if both have the same spec and a clock is behind. A job
    that was wiped before its annotation said that it was accepted is new again, and counts from its creation."""
    mine = [
        (seen.at, seen.since)
        for seen in life.statuses
        if seen.fingerprint == spec.fingerprint
        and seen.since is not None
        and (
            span.first - GRAIN <= seen.since < min(span.until, span.last)
            or (seen.since == life.created and span.first < seen.at)
        )
    ]
    before = [since for at, since in mine if at < span.until]
    return before or [since for _, since in mine]


def _guessed(slots: list[datetime], span: Span[Timing | None], step: timedelta) -> tuple[Sequence[datetime], bool]:
    """Where the grid begins if no status tells, by the slots that ran; and whether it was surely in force by then."""
    own = [slot for slot in slots if span.sure is not None and span.sure < slot <= span.until]
    known = [*own, *(slot for slot in slots if span.first < slot <= span.last)]
    if not known:
        return (), False
    # As many steps before that slot as the edit allows: what comes before it must have been seen may run, not must.
    steps = (known[0] - span.first + GRAIN) // step
    return (known[0] - max(1, steps) * step,), bool(own)


def _fits(origin: datetime, slots: list[datetime], end: datetime, step: timedelta) -> bool:
    """Whether any of these slots is one of the grid that begins in that second."""
    origin = origin.replace(microsecond=0)
    return any(origin < slot <= end and (slot - origin) % step == ZERO for slot in slots)


def _target(life: Life, due: Due, weather: Weather, span: Span[Timing | None]) -> Target:
    touching = touching_holds(holds(life, weather), due.opens, due.by)
    came, paused = due.opens, None
    if touching:
        # The spec when a pause lets go of the slot decides, not the spec when it came due.
        by = max([due.by, *(hold.noticed for hold in touching)])
        due, paused = held_by(replace(due, specs=tuple(life.specs(due.slot, by))), touching)
    target = _wanted(due, weather, paused, surely=span.covers(came, due.by), until=span.until)
    return replace(target, held=bool(touching))


def _wanted(due: Due, weather: Weather, paused: tuple[Need, str] | None, *, surely: bool, until: datetime) -> Target:
    """`surely`: its schedule was in force from when it came due, and not only when a pause let go of it."""
    expired = any(spec.expires_at is not None and due.slot > spec.expires_at for spec in due.specs)
    # Slots that a pause still holds at an edit or a wipe go by the result of that.
    if expired or not surely:
        return Target(due, Need.MAY, "the job was changed around it", counted=False, until=until)
    wanted, why = paused or need(due, weather)
    if due.by > weather.terms.read and wanted is not Need.NEVER:
        return Target(due, Need.MAY, "it could still have come when the last look was taken", counted=True, until=until)
    return Target(due, wanted, why, counted=True, until=until)


def _due(life: Life, weather: Weather, slot: datetime, *, opens: datetime, following: datetime) -> Due:
    by = weather.decided(opens)
    return Due(slot, opens, by, following, tuple(life.specs(slot, by)))
