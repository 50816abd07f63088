"""When things were broken, and by when what came due meanwhile must have been decided."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.chaos.history import FOREVER, Fault, Terms
from tests.chaos.recovery import Signs


@dataclass(frozen=True, slots=True)
class Weather:
    """The faults of a history. `storms` are the times in which an operator is excused, in order and apart."""

    terms: Terms
    faults: tuple[Fault, ...]
    storms: tuple[tuple[datetime, datetime], ...]

    @classmethod
    def of(cls, faults: Iterable[Fault], terms: Terms, signs: Signs | None = None) -> "Weather":
        """Each fault excuses until things have recovered from it, as `signs` show or after as long as that may take;
        what overlaps is one storm."""
        storms: list[tuple[datetime, datetime]] = []
        known = tuple(sorted(faults, key=lambda fault: fault.begin))
        for fault in known:
            if fault.is_mild:
                continue
            end = _recovered(fault, terms, signs)
            if storms and fault.begin <= storms[-1][1]:
                storms[-1] = (storms[-1][0], max(storms[-1][1], end))
            else:
                storms.append((fault.begin, end))
        return cls(terms, known, tuple(storms))

    def storm(self, begin: datetime, end: datetime) -> tuple[datetime, datetime] | None:
        """The last storm that touches this time, if one does."""
        return next((s for s in reversed(self.storms) if s[0] <= end and begin <= s[1]), None)

    def decided(self, due: datetime) -> datetime:
        """By when something that is due now must have been dealt with."""
        by = due + self.terms.lateness
        while (storm := self.storm(due, by)) is not None and storm[1] + self.terms.lateness > by:
            if storm[1] >= FOREVER:
                return FOREVER
            by = storm[1] + self.terms.lateness
        return by

    def excuse(self, due: datetime) -> datetime | None:
        """The end of the storm in which something that is due now may get lost, None in calm weather."""
        storm = self.storm(due, due + self.terms.lateness)
        return storm[1] if storm else None

    def is_handover(self, due: datetime) -> bool:
        """Whether all that may have kept this from being decided is that one operator followed another."""
        storm = self.storm(due, due + self.terms.lateness)
        if storm is None:
            return False
        felt = (fault for fault in self.faults if not fault.is_mild)
        return all(fault.handover for fault in felt if fault.begin <= storm[1] and storm[0] <= end_of(fault))

    def has_stormed(self, due: datetime) -> bool:
        """Whether anything may have been missed by then."""
        return bool(self.storms) and self.storms[0][0] <= due + self.terms.lateness

    def outage(self, slot: datetime) -> Fault | None:
        """The fault during which surely no operator could fire this slot."""
        # A clock that was ahead may have fired it before, and one that is behind may take it for due afterwards.
        begin, end = slot - self.early(slot), slot + self.terms.grain + self.behind(slot)
        return next((f for f in self.faults if f.down and f.begin < begin and end < end_of(f)), None)

    def held(self, moment: datetime) -> datetime:
        """By when something that was asked for at this moment must have been done."""
        ends = (end_of(f) + self.terms.lateness for f in self.faults if f.holds and f.begin <= moment <= end_of(f))
        return max(ends, default=moment)

    def early(self, slot: datetime) -> timedelta:
        """How much too soon a slot may run: the witness' clock is coarse, and the operator's may have been ahead."""
        ahead = (f for f in self.faults if f.skew > timedelta(0) and f.begin <= slot <= latest(f))
        return self.terms.grain + max((f.skew for f in ahead), default=timedelta(0))

    def behind(self, moment: datetime) -> timedelta:
        """By how much a clock may have been behind that noticed something of that moment."""
        wrong = (f for f in self.faults if f.skew < timedelta(0) and f.begin <= self.decided(moment))
        return max((-f.skew for f in wrong if moment <= end_of(f)), default=timedelta(0))

    @property
    def ahead(self) -> timedelta:
        """By how much a clock ever was ahead."""
        return max([timedelta(0), *(f.skew for f in self.faults)])

    @property
    def wrong(self) -> timedelta:
        """By how much a clock ever was wrong."""
        return max([timedelta(0), *(abs(f.skew) for f in self.faults)])

    def around(self, begin: datetime, end: datetime, margin: timedelta) -> list[Fault]:
        """The faults that were near."""
        return [f for f in self.faults if f.begin <= end + margin and begin - margin <= end_of(f)]


def _recovered(fault: Fault, terms: Terms, signs: Signs | None) -> datetime:
    """By when slots must be on time again."""
    if fault.end is None:
        return FOREVER
    if fault.recovery is not None:
        return fault.end + fault.recovery
    over = fault.end + abs(fault.skew)
    if signs is None:
        return over + terms.recovery
    return min(over + terms.recovery, max(over + terms.settle, signs.after(over)))


def latest(fault: Fault) -> datetime:
    """The latest slot that a clock that was ahead could take for due."""
    return FOREVER if fault.end is None else fault.end + fault.skew


def end_of(fault: Fault) -> datetime:
    """When it was over."""
    return FOREVER if fault.end is None else fault.end
