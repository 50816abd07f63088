"""The due queue in virtual time, with a wall clock that can be set."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest

from dkron_operator.kit.clock import Clock
from dkron_operator.reconcile.due_queue import DueQueue
from tests.support.builders import NOON, after
from tests.support.edges import until

pytestmark = pytest.mark.looptime


class Wall:
    """A wall clock that goes with the loop, except for what it is `set` by."""

    def __init__(self) -> None:
        self.error = timedelta()

    def now(self) -> datetime:
        return NOON + timedelta(seconds=asyncio.get_running_loop().time()) + self.error

    def set(self, seconds: float) -> None:
        """Set the clock forward, or back."""
        self.error += timedelta(seconds=seconds)


class Handed:
    """The jobs that were handed over, and when by the wall clock."""

    def __init__(self, wall: Wall) -> None:
        self.log: list[tuple[float, str]] = []
        self._wall = wall

    def __call__(self, uid: str) -> None:
        self.log.append(((self._wall.now() - NOON).total_seconds(), uid))


def clock_of(wall: Wall) -> Clock:
    return Clock(wall.now, lambda: asyncio.get_running_loop().time())


def able(due_queue: DueQueue, wall: Wall) -> datetime:
    """Since when slots can be fired, by the wall clock as it is set now."""
    return clock_of(wall).when(due_queue.fireable_since, wall.now())


@asynccontextmanager
async def running() -> AsyncIterator[tuple[DueQueue, Wall, Handed]]:
    wall = Wall()
    handed = Handed(wall)
    due_queue = DueQueue(clock_of(wall), handed)
    task = asyncio.create_task(due_queue.run())
    try:
        yield due_queue, wall, handed
    finally:
        assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(
    ("sets", "handed_over"),
    [
        pytest.param(
            [(0, "b", 20), (0, "a", 10.25), (0, "c", 20.5)], [(10.25, "a"), (20, "b"), (20.5, "c")], id="in order"
        ),
        pytest.param([(5, "a", 1)], [(5, "a")], id="at once if it is due already"),
        pytest.param([(0, "a", 1), (0, "a", 1)], [(1, "a")], id="once"),
        pytest.param([(0, "a", 100), (1.5, "a", 3)], [(3, "a")], id="earlier than it was set first, and not again"),
        pytest.param([(0, "a", 3), (0, "a", 5)], [(5, "a")], id="later than it was set first, and not before"),
        pytest.param([(0, "a", second) for second in (5, 3, 5, 3, 5)], [(5, "a")], id="once, set to and fro"),
        pytest.param([(0, "a", 3), (0, "a", None), (0, "b", None)], [], id="not if there is nothing to come"),
    ],
)
async def test_a_job_is_handed_over(
    sets: list[tuple[float, str, float | None]], handed_over: list[tuple[float, str]]
) -> None:
    """It is set at these seconds, to these seconds."""
    async with running() as (due_queue, _, handed):
        for at, uid, due in sets:
            if at:
                await until(at)
            due_queue.set(uid, None if due is None else after(due))
        await until(200)
        assert len(due_queue) == 0
    assert [(round(when, 2), uid) for when, uid in handed.log] == handed_over


async def test_jobs_due_at_one_instant_are_dispatched_together() -> None:
    async with running() as (due_queue, _, handed):
        for number in range(1000):
            due_queue.set(f"{number:03}", after(60))
        await asyncio.sleep(61)
    assert len(handed.log) == 1000
    assert {when for when, _ in handed.log} == {60.0}


async def test_job_may_be_rescheduled_during_its_dispatch() -> None:
    wall = Wall()
    handed = Handed(wall)

    def again(uid: str) -> None:
        handed(uid)
        due_queue.set(uid, wall.now() + timedelta(seconds=10))

    due_queue = DueQueue(clock_of(wall), again)
    due_queue.set("a", after(10))
    task = asyncio.create_task(due_queue.run())
    await asyncio.sleep(35)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert handed.log == [(10.0, "a"), (20.0, "a"), (30.0, "a")]


# --- the clock is set ----------------------------------------------------------------------------------------------


async def test_clock_set_forward_dispatches_overdue_jobs_in_a_second() -> None:
    async with running() as (due_queue, wall, handed):
        due_queue.set("a", after(3600))
        await asyncio.sleep(10.5)
        assert able(due_queue, wall) == NOON
        wall.set(7200)
        await asyncio.sleep(1.0)
        ((when, uid),) = handed.log
        assert uid == "a"
        assert 7210 <= when <= 7212
        assert able(due_queue, wall) > after(7200)


async def test_clock_set_back_dispatches_at_once_and_when_due_again() -> None:
    async with running() as (due_queue, wall, handed):
        await asyncio.sleep(100)
        due_queue.set("b", after(120))
        due_queue.set("a", after(110))
        wall.set(-50)
        await asyncio.sleep(100)
        assert able(due_queue, wall) == after(-50), "nothing was missed"
    (first, *_), *_ = handed.log
    assert first <= 52, "a look at the clock each second"
    assert handed.log == [(first, "a"), (first, "b"), (110.0, "a"), (120.0, "b")]


async def test_clock_set_back_is_noticed_at_any_wake_up() -> None:
    async with running() as (due_queue, wall, handed):
        due_queue.set("a", after(900))
        await asyncio.sleep(100.5)
        wall.set(-50)
        due_queue.set("b", after(60))
        await asyncio.sleep(1)
    assert [uid for _, uid in handed.log] == ["b", "a"]


async def test_small_clock_correction_dispatches_nothing() -> None:
    async with running() as (due_queue, wall, handed):
        due_queue.set("a", after(110))
        await asyncio.sleep(100)
        wall.set(-4)
        await asyncio.sleep(5)
    assert handed.log == []


# --- the process stands still --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "missed"),
    [
        pytest.param(4.0, False, id="a short stall is lateness"),
        pytest.param(30.0, True, id="a long one means that slots were missed"),
    ],
)
async def test_a_stall(seconds: float, *, missed: bool) -> None:
    async with running() as (due_queue, wall, handed):
        due_queue.set("a", after(12))
        await asyncio.sleep(10.5)
        # While nothing runs, only the wall clock goes on.
        wall.set(seconds)
        await asyncio.sleep(1.5)
        assert (able(due_queue, wall) > after(seconds)) is missed
    assert [uid for _, uid in handed.log] == ["a"]


async def test_stall_is_noticed_at_any_wake_up() -> None:
    async with running() as (due_queue, wall, _handed):
        due_queue.set("a", after(hours=1))
        await asyncio.sleep(10.5)
        wall.set(30)
        due_queue.set("b", after(600))
        await asyncio.sleep(0.1)
        assert able(due_queue, wall) > after(30)
