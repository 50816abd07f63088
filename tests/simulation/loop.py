"""An event loop without a clock: what is ready runs in an order that a seed decides, and when nothing is, time jumps to
the next timer.

Everything that runs belongs to a process, or to the world. A process can be killed or stopped between any two steps of
its tasks, as a signal does it: nothing of it runs any more, not even a `finally`.
"""

import asyncio
import heapq
import random
from collections import deque
from collections.abc import Callable
from contextvars import Context, ContextVar
from typing import Any


class Livelock(Exception):
    """The loop runs and runs, and no time passes."""


MOST_STEPS = 20_000
"""More steps than this at one instant are a loop without rest."""


class Process:
    """Something that can be killed. `fuse` is the number of steps until that happens by itself."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.dead = False
        self.stopped = False
        self.fuse: int | None = None
        self.killed: Callable[[], None] = lambda: None
        self._held: list[asyncio.Handle] = []

    def kill(self) -> None:
        """SIGKILL."""
        if not self.dead:
            self.dead = True
            self.killed()

    @property
    def rests(self) -> bool:
        """Whether nothing of it may run."""
        return self.dead or self.stopped

    def hold(self, handle: asyncio.Handle) -> None:
        """A step that comes while it rests."""
        self._held.append(handle)

    def release(self) -> list[asyncio.Handle]:
        """All that waits, to go on."""
        held, self._held = self._held, []
        return held


RUNNING: ContextVar[Process | None] = ContextVar("RUNNING", default=None)
"""The process that a task belongs to; None for the world."""


class Task(asyncio.Task[Any]):
    """A task whose place in a set depends on nothing but the seed."""

    def __init__(self, *args: Any, number: int, **kwargs: Any) -> None:
        self._number = number
        super().__init__(*args, **kwargs)

    def __hash__(self) -> int:
        return self._number

    def __eq__(self, other: object) -> bool:
        return self is other


class VirtualLoop(asyncio.BaseEventLoop):
    """Virtual time, in seconds since the loop was made."""

    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._instant = 0.0
        self._dice = random.Random(seed)  # noqa: S311 - no secret
        self._steps = 0
        self._tasks = 0
        self.set_task_factory(self._new_task)

    def time(self) -> float:
        return self._instant

    def resume(self, process: Process) -> None:
        """Let a process go on that was stopped; or one that was killed come to an end, when all is over."""
        process.dead = process.stopped = False
        process.fuse = None
        self._ready.extend(process.release())

    def _new_task(self, loop: asyncio.AbstractEventLoop, coro: Any, context: Any = None) -> Task:
        self._tasks += 1
        return Task(coro, loop=loop, number=self._tasks, context=context)

    def _run_once(self) -> None:
        ready, timers = self._ready, self._scheduled
        if not ready:
            self._leap()
        while timers and (timers[0]._cancelled or timers[0].when() <= self._instant):
            timer = heapq.heappop(timers)
            if not timer._cancelled:
                ready.append(timer)
        self._count()
        # One turn: what becomes ready meanwhile belongs to the next one, as in every event loop.
        turn = list(ready)
        ready.clear()
        if len(turn) > 1:
            self._dice.shuffle(turn)
        for handle in turn:
            if not handle._cancelled:
                self._step(handle)

    def _leap(self) -> None:
        timers = self._scheduled
        while timers and timers[0]._cancelled:
            heapq.heappop(timers)
        if not timers:
            raise Livelock("nothing is left to happen")
        if timers[0].when() > self._instant:
            self._instant, self._steps = timers[0].when(), 0

    def _count(self) -> None:
        self._steps += 1
        if self._steps > MOST_STEPS:
            self._steps = 0
            raise Livelock(f"no rest at second {self._instant:.3f}")

    def _step(self, handle: asyncio.Handle) -> None:
        context: Context = handle._context  # type: ignore[attr-defined]
        process = context.get(RUNNING)
        if process is not None:
            if process.rests:
                process.hold(handle)
                return
            if process.fuse is not None:
                process.fuse -= 1
                if process.fuse < 0:
                    process.kill()
                    process.hold(handle)
                    return
        handle._run()

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """It is passed over when its time comes."""

    # The part of a loop with sockets and threads; there are none.

    def _process_events(self, event_list: Any) -> None:
        pass

    def _write_to_self(self) -> None:
        pass
