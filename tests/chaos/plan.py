"""The plan of a storm: who does what when, made only from a seed, so that it can be repeated. Pure.

Faults come in gusts, one every few seconds. After each gust it is calm for longer than the gust may excuse anything, so
that at least half of a storm shows what is promised of calm times.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from random import Random

from tests.chaos.history import OLD_LISTS, Act
from tests.chaos.jobs import (
    ASKED,
    BACKFILLED,
    BODIES,
    EDITS,
    NAMES,
    PARENTS,
    SCHEDULED,
    STEADY,
    without_replace,
)
from tests.chaos.request_plan import Wanted, requests
from tests.support.jobs import Object

HEAD_START = 8.0
"""Seconds before the first fault: every job shall have run."""
GUST = (3.0, 20.0)
LULL = (1.1, 1.4)
"""How long it is calm after a gust, as a share of the time that the gust excuses."""
GAP = (0.8, 3.0)
"""Seconds between two faults of a gust."""
LATENESS = 5.0
"""Seconds by which a slot may be late in calm times. Everything runs on one machine, which other tests keep busy; where
that machine stands still, the pulse says so."""
SETTLE = 6.0
"""Seconds from the end of a fault until all slots can be on time: a workqueue pauses for as long between two tries."""
RECOVERY = 20.0
"""Seconds from the end of a fault until slots must be on time again: the Lease of a holder that was killed is free
after 5 s, and then two busy processes and their watches have to settle."""
WRONG = 20.0
"""Seconds by which a clock is set wrong at most, in either direction. A Lease lasts for less."""
CALM = 0.5
"""The share of a storm that is to be calm."""
LONGEST = 60.0
"""Seconds that a gust may excuse at most."""
STORMY = 0.46
"""The share of a storm that its plan may excuse at most: less than what would be allowed, as machines may be slow."""
SHORTEST = 90.0
"""Seconds. A shorter storm has no room for a fault and for calm times."""
PAUSE = (0.5, 3.5)
"""Seconds between two operations of clients."""
AGAIN = 0.3
"""How likely what was deleted or disabled is created or enabled next."""
FORCED = 0.2
"""How likely a run is asked for whatever runs already."""
ACTS = {Act.RUN: 8, Act.EDIT: 3, Act.DISABLE: 2, Act.DELETE: 1, Act.STOP: 1}
ABLE = {
    Act.RUN: frozenset(ASKED),
    Act.EDIT: frozenset(SCHEDULED) - STEADY,
    Act.DISABLE: frozenset(NAMES) - STEADY,
    Act.DELETE: frozenset(NAMES) - STEADY - PARENTS - frozenset(BACKFILLED),
    Act.STOP: frozenset({"single", "single-skip", "newest", "asked-single"}),
}
"""To which jobs it is done."""


class Fault(StrEnum):
    """The kinds of faults."""

    KILL = "kill -9 of an operator"
    STOP = "SIGTERM to an operator"
    FREEZE = "SIGSTOP of an operator, then SIGCONT"
    CLOCK = "a clock of an operator set wrong, then right"
    API_SERVER = "restart of the API server"
    API_FREEZE = "SIGSTOP of the API server, then SIGCONT"
    API_AWAY = "the API server ended, then started"
    ETCD = "restart of etcd"
    CONTROLLERS = "restart of the controller manager"
    SLOW = "slow calls"
    LOST_CALLS = "lost calls"
    LOST_ANSWERS = "lost answers"
    CONFLICTS = "answers 409"
    TOO_MANY = "answers 429"
    ERRORS = "answers 500 and 503"
    CUT_WATCHES = "cut watches"
    FROZEN_WATCHES = "silent watches"
    REFUSED_WATCHES = "watches that are refused"
    EXPIRED = "watches that end with 410"
    OLD_LISTS = OLD_LISTS
    JOB = "a running Job deleted by hand"
    POD = "a running pod deleted by hand"
    MARK = "a mark moved back by hand"
    WIPE = "a status wiped by hand"


@dataclass(frozen=True, slots=True)
class Kind:
    """How often a fault comes beside others, and for how many seconds it lasts; 0 is for a moment. `takes`: how many
    seconds more until what was ended has begun again."""

    weight: int
    seconds: tuple[float, float] = (0.0, 0.0)
    takes: float = 0.0


KINDS: dict[Fault, Kind] = {
    Fault.KILL: Kind(8, (0.0, 8.0), takes=4.0),
    Fault.STOP: Kind(4, (0.0, 8.0), takes=4.0),
    Fault.FREEZE: Kind(4, (1.0, 25.0)),
    Fault.CLOCK: Kind(2, (2.0, 20.0)),
    Fault.API_SERVER: Kind(2, takes=5.0),
    Fault.API_FREEZE: Kind(2, (1.0, 8.0)),
    Fault.ETCD: Kind(1, takes=5.0),
    Fault.CONTROLLERS: Kind(2, takes=3.0),
    Fault.SLOW: Kind(1, (2.0, 10.0)),
    Fault.LOST_CALLS: Kind(2, (2.0, 10.0)),
    Fault.LOST_ANSWERS: Kind(3, (2.0, 10.0)),
    Fault.CONFLICTS: Kind(1, (2.0, 10.0)),
    Fault.TOO_MANY: Kind(1, (2.0, 10.0)),
    Fault.ERRORS: Kind(2, (2.0, 10.0)),
    Fault.CUT_WATCHES: Kind(1, (2.0, 6.0)),
    Fault.FROZEN_WATCHES: Kind(2, (4.0, 15.0)),
    Fault.EXPIRED: Kind(1, (1.0, 4.0)),
    Fault.OLD_LISTS: Kind(1, (2.0, 8.0)),
    Fault.JOB: Kind(3),
    Fault.POD: Kind(3),
    Fault.MARK: Kind(2),
    Fault.WIPE: Kind(1),
}
"""The faults of a storm."""
AMONG_RIVALS = frozenset({Fault.JOB, Fault.WIPE})
"""What several operators that act at once must be spared."""
HARMLESS = frozenset({Act.RUN, Act.CREATE, Act.DELETE})
"""What clients may ask of them."""
ON_THE_WAY = frozenset(
    {
        Fault.SLOW, Fault.LOST_CALLS, Fault.LOST_ANSWERS, Fault.CONFLICTS, Fault.TOO_MANY, Fault.ERRORS,
        Fault.CUT_WATCHES, Fault.FROZEN_WATCHES, Fault.REFUSED_WATCHES, Fault.EXPIRED, Fault.OLD_LISTS,
    }
)  # fmt: skip
"""Faults between an operator and the API server."""


@dataclass(frozen=True, slots=True)
class Blow:
    """A fault to come, so many seconds after the beginning. `pick`, from 0 to below 1, chooses whom it meets. `quiet`:
    for how many seconds nothing may have been broken before it, however long that takes."""

    at: float
    fault: Fault
    seconds: float
    pick: float
    quiet: float = 0.0

    @property
    def over(self) -> float:
        """When what it has broken is whole again, if all goes as planned."""
        return self.at + self.seconds + (KINDS[self.fault].takes if self.fault in KINDS else 0.0)

    @property
    def window(self) -> tuple[float, float]:
        """From when until when it may excuse that a slot which comes due then is late or missed."""
        wrong = WRONG if self.fault is Fault.CLOCK else 0.0
        return self.at - LATENESS, self.over + wrong + RECOVERY


@dataclass(frozen=True, slots=True)
class Wish:
    """Something that a client will ask for. `force` is for a run, and `pick` chooses the execution to stop."""

    at: float
    act: Act
    job: str
    spec: Object = field(default_factory=dict)
    force: bool = False
    pick: float = 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """All of a storm: the jobs that there are at first, the faults, what clients ask for of them and by objects of
    other kinds, and for how many seconds it goes on at least."""

    bodies: tuple[Object, ...]
    blows: tuple[Blow, ...]
    wishes: tuple[Wish, ...]
    seconds: float = 0.0
    requests: tuple[Wanted, ...] = ()


def plan(seed: int, seconds: float, *, rivals: bool = False) -> Plan:
    """The storm of this seed. Raises ValueError if it is to be shorter than `SHORTEST`.

    `rivals`: several operators act at once. Names keep them from doing anything twice, but not where a Job is deleted
    before all of them have seen it, nor where each of them notices an edit at another time: there is none of that then.
    """
    if seconds < SHORTEST:
        raise ValueError(f"a storm of {seconds:.0f} s has no room for faults and calm times; {SHORTEST:.0f} s has")
    faults = set(KINDS) - (AMONG_RIVALS if rivals else frozenset())
    blows = _blows(Random(f"blows {seed}"), seconds, sorted(faults))  # noqa: S311 - has to be had again
    wishes = _wishes(Random(f"wishes {seed}"), seconds)  # noqa: S311
    wanted = tuple(requests(seed, seconds, begin=HEAD_START))
    if not rivals:
        return Plan(tuple(BODIES.values()), tuple(blows), tuple(wishes), seconds, wanted)
    bodies = tuple(body | {"spec": without_replace(body["spec"])} for body in BODIES.values())
    kept = (replace(wish, spec=without_replace(wish.spec)) for wish in wishes if wish.act in HARMLESS)
    return Plan(bodies, tuple(blows), tuple(kept), seconds, wanted)


def excused(blows: Sequence[Blow]) -> list[tuple[float, float]]:
    """The times of a plan that may be excused, in order and apart. Pure."""
    found: list[tuple[float, float]] = []
    for begin, end in sorted(blow.window for blow in blows):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return found


def calm_share(blows: Sequence[Blow], seconds: float) -> float:
    """The share of a storm that is surely calm, if each fault takes as long as it may to be recovered from. Pure."""
    return 1 - sum(end - max(begin, 0.0) for begin, end in excused(blows)) / seconds


def _blows(random: Random, seconds: float, faults: list[Fault]) -> Iterator[Blow]:
    now, quiet, left = HEAD_START, 0.0, STORMY * seconds
    while now < seconds and left > 0 and faults:
        gust = [
            replace(blow, quiet=0.0 if n else quiet)
            for n, blow in enumerate(_gust(random, now, min(left, LONGEST), faults))
        ]
        if not gust:
            return
        yield from gust
        begin, end = min(blow.at for blow in gust) - LATENESS, max(blow.window[1] for blow in gust)
        left -= end - begin
        following = end + LATENESS + random.uniform(*LULL) * (end - begin)
        now, quiet = following, following - max(blow.over for blow in gust)


def _gust(random: Random, begin: float, most: float, faults: list[Fault]) -> list[Blow]:
    """Faults from `begin` on, which excuse `most` seconds at most."""
    weights = [KINDS[fault].weight for fault in faults]
    now, end, found = begin, begin + random.uniform(*GUST), list[Blow]()
    while now < end:
        fault = random.choices(faults, weights)[0]
        blow = Blow(now, fault, round(random.uniform(*KINDS[fault].seconds), 1), random.random())
        if blow.window[1] - (begin - LATENESS) <= most:
            found.append(blow)
        now += random.uniform(*GAP)
    # Faults that were left out at the beginning must not be waited for.
    return found


def _wishes(random: Random, seconds: float) -> Iterator[Wish]:
    clients, now = _Clients(random), HEAD_START / 2
    while now < seconds:
        yield clients.wish(now)
        now += random.uniform(*PAUSE)


class _Clients:
    """What people want, who know what they have asked for before."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._there = list(NAMES)
        self._resting: list[str] = []
        self._gone: list[str] = []

    def wish(self, now: float) -> Wish:
        """The next operation."""
        if self._gone and self._random.random() < AGAIN:
            name = self._gone.pop(0)
            self._there.append(name)
            return Wish(now, Act.CREATE, name, spec=_spec(name))
        if self._resting and self._random.random() < AGAIN:
            return Wish(now, Act.ENABLE, self._resting.pop(0))
        act = self._random.choices(list(ACTS), list(ACTS.values()))[0]
        able = [name for name in self._there if name in ABLE.get(act, NAMES)]
        if not able:
            return Wish(now, Act.RUN, ASKED[0])
        return self._of(act, now, self._random.choice(able))

    def _of(self, act: Act, now: float, name: str) -> Wish:
        if act in (Act.EDIT, Act.DELETE) and name in self._resting:
            self._resting.remove(name)
        if act is Act.EDIT:
            return Wish(now, act, name, spec=_spec(name) | self._random.choice(EDITS))
        if act is Act.DELETE:
            self._there.remove(name)
            self._gone.append(name)
        elif act is Act.DISABLE and name not in self._resting:
            self._resting.append(name)
        return Wish(now, act, name, force=self._random.random() < FORCED, pick=self._random.random())


def _spec(name: str) -> Object:
    spec: Object = BODIES[name]["spec"]
    return spec
