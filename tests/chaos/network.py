"""The way between the operators and the API server, one fault proxy for each, and what goes wrong on it in a storm."""

from collections.abc import Mapping
from datetime import UTC, datetime

from tests.chaos.history import Fault as Broken
from tests.chaos.plan import Fault
from tests.chaos.proxy.rules import (
    Answer,
    CutWatch,
    Delay,
    DropAfter,
    DropBefore,
    ExpireWatch,
    FreezeWatch,
    Replay,
    Rule,
)
from tests.chaos.proxy.thread import Gateway

RULES: Mapping[Fault, tuple[Rule, ...]] = {
    Fault.SLOW: (Rule(fault=Delay(1.0), chance=0.7),),
    Fault.LOST_CALLS: (Rule(fault=DropBefore(), chance=0.5),),
    Fault.LOST_ANSWERS: (Rule(fault=DropAfter(), verb="create"), Rule(fault=DropAfter(), verb="[pd]*", chance=0.5)),
    Fault.CONFLICTS: (Rule(fault=Answer(409), verb="patch", chance=0.7),),
    Fault.TOO_MANY: (Rule(fault=Answer(429, retry_after=1), chance=0.8),),
    Fault.ERRORS: (Rule(fault=Answer(500), chance=0.3), Rule(fault=Answer(503), chance=0.3)),
    Fault.CUT_WATCHES: (Rule(fault=CutWatch(0.5)),),
    Fault.FROZEN_WATCHES: (Rule(fault=FreezeWatch()),),
    Fault.REFUSED_WATCHES: (Rule(fault=CutWatch()), Rule(fault=Answer(403), verb="watch")),
    Fault.EXPIRED: (Rule(fault=ExpireWatch(), times=3),),
    Fault.OLD_LISTS: (Rule(fault=ExpireWatch(), times=3), Rule(fault=Replay(), verb="list")),
}


class Network:
    """Everything that is broken now on each of the ways."""

    def __init__(self, gateways: list[Gateway]) -> None:
        self._gateways = gateways
        self._broken: dict[tuple[int, Fault], datetime] = {}

    def __len__(self) -> int:
        return len(self._gateways)

    def break_(self, number: int, fault: Fault) -> bool:
        """Let this go wrong from now on; False if it does already."""
        if (number, fault) in self._broken:
            return False
        if fault is Fault.OLD_LISTS:
            self._gateways[number].proxy.remember()
        self._broken[number, fault] = datetime.now(UTC)
        self._have(number)
        return True

    def repair(self, number: int, fault: Fault) -> Broken | None:
        """Let it go well again; what was broken, and since when."""
        begin = self._broken.pop((number, fault), None)
        self._have(number)
        if begin is None:
            return None
        return Broken(what=f"{fault} at operator {number + 1}", begin=begin, end=datetime.now(UTC))

    def _have(self, number: int) -> None:
        rules = [rule for at, fault in self._broken for rule in RULES[fault] if at == number]
        self._gateways[number].have(*rules)
