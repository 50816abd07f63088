"""Cached answers with an expiry and a bound; concurrent callers share one request for the same key."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(slots=True)
class _Answer(Generic[V]):
    """An answer, until when it is fresh, whose it is, and whether it was used since it was put or last spared."""

    value: V
    until: float
    group: str
    used: bool = False


class Kept(Generic[K, V]):
    """At most `most` answers, none of which is None, and `of_group` of one group. The one that was put first goes
    first, of the group at its share, but one that was used meanwhile is spared once (second chance): to note a use
    costs less than to keep an order of uses. `seconds` says how long an answer is fresh."""

    def __init__(
        self, *, most: int, seconds: Callable[[V], float], clock: Callable[[], float], of_group: int = 0
    ) -> None:
        self._most, self._of_group = most, of_group or most
        self._seconds = seconds
        self._clock = clock
        self._kept: OrderedDict[K, _Answer[V]] = OrderedDict()
        self._groups: dict[str, OrderedDict[K, _Answer[V]]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, key: K) -> bool:
        """Whether there is an answer, fresh or not."""
        return key in self._kept

    def get(self, key: K) -> V | None:
        """Return the answer, unless it has to be asked for."""
        kept = self._kept.get(key)
        if kept is None or kept.until <= self._clock():
            return None
        kept.used = True
        return kept.value

    def last(self, key: K) -> V | None:
        """Return the answer, fresh or not, if there is one."""
        kept = self._kept.get(key)
        return None if kept is None else kept.value

    def put(self, key: K, answer: V, group: str = "") -> None:
        """Keep an answer of this group from now on."""
        self.drop(key)
        own = self._groups.setdefault(group, OrderedDict())
        self._kept[key] = own[key] = _Answer(answer, self._clock() + self._seconds(answer), group)
        if len(own) > self._of_group:
            self._drop_first(own)
        if len(self._kept) > self._most:
            self._drop_first(self._kept)

    def drop(self, key: K) -> None:
        """Forget the answer, if there is one."""
        kept = self._kept.pop(key, None)
        if kept is not None:
            own = self._groups[kept.group]
            del own[key]
            if not own:
                del self._groups[kept.group]

    def _drop_first(self, answers: OrderedDict[K, _Answer[V]]) -> None:
        # Each turn uses up a use, so there are no more turns than there were uses.
        while True:
            key, first = next(iter(answers.items()))
            if not first.used:
                self.drop(key)
                return
            first.used = False
            answers.move_to_end(key)


class Questions(Generic[K, V]):
    """Questions that wait for an answer, one for each key."""

    def __init__(self) -> None:
        self._asking: dict[K, asyncio.Task[V]] = {}

    async def ask(self, key: K, ask: Callable[[], Awaitable[V]]) -> V:
        """Return the answer. What `ask` raises is raised for all who wait."""
        asking = self._asking.get(key)
        if asking is None:
            asking = self._asking[key] = asyncio.ensure_future(ask())
            asking.add_done_callback(partial(self._answered, key))
        # One client that leaves must not take the answer away from the others.
        return await asyncio.shield(asking)

    def _answered(self, key: K, asking: "asyncio.Task[V]") -> None:
        self._asking.pop(key, None)
        if not asking.cancelled():
            # If all waiting clients have left, this retrieves the exception, which asyncio would log otherwise.
            asking.exception()
