"""Faults, and rules that say which calls they hit and when. Plain data.

Of the rules that match a call, all delays take place, and then the first other fault.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from tests.chaos.proxy.call import Call


@dataclass(frozen=True, slots=True)
class Delay:
    """The request arrives late, by so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class DropBefore:
    """The request never arrives; the connection is cut."""


@dataclass(frozen=True, slots=True)
class DropAfter:
    """The request is carried out; its answer is lost, and the connection is cut."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The request never arrives; this is answered instead, in the words of Kubernetes.

    `retry_after`: seconds, as a header.
    """

    status: int
    retry_after: int | None = None


@dataclass(frozen=True, slots=True)
class Replay:
    """A list is answered as it was first answered to the same question since the proxy was told to remember."""


@dataclass(frozen=True, slots=True)
class CutWatch:
    """A watch is cut so many seconds after it began, or after the rule came."""

    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class FreezeWatch:
    """A watch is open and silent, as long as the rule is in force. Then it goes on where it was."""


@dataclass(frozen=True, slots=True)
class ExpireWatch:
    """A watch ends with the event that its version is too old."""


Fault = Delay | DropBefore | DropAfter | Answer | Replay | CutWatch | FreezeWatch | ExpireWatch
OF_STREAMS = (CutWatch, FreezeWatch, ExpireWatch)
"""Faults that befall a watch while it is open, also one that had begun before the rule came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A fault, and the calls that it befalls.

    `verb`, `resource` and `name` are patterns as of a shell; a subresource is part of the resource: `dkronjobs/status`.
    The first `skip` calls that match are spared; after `times` the rule is used up; `chance` is how likely each of the
    others is hit.
    """

    fault: Fault
    verb: str = "*"
    resource: str = "*"
    name: str = "*"
    skip: int = 0
    times: int | None = None
    chance: float = 1.0

    def matches(self, call: Call) -> bool:
        """Whether the rule speaks of such calls."""
        fits = fnmatchcase(call.verb, self.verb) and fnmatchcase(call.kind, self.resource)
        return bool(call.verb) and fits and fnmatchcase(call.name, self.name)


class Ruling:
    """Rules that are in force, and how often each was used. The same seed and calls give the same faults."""

    def __init__(self, rules: Iterable[Rule] = (), *, seed: int = 0) -> None:
        self.rules = tuple(rules)
        self._random = random.Random(seed)  # noqa: S311 - to be repeated
        self._met = [0] * len(self.rules)
        self.hits = [0] * len(self.rules)
        """How often each rule has struck."""

    def on(self, call: Call) -> Sequence[Fault]:
        """The faults that befall a call before or after it is carried out: delays first, then at most one."""
        struck = [rule.fault for rule in self._struck(call) if not isinstance(rule.fault, OF_STREAMS)]
        delays = [fault for fault in struck if isinstance(fault, Delay)]
        others = [fault for fault in struck if not isinstance(fault, Delay)]
        return (*delays, *others[:1])

    def on_stream(self, call: Call) -> Fault | None:
        """The fault that befalls an open watch. To be asked once for each watch, and again when rules have changed."""
        return next((rule.fault for rule in self._struck(call, streams=True)), None)

    def _struck(self, call: Call, *, streams: bool = False) -> Iterator[Rule]:
        for number, rule in enumerate(self.rules):
            if isinstance(rule.fault, OF_STREAMS) is streams and rule.matches(call) and self._strikes(number, rule):
                yield rule

    def _strikes(self, number: int, rule: Rule) -> bool:
        self._met[number] += 1
        used_up = rule.times is not None and self.hits[number] >= rule.times
        if self._met[number] <= rule.skip or used_up or self._random.random() >= rule.chance:
            return False
        self.hits[number] += 1
        return True
