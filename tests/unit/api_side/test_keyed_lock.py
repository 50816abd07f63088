"""Writes of one job come one after another, and leave nothing behind."""

import asyncio

from dkron_api.jobs.keyed_lock import KeyedLock


async def test_one_name_is_a_queue_and_others_do_not_wait() -> None:
    turns, order = KeyedLock(), list[str]()

    async def write(name: str, label: str) -> None:
        async with turns.of(name):
            order.append(f"{label} begins")
            await asyncio.sleep(0)
            order.append(f"{label} ends")

    await asyncio.gather(write("a", "first"), write("a", "second"), write("b", "other"))
    assert order.index("first ends") < order.index("second begins")
    assert order.index("other begins") < order.index("first ends")
    assert len(turns) == 0


async def test_cancelled_waiter_leaves_the_queue() -> None:
    turns = KeyedLock()
    async with turns.of("a"):
        impatient = asyncio.create_task(_hold(turns))
        await asyncio.sleep(0)
        impatient.cancel()
        await asyncio.gather(impatient, return_exceptions=True)
        assert len(turns) == 1
    assert len(turns) == 0


async def _hold(turns: KeyedLock) -> None:
    async with turns.of("a"):
        raise AssertionError("it was not its turn")
