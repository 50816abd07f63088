"""A bounded cache of answers, each kept for some seconds. Concurrent questions about one key are asked once."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from functools import partial
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class ExpiringCache(Generic[K, V]):
    """Keeps at most `most` answers; the oldest goes first. `seconds` says how long an answer is kept."""

    def __init__(self, *, most: int, seconds: Callable[[V], float], clock: Callable[[], float]) -> None:
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._kept: OrderedDict[K, tuple[V, float]] = OrderedDict()
        self._asking: dict[K, asyncio.Task[V]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, key: K) -> bool:
        kept = self._kept.get(key)
        return kept is not None and kept[1] > self._clock()

    @property
    def asking(self) -> int:
        """How many questions wait for an answer."""
        return len(self._asking)

    async def get(self, key: K, ask: Callable[[], Awaitable[V]]) -> V:
        """Return the answer that is kept, or ask. What `ask` raises is raised for all who wait, and not kept."""
        if key in self:
            return self._kept[key][0]
        asking = self._asking.get(key)
        if asking is None:
            asking = self._asking[key] = asyncio.ensure_future(self._ask(key, ask))
            asking.add_done_callback(partial(self._answered, key))
        # One client that leaves must not take the answer away from the others.
        return await asyncio.shield(asking)

    def _answered(self, key: K, asking: asyncio.Task[V]) -> None:
        self._asking.pop(key, None)
        if not asking.cancelled():
            # If all who waited have left, nobody else looks at an error.
            asking.exception()

    async def _ask(self, key: K, ask: Callable[[], Awaitable[V]]) -> V:
        answer = await ask()
        self._kept[key] = answer, self._clock() + self._seconds(answer)
        self._kept.move_to_end(key)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return answer
