"""Counts the function calls of a step, which stand for its time: they are the same on each machine.

Python reports each call to `sys.setprofile`, of functions in Python and in C. A call in C counts once, however long it
takes, and so does a loop that calls nothing: a row shows growth in work that our own code does for each thing.
"""

import asyncio
import inspect
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import FrameType
from typing import Any, Self

Step = Callable[[], Awaitable[object] | object]
"""The counted function; it may return an awaitable."""
Prepare = Callable[[int, AsyncExitStack], Awaitable[Step]]
"""Makes as many of the things, and returns the step, which meets all of them."""

MOST_GROWTH = 2.3
"""How much more calls a step may make with twice as many things. A sort is a little more than linear."""
MOST_IN_ONE_PIECE = 120_000
"""How many calls the event loop may stand still for: some 25 ms on a core of 2020."""
_LOOP = asyncio.Handle._run.__code__


@dataclass(frozen=True, slots=True)
class Cost:
    """All calls of a step, and the most in one piece: between two turns of the event loop."""

    calls: int
    piece: int


@dataclass(frozen=True, slots=True)
class Row:
    """A step and a thing of which a tenant can make many."""

    step: str
    """What happens once: a plan, an event, a grant, a sweep, a request."""
    things: str
    """What there are many of."""
    n: int
    """The step is counted with n of them and with 2n, which is the most where something bounds them."""
    prepare: Prepare

    @property
    def name(self) -> str:
        """The id of the row."""
        return f"{self.step}: {self.things}"


def ready(make: Callable[[int], Step]) -> Prepare:
    """For a step that needs nothing to be closed."""

    async def prepare(count: int, _: AsyncExitStack) -> Step:
        return make(count)

    return prepare


@dataclass(frozen=True, slots=True)
class Measured:
    """The costs of a row with n things, and with 2n."""

    row: Row
    once: Cost
    twice: Cost

    @property
    def growth(self) -> float:
        """How many times the calls twice as many things take."""
        return self.twice.calls / self.once.calls

    @property
    def piece(self) -> int:
        """The most calls in one piece."""
        return max(self.once.piece, self.twice.piece)

    @property
    def fault(self) -> str:
        """The bound that the row breaks, as a sentence; empty if it breaks none."""
        row = self.row
        if self.growth > MOST_GROWTH:
            counts = f"{self.once.calls} calls with {row.n}, {self.twice.calls} with {2 * row.n}"
            return f"{row.name}: {counts}, {self.growth:.2f} times as many, and {MOST_GROWTH} are allowed"
        if self.piece > MOST_IN_ONE_PIECE:
            return f"{row.name}: {self.piece} calls in one piece, and {MOST_IN_ONE_PIECE} are allowed"
        return ""


class _Counter:
    """Counts until it is stopped."""

    def __init__(self) -> None:
        self.calls = 0
        self._before = 0
        self._longest = 0

    def __enter__(self) -> Self:
        sys.setprofile(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    @property
    def cost(self) -> Cost:
        """All so far."""
        return Cost(self.calls, max(self._longest, self.calls - self._before))

    def _note(self, frame: FrameType, event: str, _: Any) -> None:
        if event == "call" or event == "c_call":  # noqa: PLR1714 - this runs a million times
            self.calls += 1
            if frame.f_code is _LOOP:
                self._longest = max(self._longest, self.calls - self._before)
                self._before = self.calls


async def counted(row: Row, things: int) -> Cost:
    """The cost of one step with this many things."""
    async with AsyncExitStack() as stack:
        step = await row.prepare(things, stack)
        with _Counter() as counter:
            done = step()
            if inspect.isawaitable(done):
                await done
        return counter.cost


async def measured(row: Row) -> Measured:
    """The costs of a row. A first step fills the caches of all processes, as of regular expressions."""
    await counted(row, max(1, row.n // 16))
    return Measured(row, await counted(row, row.n), await counted(row, 2 * row.n))
