"""The event loop without a clock."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context

import pytest

from tests.simulation.loop import RUNNING, Livelock, Process, VirtualLoop


def run(main: Callable[[VirtualLoop], Awaitable[list[str]]], *, seed: int = 0) -> list[str]:
    loop = VirtualLoop(seed)
    try:
        return loop.run_until_complete(_begin(main, loop))
    finally:
        loop.close()


async def _begin(main: Callable[[VirtualLoop], Awaitable[list[str]]], loop: VirtualLoop) -> list[str]:
    return await main(loop)


def test_time_jumps_to_the_next_timer() -> None:
    async def main(loop: VirtualLoop) -> list[str]:
        await asyncio.sleep(3600)
        return [f"{loop.time():.0f}"]

    assert run(main) == ["3600"]


async def several(_: VirtualLoop) -> list[str]:
    done: list[str] = []

    async def one(name: str) -> None:
        await asyncio.sleep(0)
        done.append(name)

    await asyncio.gather(*(one(name) for name in "abcdef"))
    return done


def test_order_of_ready_tasks_follows_from_the_seed() -> None:
    orders = {seed: run(several, seed=seed) for seed in range(5)}
    assert {seed: run(several, seed=seed) for seed in range(5)} == orders
    assert len({tuple(order) for order in orders.values()}) > 1


def test_a_process_that_is_killed_does_nothing_more() -> None:
    async def main(loop: VirtualLoop) -> list[str]:
        done: list[str] = []
        process, context = Process("p"), Context()
        context.run(RUNNING.set, process)

        async def work() -> None:
            try:
                for number in range(10):
                    done.append(str(number))
                    await asyncio.sleep(1)
            finally:
                done.append("tidied up")

        task = loop.create_task(work(), context=context)
        await asyncio.sleep(2.5)
        process.kill()
        await asyncio.sleep(10)
        seen = list(done)
        loop.resume(process)
        task.cancel()
        await asyncio.wait({task})
        return seen

    assert run(main) == ["0", "1", "2"]


def test_paused_process_continues_where_it_was() -> None:
    async def main(loop: VirtualLoop) -> list[str]:
        done: list[str] = []
        process, context = Process("p"), Context()
        context.run(RUNNING.set, process)

        async def work() -> None:
            await asyncio.sleep(1)
            done.append(f"{loop.time():.0f}")

        task = loop.create_task(work(), context=context)
        await asyncio.sleep(0.5)
        process.stopped = True
        await asyncio.sleep(5)
        loop.resume(process)
        await task
        return done

    assert run(main) == ["6"]


def test_busy_loop_is_reported() -> None:
    async def main(_: VirtualLoop) -> list[str]:
        async def spin() -> None:
            while True:  # noqa: ASYNC110 - as a mistake would
                await asyncio.sleep(0)

        spinning = asyncio.create_task(spin())
        try:
            await asyncio.sleep(1)
        finally:
            spinning.cancel()
        return []

    loop = VirtualLoop(0)
    with pytest.raises(Livelock, match="no rest"):
        loop.run_until_complete(_begin(main, loop))
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
