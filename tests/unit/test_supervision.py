"""Supervision: a task that ends is reported, and starts again after a pause that grows."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from dkron_runtime.supervision import FIRST_PAUSE, LAST_PAUSE, PROBATION, STEADY, Supervisor

pytestmark = pytest.mark.looptime


class Fatal(Exception):
    """The program does not go on after this."""


class Part:
    """Lives for as long as it is told to each time, and then fails or ends; at last it lives for ever."""

    def __init__(self, *lives: float, error: Exception | None = None) -> None:
        self.begun: list[float] = []
        self._lives = list(lives)
        self._error = error

    async def __call__(self) -> None:
        self.begun.append(asyncio.get_running_loop().time())
        if not self._lives:
            await asyncio.Event().wait()
        await asyncio.sleep(self._lives.pop(0))
        if self._error is not None:
            raise self._error


@asynccontextmanager
async def supervised(part: Part) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(clock=asyncio.get_running_loop().time)
    task = supervisor.start("the part", part)
    yield supervisor
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        pytest.param(ValueError("odd"), "ValueError: odd", id="fails"),
        pytest.param(ExceptionGroup("many", [ValueError("odd")]), "ValueError: odd", id="fails in a group"),
        pytest.param(None, "it returned", id="ends"),
    ],
)
async def test_ended_task_is_reported_until_it_restarts(
    caplog: pytest.LogCaptureFixture, error: Exception | None, words: str
) -> None:
    part = Part(1, error=error)
    async with supervised(part) as supervisor:
        assert supervisor.troubles == []
        await asyncio.sleep(1.5)
        assert supervisor.troubles == [f"the part ({words})"]
        await asyncio.sleep(FIRST_PAUSE)
        assert supervisor.troubles == [f"the part ({words})"], "it has only just begun"
        await asyncio.sleep(PROBATION)
        assert supervisor.troubles == []
    assert part.begun == [0, 1 + FIRST_PAUSE]
    assert words in caplog.text
    assert [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_delays_grow_and_reset_after_a_long_life() -> None:
    part = Part(*[0.0] * 10, STEADY + 1, 0.0, error=ValueError())
    async with supervised(part):
        await asyncio.sleep(1000)
    pauses = [round(later - earlier, 3) for earlier, later in pairwise(part.begun)]
    assert pauses[:4] == [1, 2, 4, 8]
    assert pauses[9] == LAST_PAUSE
    assert pauses[10] == STEADY + 1 + FIRST_PAUSE


async def test_task_that_cancels_itself_restarts() -> None:
    part = Part(0, error=None)
    lives = 0

    async def work() -> None:
        nonlocal lives
        lives += 1
        if lives == 1:
            raise asyncio.CancelledError
        await part()

    supervisor = Supervisor(clock=asyncio.get_running_loop().time)
    task = supervisor.start("x", work)
    await asyncio.sleep(FIRST_PAUSE + 0.5)
    assert lives == 2
    task.cancel()


async def test_fatal_error_and_permitted_end_finish_the_task() -> None:
    supervisor = Supervisor(clock=asyncio.get_running_loop().time)
    with pytest.raises(Fatal):
        await supervisor.start("x", Part(1, error=Fatal()), fatal=(Fatal,))
    await supervisor.start("y", Part(1), may_end=True)
    assert supervisor.troubles == []
