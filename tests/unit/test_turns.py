"""Places by turns of groups."""

import asyncio

import pytest

from dkron_runtime.turns import Turns


class Guests:
    """Tasks that hold a place until they may leave; `inside` in the order in which they came in."""

    def __init__(self, places: int, share: int) -> None:
        self.turns, self.inside = Turns(places, share=share), list[str]()
        self.leave: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def come(self, *names: str) -> list[str]:
        """Guests arrive: the first letter is their group."""
        for name in names:
            self.leave[name] = asyncio.Event()
            self.tasks[name] = asyncio.create_task(self._visit(name))
        return await self.settled()

    async def go(self, name: str) -> list[str]:
        self.leave[name].set()
        await self.tasks[name]
        return await self.settled()

    async def settled(self) -> list[str]:
        for _ in range(3):
            await asyncio.sleep(0)
        return self.inside

    async def _visit(self, name: str) -> None:
        async with self.turns.place(name[0]):
            self.inside.append(name)
            await self.leave[name].wait()


async def test_group_with_many_leaves_room_for_others() -> None:
    guests = Guests(places=4, share=2)
    assert await guests.come("a1", "a2", "a3", "a4", "b1") == ["a1", "a2", "b1"]
    assert await guests.go("b1") == ["a1", "a2", "b1"]
    assert await guests.go("a1") == ["a1", "a2", "b1", "a3"]
    for name in ("a2", "a3", "a4"):
        await guests.go(name)


async def test_next_place_is_another_groups() -> None:
    guests = Guests(places=1, share=1)
    await guests.come("a1", "a2", "a3", "b1", "c1")
    for name in ("a1", "a2", "b1", "c1", "a3"):
        await guests.go(name)
    assert guests.inside == ["a1", "a2", "b1", "c1", "a3"]


@pytest.mark.parametrize(
    ("late", "order"),
    [
        pytest.param(False, ["a1", "a3", "b1"], id="while it waits"),
        pytest.param(True, ["a1", "b1", "a3"], id="when it is its turn"),
    ],
)
async def test_place_of_a_cancelled_guest_is_free(late: bool, order: list[str]) -> None:
    guests = Guests(places=1, share=1)
    await guests.come("a1", "a2", "b1", "a3")
    if late:
        guests.leave["a1"].set()
        await asyncio.sleep(0)
    guests.tasks["a2"].cancel()
    await guests.settled()
    for name in order:
        guests.leave[name].set()
        await guests.settled()
    assert guests.inside == order
    assert all(task.done() for task in guests.tasks.values())
