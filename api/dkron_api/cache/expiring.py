"""Cached answers with an expiry and a bound; concurrent callers share one request for the same key."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
Owner = TypeVar("Owner", bound=Hashable)
V = TypeVar("V")


@dataclass(slots=True)
class _Answer(Generic[V]):
    """An answer, until when it is fresh, and whether it was used since it was put or last spared."""

    value: V
    until: float
    used: bool = False


class Kept(Generic[K, V]):
    """At most `most` answers, none of which is None. The one that was put first goes first, but one that was used
    meanwhile is spared once (second chance): to note a use costs less than to keep an order of uses. `seconds` says how
    long an answer is fresh."""

    def __init__(self, *, most: int, seconds: Callable[[V], float], clock: Callable[[], float]) -> None:
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._kept: OrderedDict[K, _Answer[V]] = OrderedDict()

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

    def put(self, key: K, answer: V) -> None:
        """Keep an answer from now on."""
        self._kept[key] = _Answer(answer, self._clock() + self._seconds(answer))
        self._kept.move_to_end(key)
        while len(self._kept) > self._most:
            self._make_room()

    def drop(self, key: K) -> None:
        """Forget the answer, if there is one."""
        if self._kept.pop(key, None) is not None:
            self._gone(key)

    def _gone(self, key: K) -> None:
        """The answer of this key is not kept any more."""

    def _make_room(self) -> None:
        # Each turn uses up a use, so there are no more turns than there were uses.
        while True:
            key, first = self._kept.popitem(last=False)
            if not first.used:
                self._gone(key)
                return
            first.used = False
            self._kept[key] = first


class KeptByOwner(Kept[tuple[Owner, K], V]):
    """Answers whose keys begin with their owner, at most `most_of_one` of each: beyond that, the owner's own first one
    goes. So one owner does not push out entries of others."""

    def __init__(
        self, *, most: int, most_of_one: int, seconds: Callable[[V], float], clock: Callable[[], float]
    ) -> None:
        super().__init__(most=most, seconds=seconds, clock=clock)
        self._most_of_one = most_of_one
        self._own: dict[Owner, dict[tuple[Owner, K], None]] = {}

    def put(self, key: tuple[Owner, K], answer: V) -> None:
        """Keep an answer from now on."""
        self.drop(key)
        own = self._own.get(key[0], {})
        if len(own) >= self._most_of_one:
            self.drop(next(iter(own)))
        self._own.setdefault(key[0], {})[key] = None
        super().put(key, answer)

    def _gone(self, key: tuple[Owner, K]) -> None:
        own = self._own[key[0]]
        del own[key]
        if not own:
            del self._own[key[0]]


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
