"""The faults, when they were, and for how long an operator could feel them: no longer than that may it excuse anything.

A trouble of the network that no call has met was none, and one that did lasts until the last call that it has met is
over. Whatever ends a process lasts until one acts again, but no longer than a change of leaders may take.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tests.chaos.history import Fault
from tests.simulation.network import Ill, Network, Trouble
from tests.simulation.plans import HANDOVER, Event, What

RECOVERY = {
    "a process": 2.0,
    "calls": 8.0,
    "a watch": 2.0,
    "a cut watch": 7.0,
    "a name": 8.0,
    "a list": 5.0,
}
"""Seconds from the end of what was broken until all is in order again. A failed call is tried again after 6 s at
most. A watch that has expired begins again after a second; a resync finds what vanished meanwhile 5 s later."""
TAKEN_BACK, LOOKED_AT = 200.0, 60.0
"""Seconds: marks of a clock that was so far ahead are taken back at once (docs/reliability.md). By the schedules of
stories each job has another slot within a minute."""
WATCHES = frozenset({Ill.FREEZE, Ill.GAP, Ill.REPEAT, Ill.OLD, Ill.CUT})
LISTS = frozenset({Ill.OLD, Ill.PAGES})
FORBIDDEN = 403
READY = 5.0
"""Seconds after its start from which on a replica takes over what came due before."""
SAMPLE = 0.1
"""Seconds between two looks at who acts."""


@dataclass(frozen=True, slots=True)
class _Broken:
    """`end` is when it was over by itself. `acts`: whether it can keep who acts from acting. `freeze`: whether its
    process stood still."""

    what: str
    begin: float
    end: float
    recovery: float
    replica: str = ""
    acts: bool = False
    down: bool = False
    freeze: bool = False
    skew: float = 0.0
    trouble: Trouble | None = None
    hits: tuple[str, ...] = ()
    handover: bool = False


def _kind(ill: Ill) -> str:
    """Which time to recover it has."""
    if ill is Ill.CUT:
        return "a cut watch"
    return "a list" if ill in LISTS else "a watch" if ill in WATCHES else "calls"


class Faults:
    """All that was broken in a story, for its judge."""

    def __init__(self, network: Network, *, zero: datetime, elects: bool) -> None:
        self._network = network
        self._zero = zero
        self._elects = elects
        self._broken: list[_Broken] = []
        self._fell: dict[str, float] = {}
        self._up: dict[str, float] = {}
        self._successors: dict[str, dict[str, float]] = {}
        self._alone: float | None = None
        self._samples: list[tuple[float, frozenset[str]]] = []

    def sample(self, now: float, acting: frozenset[str]) -> None:
        """These replicas may act, and are able to."""
        if not self._samples or self._samples[-1][1] != acting:
            self._samples.append((now, acting))

    def began(self, now: float, event: Event, trouble: Trouble | None = None) -> None:
        """Something that the plan says; deaths are told when they come."""
        what, end = f"{event.ill or event.what} on {event.on or 'all'}", now + event.lasts
        if trouble is not None:
            kind = _kind(trouble.ill)
            found = _Broken(what, now, end, RECOVERY[kind], event.on, acts=True, trouble=trouble)
        elif event.what is What.SQUAT:
            found = _Broken(what, now, end, RECOVERY["a name"])
        else:
            ahead = max(event.skew, 0.0)
            if ahead > TAKEN_BACK:
                ahead = LOOKED_AT
            frozen = event.what is What.FREEZE
            found = _Broken(
                what, now, end, RECOVERY["a process"] + ahead, event.on, acts=frozen, freeze=frozen, skew=event.skew
            )
        self._broken.append(found)

    def removed(self, now: float, name: str, *, by_ttl: bool = False) -> None:
        """A user has deleted this Job, or its time to live is over, which comes with no surprise."""
        recovery = 0.0 if by_ttl else RECOVERY["a watch"]
        self._broken.append(_Broken(f"deletion of Job {name}", now, now, recovery, hits=(name,)))

    def emptied(self, begin: float, now: float, namespace: str, refused: tuple[str, ...]) -> None:
        """A namespace is gone that took nothing new from `begin` on, and refused these Jobs."""
        what = f"deletion of namespace {namespace}"
        self._broken.append(_Broken(what, begin, now, RECOVERY["a watch"], hits=refused))

    def fell(self, now: float, replica: str, *, last: bool) -> None:
        """A process has ended; `last`: no other one lives."""
        self._fell[replica] = now
        self._up.pop(replica, None)
        self._successors[replica] = {name: began for name, began in self._up.items() if began < now - READY}
        if last and self._alone is None:
            self._alone = now

    def rose(self, now: float, replica: str) -> None:
        """A process begins."""
        fell = self._fell.pop(replica, None)
        ready = self._successors.pop(replica, {})
        handover = self._elects and any(self._up.get(name) == began for name, began in ready.items())
        self._up[replica] = now
        if self._alone is not None:
            self._broken.append(_Broken("no operator", self._alone, now, RECOVERY["a process"], acts=True, down=True))
            self._alone = None
        if fell is not None:
            death = _Broken(f"death of {replica}", fell, now, RECOVERY["a process"], replica, acts=True)
            self._broken.append(replace(death, handover=handover))

    def told(self) -> tuple[Fault, ...]:
        """What may excuse something."""
        found = (self._as_felt(broken) for broken in self._broken)
        return tuple(self._fact(broken) for broken in found if broken is not None)

    def _as_felt(self, broken: _Broken) -> _Broken | None:
        trouble = broken.trouble
        if trouble is not None and trouble.ill is Ill.OLD:
            first, last = self._network.first_list(trouble), self._network.last_met(trouble)
            if first is None or last is None:
                return None
            broken = replace(broken, begin=first, end=last)
        elif trouble is not None and trouble.ill is Ill.GAP and self._deletes_in(broken):
            broken = replace(broken, recovery=RECOVERY["a cut watch"])
        elif trouble is not None and trouble.ill not in WATCHES:
            last = self._network.last_met(trouble)
            if last is None:
                return None
            broken = replace(broken, end=last)
        if trouble is None and self._is_idle(broken):
            return None
        if broken.handover and broken.replica in self._next_acting(broken.begin):
            # It was back before anybody else took over, and has been away.
            broken = replace(broken, handover=False)
        if broken.acts and not broken.down:
            again = self._acting_again(broken.end)
            broken = replace(broken, end=min(again, broken.end + HANDOVER))
        return broken if trouble is None else replace(broken, recovery=self._until_in_order(broken) - broken.end)

    def _until_in_order(self, broken: _Broken) -> float:
        """When all is in order again: nothing recovers in a process that stands still."""
        until = broken.end + broken.recovery
        for each in sorted((each for each in self._broken if each.freeze), key=lambda each: each.begin):
            if broken.replica in {"", each.replica} and each.begin < until and each.end > broken.end:
                until += each.end - max(each.begin, broken.end)
        return until

    def _deletes_in(self, broken: _Broken) -> bool:
        """Whether a Job was deleted meanwhile. Where a watch begins again it shows what is there, not what has gone."""
        return any(each.hits and broken.begin <= each.begin <= broken.end for each in self._broken)

    def _is_idle(self, broken: _Broken) -> bool:
        """Whether it concerned one that did not act, while another did all the time and for a while after it."""
        if not (self._elects and broken.replica):
            return False
        until = broken.end + broken.recovery
        acting = [self._acting_before(broken.begin), *self._acting_within(broken.begin, until)]
        return all(names and broken.replica not in names for names in acting)

    def _acting_before(self, moment: float) -> frozenset[str]:
        return next((names for at, names in reversed(self._samples) if at < moment), frozenset())

    def _acting_within(self, begin: float, end: float) -> list[frozenset[str]]:
        return [names for at, names in self._samples if begin <= at <= end]

    def _next_acting(self, moment: float) -> frozenset[str]:
        return next((names for at, names in self._samples if at > moment and names), frozenset())

    def _acting_again(self, moment: float) -> float:
        """From when on an operator acts, at that moment or after it."""
        before = [acting for at, acting in self._samples if at <= moment]
        if before and before[-1]:
            return moment
        return next((at for at, acting in self._samples if at > moment and acting), float("inf"))

    def _fact(self, broken: _Broken) -> Fault:
        # A Job that was refused for good was never there, and its attempt has failed.
        final = broken.trouble is not None and broken.trouble.status == FORBIDDEN
        hits = self._network.refused(broken.trouble) if final and broken.trouble else broken.hits
        return Fault(
            what=broken.what, begin=self._at(broken.begin), end=self._at(broken.end), down=broken.down,
            skew=timedelta(seconds=broken.skew), recovery=timedelta(seconds=broken.recovery), hits=hits,
            handover=broken.handover,
        )  # fmt: skip

    def _at(self, second: float) -> datetime:
        return self._zero + timedelta(seconds=second)
