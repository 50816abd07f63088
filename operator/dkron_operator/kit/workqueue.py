"""A work queue: bounded workers over a queue of keys, as in client-go. Every effect on the cluster runs in one.

A key that is added while it waits is worked on once. Added while a worker has it, it is worked on once more afterwards.
So no key has two workers at the same time, and no change is lost. Urgent keys go first, in their queue and before other
queues, but not exclusively. Namespaces take turns, and none can use all workers. Temporary failures are retried with
backoff, bugs with a much longer one. Work that this process may not do is dropped: when it may act again, it looks at
everything again.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from dkron_kube.backoff import Backoff
from dkron_kube.errors import KubeError, NotLeader, Unavailable
from dkron_runtime.fair_queue import FairQueue, Group

K = TypeVar("K", bound=Hashable)
log = logging.getLogger(__name__)

RETRY = Backoff(0.2, 5.0, spread=(0.8, 1.2))
RETRY_OF_A_FAULT = Backoff(RETRY.first, 300.0, spread=RETRY.spread)
"""Backoff for an error of the operator: without a change it fails again. An added key goes at once."""
IN_A_ROW = 8
"""After this many urgent keys a normal one has its turn, so that constant urgency does not starve the rest."""
LONGEST_YIELD, GLANCE = 2.0, 0.05
"""Seconds that a worker waits at most for urgent keys of another queue, and between two checks."""


class WorkQueue(Generic[K]):
    """A queue of keys. It exists before the code that works on them, so any part can get its `add`.

    `group_of` gives the group of a key, its namespace; groups take turns. At most `width` keys of one group are worked
    on at once, and `spare` more of other groups beside them. The urgent keys of the queue that it is `behind` go before
    any in this one.
    """

    def __init__(
        self,
        name: str,
        *,
        width: int,
        spare: int = 0,
        group_of: Callable[[K], Group] = lambda _: None,
        behind: "WorkQueue[Any] | None" = None,
    ) -> None:
        self.name = name
        self._width = width
        self._spare = spare
        self._turns = asyncio.Semaphore(0)
        self._begins = asyncio.Lock()
        self._urgent: FairQueue[K] = FairQueue(group_of)
        self._others: FairQueue[K] = FairQueue(group_of)
        self._row = 0
        self._busy: dict[K, Group] = {}
        self._at_work: Counter[Group] = Counter()
        self._parked = 0
        self._again: dict[K, float] = {}
        self._pressing: set[K] = set()
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._failures: dict[K, int] = {}
        self._quiet = asyncio.Event()
        self._ahead = behind

    def __len__(self) -> int:
        return len(self._urgent) + len(self._others) + len(self._busy) + len(self._timers)

    def add(self, key: K, delay: float = 0.0) -> None:
        """Add the key, after `delay` seconds; a key that is already waiting for a delay keeps it."""
        if key in self._busy:
            self._again[key] = min(delay, self._again.get(key, delay))
        elif self._waits(key):
            return
        elif delay <= 0:
            self._expire(key)
        elif key not in self._timers:
            self._timers[key] = asyncio.get_running_loop().call_later(delay, self._expire, key)

    def add_priority(self, key: K) -> None:
        """Add the key as urgent."""
        if key in self._busy:
            self._pressing.add(key)
            return
        self._expire(key)
        if key in self._others:
            self._others.remove(key)
            self._urgent.add(key)

    def drop(self, key: K) -> None:
        """Drop a key that is waiting for its delay."""
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
            if not len(self):
                self._quiet.set()

    def flush_delays(self) -> None:
        """Make every delayed key ready now."""
        for key in tuple(self._timers):
            self._expire(key)

    async def run(self, work: Callable[[K], Awaitable[None]]) -> None:
        """Call `work` with each key until cancelled. It may raise `Unavailable` to be called again for the same key. A
        queue that runs again starts interrupted keys over."""
        interrupted, self._busy = self._busy, {}
        self._at_work.clear()
        self._turns, self._parked = asyncio.Semaphore(len(self._urgent) + len(self._others)), 0
        for key in interrupted:
            self._again.pop(key, None)
            self._pressing.discard(key)
            self._expire(key)
        count = self._width + self._spare
        workers = [asyncio.create_task(self._worker(work), name=f"{self.name}-{number}") for number in range(count)]
        try:
            # Workers never end by themselves. If one did, the queue would slow down unnoticed.
            ended, _ = await asyncio.wait(workers, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        failures = [worker.exception() for worker in ended if not worker.cancelled()]
        raise RuntimeError(f"a worker of the queue {self.name} has ended") from next(iter(failures), None)

    async def idle(self) -> None:
        """Return when no key is left. From here on the queue no longer yields to another one."""
        self._ahead = None
        self.flush_delays()
        while len(self):
            self._quiet.clear()
            await self._quiet.wait()

    def _expire(self, key: K) -> None:
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        if not self._waits(key):
            self._others.add(key)
            self._turns.release()

    def _waits(self, key: K) -> bool:
        return key in self._urgent or key in self._others

    def _next(self) -> tuple[K, Group] | None:
        """The next key; None if every waiting key's namespace uses all the workers that it may have."""
        queues = (self._urgent, self._others)
        for queue in queues if self._row < IN_A_ROW else reversed(queues):
            found = queue.pop(lambda group: self._at_work[group] < self._width)
            if found is not None:
                self._row = self._row + 1 if queue is self._urgent else 0
                return found
        return None

    async def _worker(self, work: Callable[[K], Awaitable[None]]) -> None:
        while True:
            await self._turns.acquire()
            await self._give_way()
            # One key in each turn of the event loop: as many as there are workers would hold up what comes due.
            async with self._begins:
                await asyncio.sleep(0)
                found = self._next()
            if found is None:
                self._parked += 1
                continue
            key, group = found
            self._busy[key] = group
            self._at_work[group] += 1
            delay = await self._attempt(key, work)
            self._leave(key, group)
            self._requeue(key, delay)
            if not len(self):
                self._quiet.set()

    def _leave(self, key: K, group: Group) -> None:
        """The key is done, so there is room for another of its group."""
        del self._busy[key]
        self._at_work[group] -= 1
        if not self._at_work[group]:
            del self._at_work[group]
        if self._parked:
            self._parked -= 1
            self._turns.release()

    def _requeue(self, key: K, delay: float | None) -> None:
        """Add the key again if it failed, or if it was added meanwhile."""
        again, pressing = self._again.pop(key, None), key in self._pressing
        self._pressing.discard(key)
        if delay is not None:
            self.add(key, delay)
        elif pressing:
            self.add_priority(key)
        elif again is not None:
            self.add(key, again)

    async def _give_way(self) -> None:
        left = LONGEST_YIELD
        while left > 0 and self._ahead is not None and len(self._ahead._urgent):
            await asyncio.sleep(GLANCE)
            left -= GLANCE

    async def _attempt(self, key: K, work: Callable[[K], Awaitable[None]]) -> float | None:
        """Work on the key. Returns the seconds until the next try; None if it is done."""
        try:
            await work(key)
        except Unavailable as exc:
            delay = self._failed(key)
            log.warning("%s: %s; retrying in %.1f s", self.name, exc, delay, extra={"key": str(key)})
            return max(delay, exc.retry_after or 0.0)
        except NotLeader as exc:
            log.debug("%s: %s", self.name, exc, extra={"key": str(key)})
            self._failures.pop(key, None)
            return None
        except KubeError as exc:
            delay = self._failed(key)
            if self._is_news(key):
                log.error("%s: %s", self.name, exc, extra={"key": str(key), "status": exc.status})  # noqa: TRY400 - no bug
            return delay
        except Exception:
            delay = self._failed(key, RETRY_OF_A_FAULT)
            if self._is_news(key):
                log.exception("%s failed on %s; retrying in %.0f s", self.name, key, delay)
            return delay
        if self._failures.pop(key, None) is not None:
            # The API server answers again, so the other delayed keys need not wait any longer.
            self.flush_delays()
        return None

    def _failed(self, key: K, backoff: Backoff = RETRY) -> float:
        self._failures[key] = self._failures.get(key, 0) + 1
        return backoff.after(self._failures[key])

    def _is_news(self, key: K) -> bool:
        """Whether to log this failure of the key: the first, the second, the fourth in a row, and so on."""
        return self._failures[key].bit_count() == 1


@dataclass(frozen=True, slots=True)
class Workers(Generic[K]):
    """A queue, and what its workers do with each key."""

    queue: WorkQueue[K]
    work: Callable[[K], Awaitable[None]]

    @property
    def name(self) -> str:
        """The name of the queue."""
        return self.queue.name

    async def run(self) -> None:
        """Work until cancelled."""
        await self.queue.run(self.work)
